import { afterAll, expect } from 'vitest'
import { maxEndpoints } from '../../core/webhooks/endpoints.ts'
import { requestsPerMinute } from '../../core/webhooks/request-quota.ts'
import { webhookEvents } from '../../drizzle/schema.ts'
import { createTestApi, json, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const ann = { as: 'ann' }
const url = 'https://shop.example/hooks/vision'
const create = (body: object = { url }) => api.call('POST', '/v1/webhooks', { ...ann, body })
const post = (path: string, body?: object) => api.call('POST', `/v1/webhooks/${path}`, { ...ann, body })

test('a webhook is created, its secret shown once, listed, changed and deleted', async () => {
  const made = await create({ url: `${url}#part`, description: ' Shop ' })
  expect(made.status).toBe(201)
  const { secret, ...webhook } = await json(made)
  expect(made.headers.get('location')).toBe(`/v1/webhooks/${webhook.webhookId}`)
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(webhook).toEqual({
    webhookId: expect.any(Number),
    url,
    description: 'Shop',
    events: [...webhookEvents],
    status: 'enabled',
    disabledReason: null,
    failures: 0,
    failingSince: null,
    previousSecretUntil: null,
    createdAt: expect.any(String),
    updatedAt: expect.any(String),
  })
  const path = `/v1/webhooks/${webhook.webhookId}`
  expect(await json(api.call('GET', path, ann))).toEqual(webhook)
  expect(await json(api.call('GET', '/v1/webhooks', ann))).toEqual({ webhooks: [webhook] })

  const change = async (body: object) => json(api.call('PATCH', path, { ...ann, body }))
  expect(await change({ events: ['job.failed', 'job.completed'], description: null })).toMatchObject({
    events: ['job.completed', 'job.failed'],
    description: null,
    url,
  })
  expect(await change({ status: 'disabled' })).toMatchObject({ status: 'disabled', disabledReason: 'owner' })
  expect(await change({ url: 'https://other.example/' })).toMatchObject({
    url: 'https://other.example/',
    status: 'disabled',
  })
  expect(await change({ status: 'enabled' })).toMatchObject({ status: 'enabled', disabledReason: null })

  expect((await api.call('DELETE', path, ann)).status).toBe(204)
  expect((await json(api.call('DELETE', path, ann))).code).toBe('webhook.not_found')
  expect(await json(api.call('GET', '/v1/webhooks', ann))).toEqual({ webhooks: [] })
})

test('a disabled webhook that is enabled begins anew', async () => {
  const { webhookId } = await json(create())
  await api.database.sql(
    "UPDATE vision_webhook_endpoints SET disabled_reason = 'failing', failures = 9, failing_since = UTC_TIMESTAMP(3), retry_at = UTC_TIMESTAMP(3), slow = 1",
  )
  const path = `/v1/webhooks/${webhookId}`
  expect(await json(api.call('GET', path, ann))).toMatchObject({
    status: 'disabled',
    disabledReason: 'failing',
    failures: 9,
    failingSince: expect.any(String),
  })
  expect(await json(api.call('PATCH', path, { ...ann, body: { status: 'enabled' } }))).toMatchObject({
    status: 'enabled',
    failures: 0,
    failingSince: null,
  })
  expect(await api.database.sql('SELECT retry_at, slow FROM vision_webhook_endpoints')).toEqual([
    { retry_at: null, slow: 0 },
  ])
})

test("another user's webhook is as good as none", async () => {
  const { webhookId } = await json(create())
  const { deliveryId } = await json(post(`${webhookId}/test`))
  const path = `/v1/webhooks/${webhookId}`
  for (const [method, target, body] of [
    ['GET', path],
    ['PATCH', path, { status: 'disabled' }],
    ['DELETE', path],
    ['POST', `${path}/rotate`, {}],
    ['POST', `${path}/test`],
    ['GET', `${path}/deliveries`],
    ['POST', `${path}/deliveries/${deliveryId}/resend`],
  ] as const) {
    const reply = await api.call(method, target, { as: 'bob', body })
    expect([target, reply.status, (await json(reply)).code]).toEqual([target, 404, 'webhook.not_found'])
  }
  // Nor is one of one's own a way to a delivery of another.
  const own = await json(api.call('POST', '/v1/webhooks', { as: 'bob', body: { url } }))
  const reply = api.call('POST', `/v1/webhooks/${own.webhookId}/deliveries/${deliveryId}/resend`, { as: 'bob' })
  expect((await json(reply)).code).toBe('webhook.delivery_not_found')
  expect(await json(api.call('GET', path, ann))).toMatchObject({ status: 'enabled' })
})

test('a user has ten at most, also when they are made at the same moment', async () => {
  const replies = await Promise.all(Array.from({ length: maxEndpoints + 5 }, () => create()))
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(maxEndpoints)
  expect((await json(create())).code).toBe('webhook.too_many')
  expect((await api.call('POST', '/v1/webhooks', { as: 'bob', body: { url } })).status).toBe(201)
})

test.each([
  ['http://shop.example/hook', /start with https/],
  ['shop.example/hook', /absolute URL/],
  ['ftp://shop.example', /start with https/],
  ['https://ann:secret@shop.example', /user name or password/],
  ['https://shop.example:22/', /port/],
  ['https://127.0.0.1/hook', /not public/],
  ['https://localhost:8443/hook', /not public/],
  ['https://169.254.169.254/latest', /not public/],
  ['https://[::1]/hook', /not public/],
  ['https://[::ffff:10.0.0.1]/hook', /not public/],
  [`https://shop.example/${'ä'.repeat(500)}`, /at most 2048/],
])('%s is refused, and is told why', async (bad, message) => {
  const { webhookId } = await json(create())
  for (const reply of [
    await create({ url: bad }),
    await api.call('PATCH', `/v1/webhooks/${webhookId}`, { ...ann, body: { url: bad } }),
  ]) {
    const problem = await json(reply)
    expect([reply.status, problem.code]).toEqual([400, 'webhook.invalid_url'])
    expect(problem.detail).toMatch(message)
    expect(JSON.stringify(problem)).not.toContain('secret@')
  }
})

test('what is misspelt is refused', async () => {
  for (const body of [
    {},
    { url, events: [] },
    { url, events: ['job.done'] },
    { url, events: ['job.failed', 'job.failed'] },
    { url, secret: 'whsec_mine' },
  ]) {
    const reply = await create(body)
    expect([reply.status, (await json(reply)).code]).toEqual([400, 'request.invalid'])
  }
})

test('a secret is rotated: those from before are valid for a while, at most four in all, and end at once if so asked', async () => {
  const first = await json(create())
  const path = `${first.webhookId}/rotate`
  const second = await json(post(path, {}))
  expect(second.secret).not.toBe(first.secret)
  const until = Date.parse(second.previousSecretUntil) - Date.parse(second.updatedAt)
  expect(Math.abs(until - 24 * 3_600_000)).toBeLessThan(1_000)
  const secretsOf = async () => {
    const [row] = await api.database.sql('SELECT secrets FROM vision_webhook_endpoints')
    return (JSON.parse(String(row?.secrets)) as { secret: string }[]).map(({ secret }) => secret)
  }
  expect(await secretsOf()).toEqual([second.secret, first.secret])
  // A shorter rest of an older one is not prolonged, nor is it forgotten.
  const third = await json(post(path, { previousValidHours: 1 }))
  expect(Date.parse(third.previousSecretUntil) - Date.parse(third.updatedAt)).toBeLessThan(3_700_000)
  await post(path, { previousValidHours: 168 })
  const [row] = await api.database.sql('SELECT secrets FROM vision_webhook_endpoints')
  const untils = (JSON.parse(String(row?.secrets)) as { validUntil: number | null }[]).map(
    ({ validUntil }) => validUntil,
  )
  expect(untils).toHaveLength(4)
  expect(untils[0]).toBeNull()
  expect(Math.max(Number(untils[2]), Number(untils[3]))).toBeLessThan(Date.now() + 3_700_000)
  expect((await json(post(path, {}))).code).toBe('webhook.too_many_secrets')
  const last = await json(post(path, { previousValidHours: 0 }))
  expect(await secretsOf()).toEqual([last.secret])
  expect(last.previousSecretUntil).toBeNull()
})

test('no secret is in an answer but the one that makes it, nor in a log', async () => {
  const { webhookId, secret } = await json(create())
  await post(`${webhookId}/test`)
  const bodies = await Promise.all(
    [`/v1/webhooks/${webhookId}`, '/v1/webhooks', `/v1/webhooks/${webhookId}/deliveries`].map(async (path) =>
      (await api.call('GET', path, ann)).text(),
    ),
  )
  expect(bodies.join()).toContain('webhook.test')
  expect(bodies.join() + JSON.stringify(api.logged)).not.toContain(secret.slice(6))
})

test('trial calls and resent ones wait to be delivered, and a disabled webhook takes none', async () => {
  const { webhookId } = await json(create())
  const first = await json(post(`${webhookId}/test`))
  const second = await json(post(`${webhookId}/test`))
  expect(first).toMatchObject({
    status: 'pending',
    attempts: 0,
    answer: null,
    error: null,
    sentAt: null,
    endedAt: null,
    messageId: expect.stringMatching(new RegExp(`^msg_${first.deliveryId}_`)),
    payload: { type: 'webhook.test', payloadVersion: 1, timestamp: first.createdAt, data: { webhookId, version: 1 } },
  })
  expect(second.payload.data.version).toBe(2)
  await api.database.sql(
    "UPDATE vision_webhook_deliveries SET status = 'failed', attempts = 10, error = 'status', answer_status = 500, answer = '<b>no</b>', ended_at = UTC_TIMESTAMP(3), due_at = '2026-01-01', expires_at = '2026-01-02' WHERE id = ?",
    [first.deliveryId],
  )
  const path = `${webhookId}/deliveries/${first.deliveryId}/resend`
  expect(await json(post(path))).toMatchObject({
    deliveryId: first.deliveryId,
    messageId: first.messageId,
    status: 'pending',
    attempts: 0,
    endedAt: null,
    answer: { status: 500, text: '<b>no</b>' },
  })
  const [row] = await api.database.sql(
    'SELECT due_at <= UTC_TIMESTAMP(3) AS due, expires_at > UTC_TIMESTAMP(3) + INTERVAL 71 HOUR AS fresh FROM vision_webhook_deliveries WHERE id = ?',
    [first.deliveryId],
  )
  expect([Number(row?.due), Number(row?.fresh)]).toEqual([1, 1])
  await api.call('PATCH', `/v1/webhooks/${webhookId}`, { ...ann, body: { status: 'disabled' } })
  for (const one of [path, `${webhookId}/test`]) expect((await json(post(one))).code).toBe('webhook.disabled')
})

test('a webhook takes a fixed number of both a minute, over all processes; headers say what is left', async () => {
  const { webhookId } = await json(create())
  const first = await post(`${webhookId}/test`)
  expect(first.headers.get('ratelimit')).toMatch(/^"webhook-requests-per-minute";r=59;t=\d+$/)
  const resend = `${webhookId}/deliveries/${(await json(first)).deliveryId}/resend`
  const replies = await Promise.all(
    Array.from({ length: requestsPerMinute + 4 }, (_, index) => post(index % 2 ? resend : `${webhookId}/test`)),
  )
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(requestsPerMinute - 1)
  for (const path of [resend, `${webhookId}/test`]) {
    const refused = await post(path)
    expect([refused.status, (await json(refused)).code]).toEqual([429, 'limit.webhook_requests_per_minute'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  }
  // Of another webhook they are others.
  expect((await post(`${(await json(create())).webhookId}/test`)).status).toBe(200)
  await api.database.sql('UPDATE vision_webhook_endpoints SET requests_since = requests_since - INTERVAL 61 SECOND')
  expect((await post(resend)).status).toBe(200)
})

test('deliveries are listed newest first, by status, page by page', async () => {
  const { webhookId } = await json(create())
  const ids: number[] = []
  for (let made = 0; made < 5; made++) ids.unshift((await json(post(`${webhookId}/test`))).deliveryId)
  await api.database.sql("UPDATE vision_webhook_deliveries SET status = 'delivered' WHERE id IN (?)", [
    [ids[1], ids[3]],
  ])
  await api.database.sql(
    "UPDATE vision_webhook_deliveries SET status = 'failed', error = 'of a later release' WHERE id = ?",
    [ids[2]],
  )
  const pagesOf = async (query: string) => {
    const pages: number[][] = []
    for (let cursor = ''; ; ) {
      const { deliveries, nextCursor } = await json(
        api.call('GET', `/v1/webhooks/${webhookId}/deliveries?limit=2${query}${cursor}`, ann),
      )
      pages.push(deliveries.map(({ deliveryId }: { deliveryId: number }) => deliveryId))
      if (nextCursor === null) return pages
      cursor = `&cursor=${nextCursor}`
    }
  }
  expect(await pagesOf('')).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
  expect(await pagesOf('&status=pending')).toEqual([[ids[0], ids[4]]])
  expect(await pagesOf('&status=delivered')).toEqual([[ids[1], ids[3]]])
  const { deliveries } = await json(api.call('GET', `/v1/webhooks/${webhookId}/deliveries?status=failed`, ann))
  expect(deliveries).toMatchObject([{ deliveryId: ids[2], error: 'of a later release', nextAttemptAt: null }])
})

test('over tRPC it is the same', async () => {
  const client = api.client('ann')
  const { webhookId } = await client.createWebhook.mutate({ url, events: ['batch.completed'] })
  expect((await client.listWebhooks.query()).webhooks).toMatchObject([{ webhookId, events: ['batch.completed'] }])
  const { deliveryId } = await client.testWebhook.mutate({ webhookId })
  expect((await client.listDeliveries.query({ webhookId })).deliveries).toMatchObject([{ deliveryId }])
  expect(await client.deleteWebhook.mutate({ webhookId })).toEqual({ deleted: true, webhookId })
})
