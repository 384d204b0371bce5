import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import { deliverWebhooks } from '../../core/webhooks/deliver.ts'
import { resendDelivery, testEndpoint } from '../../core/webhooks/deliveries.ts'
import { leaseEndpoints } from '../../core/webhooks/due.ts'
import { deleteEndpoint, rotateSecret, updateEndpoint } from '../../core/webhooks/endpoints.ts'
import { jobIn } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { makeDeliveries, makeEndpoint, makeEndpoints } from '../support/database/webhooks.ts'

interface Received {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
}

let db: TestDatabase
let received: Received[] = []
let answer: (request: IncomingMessage, response: ServerResponse) => void
const ok = (_: IncomingMessage, response: ServerResponse) => void response.end('thank you')
const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  received.push({ path: request.url ?? '', headers: request.headers as Record<string, string>, body })
  answer(request, response)
})
let base = ''
test.beforeAll(async ({ workerDatabase }) => {
  db = workerDatabase
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  received = []
  answer = ok
})
afterEach(() => server.closeAllConnections())
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
})

const logged: unknown[] = []
/** Delivers until nothing is due. */
const deliver = (changes: object = {}, signal?: AbortSignal) =>
  deliverWebhooks(
    {
      database: db,
      allowLoopbackHttp: true,
      random: () => 0,
      pollMs: 20,
      clock: () => performance.now(),
      now: Date.now,
      log: (...said: unknown[]) => void logged.push(said),
      ...changes,
    },
    {
      deadline: performance.now() + 600_000,
      signal,
      drained: AbortSignal.abort(),
      lastStart: () => Number.POSITIVE_INFINITY,
    },
  )
const rowsOf = (what = '*') => db.sql(`SELECT ${what} FROM vision_webhook_deliveries ORDER BY id`)
const endpointRow = async () => (await db.sql('SELECT * FROM vision_webhook_endpoints'))[0] ?? {}
/** Time passes: everything that waits is due. */
const allDue = async () => {
  await db.sql("UPDATE vision_webhook_deliveries SET due_at = UTC_TIMESTAMP(3) WHERE status = 'pending'")
  await db.sql('UPDATE vision_webhook_endpoints SET retry_at = NULL')
}

test('what happened is posted, signed as Standard Webhooks says, and its answer kept', async () => {
  const { secret, endpointId, userId } = await makeEndpoint(db, { url: `${base}/hook?a=1` })
  const { jobId } = await jobIn(db, 'completed')
  expect(await deliver()).toEqual({ delivered: 2, failed: 0 })
  expect(received.map(({ path, body }) => [path, JSON.parse(body).type])).toEqual([
    ['/hook?a=1', 'text.completed'],
    ['/hook?a=1', 'job.completed'],
  ])
  for (const { body, headers } of received) expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
  expect(JSON.parse(received[1]?.body ?? '')).toEqual({
    type: 'job.completed',
    payloadVersion: 1,
    timestamp: expect.stringMatching(/Z$/),
    data: { jobId, batchId: null, version: 5, status: 'completed', error: null },
  })
  expect(await rowsOf('status, attempts, answer_status, answer, error')).toEqual(
    [1, 1].map((attempts) => ({ status: 'delivered', attempts, answer_status: 200, answer: 'thank you', error: null })),
  )
  const rotated = await rotateSecret(db, { endpointId, userId }, 3_600_000, randomBytes)
  await testEndpoint(db, { endpointId, userId })
  await deliver()
  const { body = '', headers = {} } = received.at(-1) ?? {}
  for (const one of [secret, rotated.secret]) expect(() => new Webhook(one).verify(body, headers)).not.toThrow()
  expect(() => new Webhook(`whsec_${Buffer.alloc(32).toString('base64')}`).verify(body, headers)).toThrow()
})

