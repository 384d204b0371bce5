import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { deliverWebhooks } from '../../core/webhooks/deliver.ts'
import { testEndpoint } from '../../core/webhooks/deliveries.ts'
import { leaseEndpoints } from '../../core/webhooks/due.ts'
import { deleteEndpoint, rotateSecret, updateEndpoint } from '../../core/webhooks/endpoints.ts'
import { readWebhookHealth } from '../../core/webhooks/health.ts'
import { attemptMs, endpointWait, readRetryAfter, retryAfter } from '../../core/webhooks/schedule.ts'
import { postWebhook } from '../../core/webhooks/send.ts'
import { mostKept, sweepWebhooks } from '../../core/webhooks/sweep.ts'
import { checkWebhookUrl } from '../../core/webhooks/url.ts'
import { jobIn } from '../support/database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
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
beforeAll(async () => {
  db = await createTestDatabase()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(async () => {
  await db.empty()
  received = []
  answer = ok
})
afterEach(() => server.closeAllConnections())
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
  await db.drop()
})

const logged: unknown[] = []
/** Delivers until nothing is due. */
const deliver = (changes: object = {}, signal?: AbortSignal) =>
  deliverWebhooks(
    {
      ...{ database: db, allowLoopbackHttp: true, random: () => 0, pollMs: 20 },
      ...{ clock: () => performance.now(), now: Date.now, log: (...said: unknown[]) => void logged.push(said) },
      ...changes,
    },
    {
      ...{ deadline: performance.now() + 600_000, signal },
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
    ...{ type: 'job.completed', payloadVersion: 1, timestamp: expect.stringMatching(/Z$/) },
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
      ...{ database: db, allowLoopbackHttp: true, random: () => 0, pollMs: 20, log: () => undefined },
      ...{ clock: () => performance.now(), now: Date.now },
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

test('what is too old is swept, and of a deleted endpoint everything', async () => {
  const endpoint = await makeEndpoint(db)
  for (let made = 0; made < 3; made++) await testEndpoint(db, endpoint)
  const [first, second] = await rowsOf()
  await db.sql(
    "UPDATE vision_webhook_deliveries SET status = 'delivered', created_at = UTC_TIMESTAMP(3) - INTERVAL 8 DAY WHERE id = ?",
    [first?.id],
  )
  await db.sql('UPDATE vision_webhook_deliveries SET expires_at = UTC_TIMESTAMP(3) WHERE id = ?', [second?.id])
  await db.sql("UPDATE vision_webhook_endpoints SET swept_at = '2026-01-01'")
  await sweepWebhooks(db)
  expect(await rowsOf('status, error')).toEqual([
    { status: 'failed', error: 'expired' },
    { status: 'pending', error: null },
  ])
  await deleteEndpoint(db, endpoint)
  const kept = await makeEndpoint(db)
  await testEndpoint(db, kept)
  // Until it is swept nobody is named any more, and nothing is sent.
  expect(
    JSON.stringify(await db.sql('SELECT * FROM vision_webhook_endpoints WHERE id = ?', [endpoint.endpointId])),
  ).not.toMatch(/user-1|shop\.example|whsec_/)
  expect(await deliver({ lookup: async () => [] })).toEqual({ delivered: 0, failed: 1 })
  await sweepWebhooks(db)
  expect(await rowsOf('endpoint_id')).toEqual([{ endpoint_id: kept.endpointId }])
  expect(await db.sql('SELECT id FROM vision_webhook_endpoints')).toEqual([{ id: kept.endpointId }])
  // One that was written after the row had gone.
  await db.sql('DELETE FROM vision_webhook_endpoints')
  await sweepWebhooks(db)
  expect(await rowsOf()).toEqual([])
})

test('of an endpoint 10,000 deliveries are kept that wait, and as many of each that have ended, however many endpoints there are', async () => {
  const endpoint = await makeEndpoint(db)
  // It is looked through after these, which a sweep reads 20 at a time.
  await makeEndpoints(db, 21)
  await db.sql("UPDATE vision_webhook_endpoints SET swept_at = IF(id = ?, '2026-01-02', '2026-01-01')", [
    endpoint.endpointId,
  ])
  const extra = 3
  await db.sql(
    `INSERT INTO vision_webhook_deliveries (endpoint_id, type, version, data, status, due_at, expires_at, created_at)
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
      SELECT ?, 'webhook.test', 1 + s.i * 20000 + a.i * 101 + b.i, '{}', ELT(s.i + 1, 'failed', 'delivered', 'pending'),
        UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY, UTC_TIMESTAMP(3)
      FROM n a STRAIGHT_JOIN n b STRAIGHT_JOIN n s WHERE s.i < 3 AND a.i * 101 + b.i < ? ORDER BY 3`,
    [endpoint.endpointId, mostKept + extra],
  )
  await sweepWebhooks(db)
  // What waited too long in the line is told as given up; it is the newest that is kept.
  expect(
    await db.sql(
      'SELECT status, error, COUNT(*) AS deliveries, MIN(version) % 20000 AS oldest FROM vision_webhook_deliveries GROUP BY 1, 2 ORDER BY 1, 2',
    ),
  ).toEqual([
    { status: 'delivered', error: null, deliveries: mostKept, oldest: 1 + extra },
    { status: 'failed', error: null, deliveries: mostKept - extra, oldest: 1 + 2 * extra },
    { status: 'failed', error: 'too_many', deliveries: extra, oldest: 1 },
    { status: 'pending', error: null, deliveries: mostKept, oldest: 1 + extra },
  ])
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

test('its health says what waits, since when it could have been sent, and which endpoints fail or are disabled', async () => {
  const health = () => db.run(readWebhookHealth)
  const none = { count: 0, atLeast: false }
  const counted = (count: number) => ({ count, atLeast: false })
  const nothing = { enabled: none, failing: none, disabled: none }
  expect(await health()).toEqual({ waiting: none, failing: none, oldestDueSeconds: 0, endpoints: nothing })
  await makeEndpoints(db, 4)
  await db.sql("UPDATE vision_webhook_endpoints SET created_at = '2026-01-01'")
  const [live, putOff, disabled, deleted] = (await db.sql('SELECT id FROM vision_webhook_endpoints ORDER BY id')).map(
    ({ id }) => id,
  )
  await makeDeliveries(db, '', 3)
  const late =
    'UPDATE vision_webhook_deliveries SET due_at = UTC_TIMESTAMP(3) - INTERVAL ? SECOND WHERE endpoint_id = ?'
  for (const [seconds, id] of [
    [100, live],
    [90_000, putOff],
    [90_000, disabled],
    [90_000, deleted],
  ])
    await db.sql(late, [seconds, id])
  const change = (set: string, id: unknown) => db.sql(`UPDATE vision_webhook_endpoints SET ${set} WHERE id = ?`, [id])
  await change('failures = 3, retry_at = UTC_TIMESTAMP(3) + INTERVAL 300 SECOND', putOff)
  await change("disabled_reason = 'failing', failures = 9", disabled)
  await deleteEndpoint(db, { userId: 'many-3', endpointId: Number(deleted) })
  const endpoints = { enabled: counted(2), failing: counted(1), disabled: counted(1) }
  expect(await health()).toMatchObject({ waiting: counted(6), failing: counted(3), endpoints })
  const oldest = async () => Math.floor((await health()).oldestDueSeconds / 100)
  expect(await oldest()).toBe(1)
  await change('retry_at = UTC_TIMESTAMP(3) - INTERVAL 500 SECOND', putOff)
  expect(await oldest()).toBe(5)
  await makeDeliveries(db, '', 501)
  expect(await health()).toMatchObject({ waiting: { count: 1_000, atLeast: true } })
})

describe('a post', () => {
  const send = (url: string, changes: object = {}) =>
    postWebhook(
      { url, headers: {}, body: '{}' },
      { allowLoopbackHttp: true, signal: new AbortController().signal, now: Date.now, ...changes },
    )

  test('follows no redirect, takes an end without an answer for a failure, and waits no longer than it may', async () => {
    answer = (_, response) => void response.writeHead(302, { location: `${base}/other` }).end()
    expect(await send(`${base}/hook`)).toMatchObject({ error: 'redirected', answer: { status: 302 } })
    expect(received).toHaveLength(1)
    answer = (_, response) => void response.destroy()
    expect(await send(`${base}/hook`)).toEqual({ error: 'unreachable' })
    answer = () => undefined
    expect(await send(`${base}/hook`, { timeoutMs: 100 })).toEqual({ error: 'timed_out' })
    expect(attemptMs, 'as docs/webhooks.md says').toBe(15_000)
    answer = (_, response) => void response.writeHead(503, { 'retry-after': '120' }).end()
    expect(await send(`${base}/hook`)).toMatchObject({ error: 'status', retryAfterMs: 120_000 })
  })

  test('goes to no address that is not public, whatever the name says', async () => {
    const lookup = async () => [{ address: '10.0.0.1' }]
    expect(await send('https://shop.example/hook', { lookup })).toEqual({ error: 'forbidden_address' })
    expect(await send(`${base}/hook`, { allowLoopbackHttp: false })).toEqual({ error: 'forbidden_address' })
    expect(received).toEqual([])
    expect(() => checkWebhookUrl('http://shop.example', { allowLoopbackHttp: true })).toThrow(/https/)
  })
})

test('the schedule: three days, with jitter, as long as the endpoint asks for within a day', () => {
  const waits = Array.from({ length: 9 }, (_, index) => retryAfter(index + 1, undefined, () => 0))
  expect(waits.slice(0, 3)).toEqual([5_000, 300_000, 1_800_000])
  expect(waits.slice(0, 8).reduce((sum, wait) => sum + wait, 0)).toBeLessThan(3 * 86_400_000)
  expect(retryAfter(1, undefined, () => 1)).toBe(6_000)
  expect(retryAfter(1, 60_000, () => 0)).toBe(60_000)
  expect(retryAfter(1, 1e12, () => 0)).toBe(86_400_000)
  expect([1, 2, 3, 4, 99].map((failures) => endpointWait(failures, undefined, () => 0))).toEqual([
    0, 0, 5_000, 10_000, 300_000,
  ])
  expect(endpointWait(1, 1e12, () => 0)).toBe(300_000)
  expect(readRetryAfter('Fri, 27 Nov 2026 00:00:10 GMT', Date.parse('2026-11-27T00:00:00Z'))).toBe(10_000)
  expect([undefined, 'soon', '-1'].map((value) => readRetryAfter(value, 1e15))).toEqual([
    undefined,
    undefined,
    expect.anything(),
  ])
})
