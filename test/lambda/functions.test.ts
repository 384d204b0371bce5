import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cancelVisionJob } from '../../core/jobs/withdraw.ts'
import { secret, token } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { emptyQueue } from '../support/jobs.ts'
import { startTestServices, type TestServices } from '../support/services.ts'
import { fixtureUrl } from '../support/storage.ts'
import { type Deployed, deploy } from './deployed.ts'
import { apiEvent, tick, urlEvent } from './events.ts'
import type { Streamed } from './runtime-api.ts'

let database: TestDatabase
let services: TestServices
let api: Deployed
const others: Deployed[] = []

const auth = { AUTH_SECRET: secret }
const streamUrl = 'https://abc123.lambda-url.us-east-1.on.aws'
const apiTimeMs = 29_000
const pollerTimeMs = 300_000

beforeAll(async () => {
  database = await createTestDatabase()
  services = await startTestServices()
  api = await deploy('api', { ...services.settings(database.url), ...auth, STREAM_URL: streamUrl })
})
afterEach(async () => {
  services.providers.faults.clear()
  for (const other of others.splice(0)) await other.stop()
  await emptyQueue(database)
  for (const table of ['vision_gates', 'vision_permits']) await database.sql(`DELETE FROM ${table}`)
})
afterAll(async () => {
  await api.stop()
  await services.stop()
  await database.drop()
})

async function start(name: string, settings: Record<string, string> = {}): Promise<Deployed> {
  const deployed = await deploy(name, { ...services.settings(database.url), ...auth, ...settings })
  others.push(deployed)
  return deployed
}