test('what fails is sent again as itself, and what comes after it for the same job waits', async () => {
  await makeEndpoint(db, { url: `${base}/hook` })
  await jobIn(db, 'completed')
  answer = (_, response) => void response.writeHead(500).end('x'.repeat(10_000))
  expect(await deliver()).toEqual({ delivered: 0, failed: 1 })
  expect(await rowsOf('status, attempts, LENGTH(answer) AS bytes, error')).toEqual([
    { status: 'pending', attempts: 1, bytes: 256, error: 'status' },
    { status: 'pending', attempts: 0, bytes: null, error: null },
  ])
  // Not due before the one before it, which is not due yet.
  const [first, second] = await rowsOf('due_at, due_at > UTC_TIMESTAMP(3) AS later')
  expect([second?.due_at, Number(first?.later)]).toEqual([first?.due_at, 1])
  expect(await endpointRow()).toMatchObject({ failures: 1, failing_since: expect.any(String) })
  answer = ok
  await allDue()
  expect(await deliver()).toEqual({ delivered: 2, failed: 0 })
  expect(received.map(({ headers }) => headers['webhook-id'])).toEqual([
    ...[received[0]?.headers['webhook-id'], received[0]?.headers['webhook-id']],
    expect.stringMatching(/^msg_/),
  ])
  expect(await endpointRow()).toMatchObject({ failures: 0, failing_since: null })
})

test('410 ends the endpoint, and so do five days of failures, which its log says', async () => {
  const { endpointId, userId } = await makeEndpoint(db, { url: `${base}/hook` })
  await testEndpoint(db, { endpointId, userId })
  answer = (_, response) => void response.writeHead(410).end()
  await deliver()
  expect(await endpointRow()).toMatchObject({ disabled_reason: 'gone' })
  expect(await rowsOf('status, error')).toEqual([{ status: 'failed', error: 'gone' }])
  await updateEndpoint(db, { endpointId, userId }, { enabled: true })
  answer = (_, response) => void response.writeHead(500).end()
  for (const [days, reason] of [
    [4, null],
    [6, 'failing'],
  ] as const) {
    await testEndpoint(db, { endpointId, userId })
    await db.sql(
      'UPDATE vision_webhook_endpoints SET retry_at = NULL, failing_since = UTC_TIMESTAMP(3) - INTERVAL ? DAY',
      [days],
    )
    await deliver()
    expect((await endpointRow()).disabled_reason).toBe(reason)
  }
  expect(JSON.stringify(logged)).toContain('webhook disabled')
  await allDue()
  expect(await deliver()).toEqual({ delivered: 0, failed: 0 })
})

test('a delivery is given up after three days', async () => {
  const { endpointId, userId } = await makeEndpoint(db, { url: `${base}/hook` })
  await testEndpoint(db, { endpointId, userId })
  await testEndpoint(db, { endpointId, userId })
  const [first] = await rowsOf()
  await db.sql('UPDATE vision_webhook_deliveries SET expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND')
  await db.sql('UPDATE vision_webhook_deliveries SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id = ?', [
    first?.id,
  ])
  answer = (_, response) => void response.writeHead(500).end()
  await deliver()
  expect(received).toHaveLength(1)
  expect(await rowsOf('status, error')).toEqual([
    { status: 'failed', error: 'expired' },
    { status: 'failed', error: 'status' },
  ])
})

test('a hundred endpoints that never answer delay no other, and each costs one attempt', async () => {
  await makeEndpoints(db, 100, { url: `${base}/dead` })
  await db.sql('UPDATE vision_webhook_endpoints SET slow = 1')
  await makeDeliveries(db, '/dead', 2)
  await makeEndpoint(db, { userId: 'ann', url: `${base}/live` })
  await makeDeliveries(db, '/live', 30)
  const lived = Promise.withResolvers<void>()
  const count = (path: string) => received.filter((one) => one.path === path).length
  const aborting = new AbortController()
  onTestFinished(() => aborting.abort())
  answer = (request, response) => {
    if (request.url === '/dead') return
    response.end()
    if (count('/live') === 30) lived.resolve()
  }
  const delivering = deliverWebhooks(
    {
      database: db,
      allowLoopbackHttp: true,
      random: () => 0,
      pollMs: 20,
      log: () => undefined,
      clock: () => performance.now(),
      now: Date.now,
    },
    {
      deadline: performance.now() + 600_000,
      signal: aborting.signal,
      drained: new AbortController().signal,
      lastStart: () => 0,
    },
  )
  // All of it came, while each dead one that had its turn waits for its first answer.
  await lived.promise
  expect(count('/dead')).toBeLessThanOrEqual(64)
  aborting.abort()
  await delivering
  // What was under way is sent again later, and is no failure of the endpoint's.
  expect(
    await db.sql('SELECT 1 FROM vision_webhook_endpoints WHERE failures > 0 OR lease_expires_at IS NOT NULL'),
  ).toEqual([])
})

