import { SignJWT } from 'jose'
import { afterAll, afterEach, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { createTickets } from '../../core/live/slots/tickets.ts'
import { createAuthenticator } from '../../core/platform/auth.ts'
import { createTestApi, json, secret, type TestApi, token } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
const left: AbortController[] = []
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterEach(() => {
  for (const controller of left.splice(0)) controller.abort()
})
afterAll(() => api.drop())

const linkOf = async (jobId: number) =>
  new URL((await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))).eventsUrl)
const ticketOf = async (jobId: number) => String((await linkOf(jobId)).searchParams.get('ticket'))
async function open(path: string, headers: Record<string, string> = {}): Promise<Response> {
  const controller = new AbortController()
  left.push(controller)
  return api.app.request(path, { headers, signal: controller.signal })
}
const refused = async (path: string, headers: Record<string, string> = {}) => {
  const response = await open(path, headers)
  return [response.status, (await json(response)).code]
}
const unauthenticated = [401, 'request.unauthenticated']

test('a job comes with a link that opens its stream', async () => {
  const created = await json(
    api.call('POST', '/v1/jobs', {
      as: 'ann',
      body: { imageUrl: 'https://a.example/b.png', analysisPurpose: 'x', outputFormat: 'summary' },
    }),
  )
  const url = new URL(created.eventsUrl)
  expect([url.origin, url.pathname]).toEqual(['http://api.example', `/v1/jobs/${created.jobId}/events`])
  expect((await open(url.pathname + url.search)).status).toBe(200)
  const input = encodeURIComponent(JSON.stringify({ jobId: created.jobId }))
  const overTrpc = await open(`/api/trpc/visionPipeline.watchJob${url.search}&input=${input}`)
  expect([overTrpc.status, overTrpc.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
})

test('a ticket is for its job alone', async () => {
  const [mine, other] = [await api.create('ann'), await api.create('ann')]
  const ticket = await ticketOf(mine)
  expect(await refused(`/v1/jobs/${other}/events?ticket=${ticket}`)).toEqual(unauthenticated)
  // Not even when whoever brings it might watch that job.
  const headers = { authorization: `Bearer ${await token('ann')}` }
  expect(await refused(`/v1/jobs/${other}/events?ticket=${ticket}`, headers)).toEqual(unauthenticated)
  const input = encodeURIComponent(JSON.stringify({ jobId: other }))
  const overTrpc = await (await open(`/api/trpc/visionPipeline.watchJob?ticket=${ticket}&input=${input}`)).text()
  expect(overTrpc).toContain('event: serialized-error')
  expect(overTrpc).toContain('request.unauthenticated')
})

test('a ticket that was changed, made up or is not there is refused', async () => {
  const jobId = await api.create('ann')
  const ticket = await ticketOf(jobId)
  const [header, payload = '', signature] = ticket.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'mallory' })).toString('base64url')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  const signed = (key: string, audience: string) =>
    new SignJWT({ job: jobId })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('ann')
      .setAudience(audience)
      .setExpirationTime('1h')
      .sign(Buffer.from(key))
  for (const bad of [
    '',
    'x',
    `${header}.${forged}.${signature}`,
    `${header}.${payload}.`,
    `${none}.${payload}.`,
    `${ticket.slice(0, -3)}AAA`,
    // The secret itself is not the key.
    await signed(secret, claims.aud),
    await signed('another secret, of 32 bytes or so', claims.aud),
    await token('ann'),
  ]) {
    expect([bad, await refused(`/v1/jobs/${jobId}/events?ticket=${bad}`)]).toEqual([bad, unauthenticated])
  }
})

test('a ticket ends with the time of its job, and then the job has no link', async () => {
  const jobId = await api.create('ann')
  const { database, services } = api
  const ticket = await ticketOf(jobId)
  await database.sql('UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 2 SECOND WHERE id = ?', [jobId])
  expect((await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))).eventsUrl).toBeNull()
  const hour = 3_600_000
  const late = createApp({
    ...services,
    tickets: createTickets({ AUTH_SECRET: secret }, () => Date.now() + hour + 5_000),
  })
  expect((await late.request(`/v1/jobs/${jobId}/events?ticket=${ticket}`)).status).toBe(401)
})