async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${await token('ann')}`
  const event = apiEvent({ method, path, body, headers: { authorization, ...headers } })
  const result = (await api.invoke(event, apiTimeMs).result) as APIGatewayProxyStructuredResultV2
  return { status: result.statusCode, headers: result.headers ?? {}, body: JSON.parse(result.body || 'null') }
}

async function create() {
  const { status, body } = await call('POST', '/v1/jobs', {
    imageUrl: await fixtureUrl('halves.png', 'image/png'),
    analysisPurpose: 'Sell a flag',
    outputFormat: 'alt_text',
  })
  expect(status).toBe(201)
  return body as { jobId: number; eventsUrl: string }
}

/** Opens the stream that a job's `eventsUrl` names. */
function watch(stream: Deployed, eventsUrl: string, headers: Record<string, string> = {}): Promise<Streamed> {
  const { pathname, search } = new URL(eventsUrl)
  return stream.invoke(urlEvent({ path: pathname, query: search.slice(1), headers }), 75_000).stream
}

/** Reads on until what was said fits. */
async function readUntil(chunks: AsyncIterator<string>, pattern: RegExp): Promise<string> {
  let read = ''
  while (!pattern.test(read)) {
    const { done, value } = await chunks.next()
    if (done) throw new Error(`the stream ended after: ${read}`)
    read += value
  }
  return read
}

test('a job goes its whole way through the bundles alone: created, watched, worked on and read', async () => {
  const { jobId, eventsUrl } = await create()
  expect(eventsUrl).toMatch(new RegExp(`^${streamUrl}/v1/jobs/${jobId}/events\\?ticket=`))
  const stream = await start('stream', { STREAM_SECONDS: '60' })
  const { statusCode, headers, chunks } = await watch(stream, eventsUrl)
  expect({ statusCode, type: headers['content-type'] }).toEqual({ statusCode: 200, type: 'text/event-stream' })

  const poller = await start('poller')
  expect(await poller.invoke(tick, pollerTimeMs).result).toMatchObject({ claimed: 1, completed: 1 })

  const told = await readUntil(chunks[Symbol.asyncIterator](), /event: completed/)
  expect(told).toMatch(/event: status[\s\S]*event: (analysis|completed)/)
  const { body } = await call('GET', `/v1/jobs/${jobId}`)
  expect(body).toMatchObject({
    status: 'completed',
    outputs: { analysis: { model: expect.stringMatching(/emulated/) }, content: { result: expect.anything() } },
  })
  expect(body.image.url).toMatch(/^http:\/\/127\.0\.0\.1/)
})

test('a second event is served by the same instance', async () => {
  const poller = await start('poller')
  for (const _ of [1, 2]) {
    await create()
    expect(await poller.invoke(tick, pollerTimeMs).result).toMatchObject({ completed: 1 })
  }
})

describe('a stream', () => {
  test('reaches Lambda event by event, as it is written', async () => {
    const { jobId, eventsUrl } = await create()
    const stream = await start('stream', { STREAM_SECONDS: '60' })
    const { chunks } = await watch(stream, eventsUrl)
    const iterator = chunks[Symbol.asyncIterator]()
    // This is there while the job still waits, and so long before the stream can end.
    expect(await readUntil(iterator, /event: status/)).toMatch(/"status":"pending"/)
    await database.sql('UPDATE vision_jobs SET version = version + 1, failures = 1 WHERE id = ?', [jobId])
    expect(await readUntil(iterator, /event: status/)).toMatch(/"failures":1/)
    await cancelVisionJob(database, { jobId, userId: 'ann' })
    expect(await readUntil(iterator, /event: cancelled/)).toMatch(/"status":"cancelled"/)
    expect(await iterator.next()).toMatchObject({ done: true })
  })

  test('ends in time, and says that the client is to come back', async () => {
    const { eventsUrl } = await create()
    const stream = await start('stream', { STREAM_SECONDS: '2' })
    const { chunks } = await watch(stream, eventsUrl)
    const iterator = chunks[Symbol.asyncIterator]()
    await readUntil(iterator, /event: reconnect/)
    expect(await iterator.next()).toMatchObject({ done: true })
    const [session] = await database.sql('SELECT close_reason FROM vision_job_sessions ORDER BY id DESC LIMIT 1')
    expect(session).toEqual({ close_reason: 'reconnect' })
  })

  test('that is refused keeps its true status', async () => {
    const { jobId, eventsUrl } = await create()
    const stream = await start('stream')
    const statusOf = async (url: string, headers?: Record<string, string>) => {
      const { statusCode, chunks } = await watch(stream, url, headers)
      for await (const _ of chunks);
      return statusCode
    }
    expect(await statusOf(`${streamUrl}/v1/jobs/${jobId}/events`)).toBe(401)
    expect(await statusOf(eventsUrl.replace(`/jobs/${jobId}/`, `/jobs/${jobId + 1}/`))).toBe(401)
    expect(await statusOf(`${streamUrl}/nowhere`)).toBe(404)
    await cancelVisionJob(database, { jobId, userId: 'ann' })
    expect(await statusOf(eventsUrl, { 'last-event-id': '2' })).toBe(204)
  })
})

describe('the poller', () => {
  test('returns before it would be killed, and gives back what it has not finished', async () => {
    const { jobId } = await create()
    services.providers.faults.add({ provider: 'gemini', kind: 'hang', times: 'unlimited' })
    const poller = await start('poller', { STEP_TIMEOUT_SECONDS: '1' })
    const begun = Date.now()
    // Time for one step and its image, and little more; then a second one is not begun.
    const result = await poller.invoke(tick, 24_000).result
    expect(Date.now() - begun).toBeLessThan(24_000)
    expect(result).toMatchObject({ claimed: expect.any(Number), completed: 0, lost: 0 })
    const [row] = await database.sql('SELECT status FROM vision_jobs WHERE id = ?', [jobId])
    expect(['pending', 'scheduled', 'failed']).toContain(row?.status)
  })

  test('that is killed loses nothing: the job is reclaimed and completed by the next one', async () => {
    const { jobId } = await create()
    services.providers.faults.add({ provider: 'gemini', kind: 'hang' })
    const killed = await start('poller', { JOB_LEASE_SECONDS: '2', JOB_RENEW_SECONDS: '1' })
    killed.invoke(tick, pollerTimeMs)
    const isProcessing = async () => {
      const [row] = await database.sql('SELECT status FROM vision_jobs WHERE id = ?', [jobId])
      return row?.status === 'processing' && services.providers.calls.log.at(-1)?.outcome === 'hang'
    }
    while (!(await isProcessing())) await new Promise((resolve) => setTimeout(resolve, 50))
    await killed.stop()
    others.splice(0)
    const next = await start('poller', { POLLER_IDLE_SECONDS: '10' })
    expect(await next.invoke(tick, pollerTimeMs).result).toMatchObject({ reclaimed: 1, completed: 1 })
  })
})

test.each([
  ['api', ['DATABASE_URL', 'BUCKET_NAME', 'AUTH_SECRET']],
  ['stream', ['DATABASE_URL', 'AUTH_SECRET']],
  ['poller', ['DATABASE_URL', 'BUCKET_NAME', 'GEMINI_API_KEY', 'DEEPSEEK_API_KEY']],
] as const)('%s without its settings names each of them, and no value', async (name, keys) => {
  const bare = await deploy(name, { LOG_LEVEL: 'the value that is wrong' })
  others.push(bare)
  const events = { api: apiEvent({ path: '/' }), stream: urlEvent({ path: '/' }), poller: tick }
  const { result, stream } = bare.invoke(events[name], 10_000)
  const error = await Promise.race([result, stream]).catch((reason: Error) => reason)
  expect(error).toMatchObject({ message: expect.stringMatching(/ConfigError/) })
  for (const key of [...keys, 'LOG_LEVEL']) expect((error as Error).message).toContain(key)
  expect((error as Error).message).not.toContain('the value that is wrong')
})