test('two workers serve an endpoint one after the other, and a dead one for no longer than its lease', async () => {
  const endpoint = await makeEndpoint(db, { url: `${base}/hook` })
  await makeDeliveries(db, '/hook', 30)
  await Promise.all([deliver(), deliver(), deliver()])
  await deliver()
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(30)
  expect(received).toHaveLength(30)
  await testEndpoint(db, endpoint)
  await db.sql('UPDATE vision_webhook_endpoints SET lease_expires_at = UTC_TIMESTAMP(3) + INTERVAL 60 SECOND')
  expect(await deliver()).toEqual({ delivered: 0, failed: 0 })
  await db.sql('UPDATE vision_webhook_endpoints SET lease_expires_at = UTC_TIMESTAMP(3)')
  expect(await deliver()).toEqual({ delivered: 1, failed: 0 })
})

test('the endpoint that was served longest ago is next, degraded ones among themselves', async () => {
  await makeEndpoints(db, 5)
  await makeDeliveries(db, '', 1)
  const ids = (await db.sql('SELECT id FROM vision_webhook_endpoints ORDER BY id DESC')).map(({ id }) => Number(id))
  const [first, second, third, slow, failing] = ids
  for (const [day, id] of ids.entries())
    await db.sql('UPDATE vision_webhook_endpoints SET served_at = ? WHERE id = ?', [`2026-01-0${day + 1}`, id])
  await db.sql('UPDATE vision_webhook_endpoints SET slow = 1 WHERE id = ?', [slow])
  await db.sql('UPDATE vision_webhook_endpoints SET failures = 3 WHERE id = ?', [failing])
  const lease = async () => (await leaseEndpoints(db, { quick: 1, degraded: 1 })).map(({ id }) => id)
  expect(new Set(await lease())).toEqual(new Set([first, slow]))
  expect(new Set(await lease())).toEqual(new Set([second, failing]))
  expect(await lease()).toEqual([third])
})

test('endpoints that have just died delay the quick ones only until they are found to be slow', async () => {
  await makeEndpoints(db, 20, { url: `${base}/dead` })
  const live = await makeEndpoint(db, { userId: 'ann', url: `${base}/live` })
  await makeDeliveries(db, '', 1)
  await db.sql("UPDATE vision_webhook_endpoints SET served_at = IF(id = ?, '2026-01-02', '2026-01-01')", [
    live.endpointId,
  ])
  const aborting = new AbortController()
  onTestFinished(() => aborting.abort())
  answer = (request, response) => {
    if (request.url === '/dead') return
    response.end()
    aborting.abort()
  }
  // There are 16 places for quick ones, and all of them are taken.
  await deliver({ slowMs: 50 }, aborting.signal)
  expect(received.filter(({ path }) => path === '/live')).toHaveLength(1)
})

describe('what its owner changes holds from the next post on, with twenty that are read already:', () => {
  let endpoint: Awaited<ReturnType<typeof makeEndpoint>>
  /** Has the owner make a change while the first post waits for its answer. */
  const changeMidway = async (change: () => Promise<unknown>, status = 200) => {
    endpoint = await makeEndpoint(db, { url: `${base}/hook` })
    await makeDeliveries(db, '/hook', 8)
    // One post at a time.
    await db.sql('UPDATE vision_webhook_endpoints SET slow = 1')
    answer = async (request, response) => {
      if (received.length === 1) await change()
      response.writeHead(request.url === '/hook' ? status : 200).end()
    }
    await deliver()
  }
  const byUs = () => ({ endpointId: endpoint.endpointId, userId: endpoint.userId })
  const idsAt = (path: string) =>
    new Set(received.flatMap((one) => (one.path === path ? [one.headers['webhook-id']] : []))).size

  test.each([200, 500])('a deletion, whatever the answer (%d)', async (status) => {
    await changeMidway(() => deleteEndpoint(db, byUs()), status)
    expect(received).toHaveLength(1)
  })

  test.each([200, 500])('disabling, whatever the answer (%d), until it is enabled', async (status) => {
    await changeMidway(() => updateEndpoint(db, byUs(), { enabled: false }), status)
    expect(received).toHaveLength(1)
    expect(await endpointRow()).toMatchObject({ disabled_reason: 'owner', failures: 0 })
    answer = ok
    await updateEndpoint(db, byUs(), { enabled: true })
    await deliver()
    expect(idsAt('/hook')).toBe(8)
  })

  test('another URL, and what the former one answers then ends neither the webhook nor the delivery', async () => {
    await changeMidway(() => updateEndpoint(db, byUs(), { url: `${base}/new` }), 410)
    expect([idsAt('/hook'), idsAt('/new')]).toEqual([1, 8])
    expect(received[1]?.path).toBe('/new')
    expect(await endpointRow()).toMatchObject({ disabled_reason: null, failures: 0 })
    expect(new Set((await rowsOf('status')).map(({ status }) => status))).toEqual(new Set(['delivered']))
  })

  test('another secret, with that of before invalid at once', async () => {
    let secret = ''
    await changeMidway(async () => {
      secret = (await rotateSecret(db, byUs(), 0, randomBytes)).secret
    })
    const verifies = (by: string) =>
      received.map(({ body, headers }) => {
        try {
          return Boolean(new Webhook(by).verify(body, headers))
        } catch {
          return false
        }
      })
    const others = Array.from({ length: 7 }, () => true)
    expect(verifies(secret)).toEqual([false, ...others])
    expect(verifies(endpoint.secret)).toEqual([true, ...others.map(() => false)])
  })

  test('while a change of nothing that is sent takes it from nobody', async () => {
    const { endpointId, userId } = await makeEndpoint(db, { url: `${base}/hook` })
    await makeDeliveries(db, '/hook', 1)
    await leaseEndpoints(db, { quick: 1, degraded: 1 })
    const held = ({ lease, lease_expires_at }: Record<string, unknown>) => [lease, lease_expires_at]
    const before = held(await endpointRow())
    await updateEndpoint(db, { endpointId, userId }, { url: `${base}/hook`, enabled: true, description: 'ours' })
    expect(held(await endpointRow())).toEqual(before)
  })
})