test('a ticket opens nothing else', async () => {
  const jobId = await api.create('ann')
  const ticket = await ticketOf(jobId)
  for (const path of [
    `/v1/jobs/${jobId}`,
    '/v1/jobs',
    `/v1/jobs/${jobId}/attempts`,
    '/api/trpc/visionPipeline.getJobHistory',
  ]) {
    expect((await open(`${path}?ticket=${ticket}`)).status).toBe(401)
    expect((await open(path, { authorization: `Bearer ${ticket}` })).status).toBe(401)
  }
  expect((await api.call('POST', `/v1/jobs/${jobId}/cancel?ticket=${ticket}`)).status).toBe(401)
  expect((await open(`/v1/jobs/${jobId}/events`, { authorization: `Bearer ${ticket}` })).status).toBe(401)
  // Even by a check that takes any audience and the secret that tickets come from.
  const authenticate = createAuthenticator({ AUTH_SECRET: secret })
  const request = new Request('http://a.example', { headers: { authorization: `Bearer ${ticket}` } })
  await expect(authenticate(request, {})).rejects.toThrow('The token is not valid.')
})

test('no log line holds a ticket, whatever goes wrong', async () => {
  const jobId = await api.create('ann')
  const ticket = await ticketOf(jobId)
  const fail = async () => {
    throw new Error('out of order')
  }
  const broken = createApp({ ...api.services, live: { watch: fail, watchMany: fail, settled: fail, close: fail } })
  const input = encodeURIComponent(JSON.stringify({ jobId }))
  api.logged.length = 0
  expect((await broken.request(`/v1/jobs/${jobId}/events?ticket=${ticket}`)).status).toBe(500)
  await (await broken.request(`/api/trpc/visionPipeline.watchJob?ticket=${ticket}&input=${input}`)).text()
  await broken.request(`/v1/jobs/${jobId}/events?ticket=${ticket}x`)
  expect(api.logged).toHaveLength(3)
  expect(JSON.stringify(api.logged)).not.toContain(ticket.slice(-20))
  expect(JSON.stringify(api.logged)).not.toContain('ticket=')
})

test('a secret that is being replaced is still good for the tickets that it signed', async () => {
  const job = { scope: 'job/7', userId: 'ann', expiresAt: new Date(Date.now() + 60_000) } as const
  const another = 'another secret, of 32 bytes or so'
  const old = await createTickets({ AUTH_SECRET: another }, Date.now).sign(job)
  const rotated = createTickets({ AUTH_SECRET: secret, AUTH_SECRET_PREVIOUS: another }, Date.now)
  expect(await rotated.check(old, 'job/7')).toMatchObject({ userId: 'ann' })
  const own = createTickets({ STREAM_SECRET: another, AUTH_SECRET: secret }, Date.now)
  expect(await own.check(old, 'job/7')).toMatchObject({ userId: 'ann' })
  await expect(own.check(await createTickets({ AUTH_SECRET: secret }, Date.now).sign(job), 'job/7')).rejects.toThrow()
})

test('where nothing is streamed jobs have no link, and the route says so', async () => {
  const jobId = await api.create('ann')
  const bare = createApp({ ...api.services, live: undefined, tickets: undefined, streamUrl: undefined })
  const headers = { authorization: `Bearer ${await token('ann')}` }
  expect((await json(await bare.request(`/v1/jobs/${jobId}`, { headers }))).eventsUrl).toBeNull()
  const response = await bare.request(`/v1/jobs/${jobId}/events`, { headers })
  expect([response.status, (await json(response)).code]).toEqual([404, 'request.not_found'])
  expect((await bare.request(`/v1/jobs/${jobId}/events?ticket=${await ticketOf(jobId)}`)).status).toBe(404)
})

test('a caller that may not watch is told so, and nothing of its parameters', async () => {
  const jobId = await api.create('ann')
  const another = await api.create('ann')
  const wrong = 'lastEventId=soon&purple=1'
  for (const ticket of ['', '.', `${await ticketOf(jobId)}x`, await ticketOf(another)]) {
    expect(await refused(`/v1/jobs/${jobId}/events?${wrong}&ticket=${ticket}`)).toEqual(unauthenticated)
    expect(await refused(`/v1/jobs/purple/events?ticket=${ticket}`)).toEqual(unauthenticated)
    const input = encodeURIComponent(JSON.stringify({ jobId, lastEventId: 'soon' }))
    const url = `/api/trpc/visionPipeline.watchJob?ticket=${ticket}&input=${input}`
    const overTrpc = await (await open(url)).text()
    expect(overTrpc).toContain('request.unauthenticated')
    expect(overTrpc).not.toContain('lastEventId')
  }
  // One that may is told what is wrong.
  const ticket = await ticketOf(jobId)
  expect(await refused(`/v1/jobs/${jobId}/events?${wrong}&ticket=${ticket}`)).toEqual([400, 'request.invalid'])
})