test('what an endpoint still waits for is delivered, also where it was given back while the worker looked for others', async () => {
  await makeEndpoint(db, { url: `${base}/hook` })
  // One more than are read at a time: it is served twice.
  await makeDeliveries(db, '/hook', 21)
  const looked = Promise.withResolvers<void>()
  answer = (request, response) => void looked.promise.then(() => ok(request, response))
  let looks = 0
  const held: Database = {
    ...db,
    run: async (work, options) => {
      const result = await db.run(work, options)
      if (!Array.isArray(result)) return result
      if (result[0]?.due !== undefined) looks++
      // The second look has found nothing, since the endpoint is leased: it is answered once that has been given back.
      if (looks === 2 && result.length === 0) {
        looked.resolve()
        await expect.poll(async () => (await endpointRow()).lease_expires_at).toBeNull()
        await delay(20)
      }
      return result
    },
  }
  expect(await deliver({ database: held })).toEqual({ delivered: 21, failed: 0 })
})

describe('of one job a later event waits for every earlier one', () => {
  /** Three events of one job: when each is due, in seconds from now. */
  const makeThree = async (due: readonly [number, number, number]) => {
    const { endpointId, userId } = await makeEndpoint(db, { url: `${base}/hook` })
    await db.sql(
      `INSERT INTO vision_webhook_deliveries (endpoint_id, type, job_id, version, data, status, due_at, expires_at, created_at)
        VALUES ${due.map(() => "(?, 'text.completed', 1, ?, ?, 'pending', UTC_TIMESTAMP(3) + INTERVAL ? SECOND, UTC_TIMESTAMP(3) + INTERVAL 1 DAY, UTC_TIMESTAMP(3))").join(', ')}`,
      due.flatMap((seconds, index) => [endpointId, index + 1, JSON.stringify({ version: index + 1 }), seconds]),
    )
    return { endpointId, userId }
  }
  const versions = () =>
    received.flatMap(({ body }) => {
      const { type, data } = JSON.parse(body)
      return type === 'text.completed' ? [data.version] : []
    })

  test('also where the first was sent again by hand, and the second is retried later', async () => {
    const endpoint = await makeThree([-20, 300, -10])
    const [first] = await rowsOf()
    await resendDelivery(db, { ...endpoint, deliveryId: Number(first?.id) })
    await deliver()
    expect(versions()).toEqual([1])
    await allDue()
    await deliver()
    expect(versions()).toEqual([1, 2, 3])
  })

  test('also where the second is due with others between, more than are read at a time', async () => {
    await makeThree([-100, -10, -90])
    await makeDeliveries(db, '/hook', 30)
    await db.sql(
      "UPDATE vision_webhook_deliveries SET due_at = UTC_TIMESTAMP(3) - INTERVAL 50 SECOND WHERE type = 'webhook.test'",
    )
    await deliver()
    expect(versions()).toEqual([1, 2, 3])
    expect(received).toHaveLength(33)
  })
})
