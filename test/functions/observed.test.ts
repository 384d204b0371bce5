import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest'
import { restoreFetch } from '../../core/http/fetch/install.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { job, secret, token } from '../support/api/test-api.ts'
import { jobRow, makeJob, makeJobs } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { readMetrics } from '../support/metrics.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const geminiKey = 'a-key-that-nobody-may-see'
/** How many expired jobs of a status are looked for at once: core/queue/claim/expire.ts. */
const expiredAtOnce = 200

let database: TestDatabase
let services: TestServices
let output: string[]
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  services = await startTestServices()
})
beforeEach(() => {
  output = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => output.push(String(text)) > 0)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  services.providers.faults.clear()
})
afterAll(async () => {
  restoreFetch()
  await services.stop()
})

/** What a function wrote to its log: every line is JSON, and is either a line of ours or a line of metrics. */
const lines = () => output.flatMap((text) => text.split('\n').filter((line) => line !== ''))
const logged = () => lines().flatMap((line) => ('_aws' in JSON.parse(line) ? [] : [JSON.parse(line)]))
const metrics = () => readMetrics(lines())
/** The numbers of the functions, without those by provider. */
const numbers = () => metrics().flatMap(({ dimensions, values }) => ('provider' in dimensions ? [] : [values]))

function stub(settings: Record<string, string> = {}) {
  const env = {
    ...services.settings(database.url),
    GEMINI_API_KEY: geminiKey,
    AUTH_SECRET: secret,
    POWERTOOLS_SERVICE_NAME: 'vision-test',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    ...settings,
  }
  for (const [key, value] of Object.entries(env)) vi.stubEnv(key, value)
  vi.resetModules()
}

/** Calls the API function, just started, as API Gateway does. */
async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}, settings = {}) {
  stub(settings)
  const { handler } = await import('../../functions/api.ts')
  const event = {
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers: {
      authorization: `Bearer ${await token('ann')}`,
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    requestContext: { domainName: 'abc.example', http: { method, path }, stage: '$default' },
    ...(body && { body: JSON.stringify(body) }),
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2
  const context = { awsRequestId: 'api-invocation' }
  return (await handler(event, context as never)) as APIGatewayProxyStructuredResultV2
}

/** Fires the poller function, just started, as EventBridge Scheduler does. */
async function fire(settings: Record<string, string> = {}) {
  stub(settings)
  const { handler } = await import('../../functions/poller.ts')
  return handler({}, { awsRequestId: 'poller-invocation', getRemainingTimeInMillis: () => 300_000 })
}

async function submit(headers: Record<string, string> = {}): Promise<number> {
  const imageUrl = await fixtureUrl('halves.png', 'image/png')
  const reply = await call('POST', '/v1/jobs', { ...job, imageUrl }, headers)
  expect(reply.statusCode).toBe(201)
  return JSON.parse(reply.body ?? '').jobId
}

test('one trace id leads from the call through the log of every run to both providers', async () => {
  const before = services.providers.calls.log.length
  const reply = await call(
    'POST',
    '/v1/jobs',
    { ...job, imageUrl: await fixtureUrl('halves.png', 'image/png') },
    { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, 'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793' },
  )
  expect(reply.headers?.['x-trace-id']).toBe(traceId)
  const { jobId } = JSON.parse(reply.body ?? '')
  services.providers.faults.add({ provider: 'deepseek', kind: 'blank', times: 1 })
  expect(await fire()).toMatchObject({ retried: 1, completed: 1 })

  const about = logged().filter((line) => line.jobId === jobId)
  expect(about.map(({ message, attempt, step }) => [message, attempt, step])).toEqual([
    ['job created', undefined, undefined],
    ['job claimed', 1, 'analysis'],
    ['step started', 1, 'analysis'],
    ['step started', 1, 'content'],
    ['run retried', 1, 'content'],
    ['job claimed', 2, 'content'],
    ['step started', 2, 'content'],
    ['run completed', 2, 'content'],
  ])
  for (const line of about) expect(line).toMatchObject({ traceId, service: 'vision-test' })
  const [created, claimed] = about
  expect(created).toMatchObject({
    requestId: reply.headers?.['x-request-id'],
    function_request_id: 'api-invocation',
    cold_start: true,
  })
  expect(claimed).toMatchObject({ function_request_id: 'poller-invocation', cold_start: true })

  const calls = services.providers.calls.log.slice(before)
  expect(calls.map(({ provider }) => provider)).toEqual(['gemini', 'deepseek', 'deepseek'])
  for (const { traceparent } of calls) expect(traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
  expect(new Set(calls.map(({ traceparent }) => traceparent)).size).toBe(3)
})

test('the trace of API Gateway is taken where the caller has none', async () => {
  const jobId = await submit({ 'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793' })
  expect(await jobRow(database, jobId)).toMatchObject({ trace_id: '5759e988bd862e3fe1be46a994272793' })
})

test('a job without a trace runs all the same', async () => {
  const before = services.providers.calls.log.length
  const jobId = await submit()
  await database.sql('UPDATE vision_jobs SET trace_id = NULL')
  expect(await fire()).toMatchObject({ completed: 1 })
  const calls = services.providers.calls.log.slice(before)
  expect(calls.map(({ traceparent }) => traceparent)).toEqual([undefined, undefined])
  expect(logged().find((line) => line.jobId === jobId && line.message === 'job claimed')).not.toHaveProperty('traceId')
})

test('a drain with nothing to do reports a heartbeat, and that no job waits', async () => {
  await fire()
  expect(metrics()).toEqual([
    {
      dimensions: { service: 'vision-test' },
      values: {
        PollerHeartbeat: 1,
        JobsClaimed: 0,
        JobsCompleted: 0,
        JobsRetried: 0,
        JobsFailed: 0,
        JobsReleased: 0,
        JobsLost: 0,
        JobsReclaimed: 0,
        OldestDueSeconds: 0,
        WebhookOldestDueSeconds: 0,
      },
    },
    { dimensions: { service: 'vision-test', provider: 'gemini' }, values: { ProviderPaused: 0 } },
    { dimensions: { service: 'vision-test', provider: 'deepseek' }, values: { ProviderPaused: 0 } },
  ])
})

test('jobs that failed are counted with their codes however they came to it', async () => {
  await submit()
  services.providers.faults.add({ provider: 'gemini', kind: 'blocked' })
  expect(await fire()).toMatchObject({ failed: 1 })
  // One more than is looked for at once: the promotion of due jobs and the claim come upon the rest.
  const pending = await makeJobs(database, expiredAtOnce + 1)
  const due = await makeJobs(database, expiredAtOnce + 1)
  const [poisonous, cancelled] = [await makeJob(database), await makeJob(database)]
  await database.sql('UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id IN (?)', [
    [...pending, ...due],
  ])
  await database.sql(
    "UPDATE vision_jobs SET status = 'scheduled', available_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id IN (?)",
    [due],
  )
  await database.sql(
    `UPDATE vision_jobs SET status = 'processing', attempt = 6, crashes = 5, worker_id = 'dead',
      lease_expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id = ?`,
    [poisonous],
  )
  await cancelVisionJob(database, { jobId: cancelled, userId: 'user-1' })
  const expired = pending.length + due.length
  expect(await fire()).toMatchObject({ failed: 1, expired, reclaimed: 1 })

  const drains = numbers().filter((values) => 'PollerHeartbeat' in values)
  expect(drains).toMatchObject([
    { JobsClaimed: 1, JobsFailed: 1 },
    { JobsClaimed: 0, JobsFailed: 1 + expired, JobsReclaimed: 1 },
  ])
  const byCode = metrics().flatMap(({ dimensions, values }) =>
    'JobsFailedByCode' in values ? [[dimensions.service, dimensions.code, values.JobsFailedByCode]] : [],
  )
  expect(byCode.toSorted()).toEqual([
    ['vision-test', 'analysis.blocked', 1],
    ['vision-test', 'job.expired', expired],
    ['vision-test', 'worker.lost', 1],
  ])
  const failed = await database.sql(
    "SELECT error_code AS code, COUNT(*) AS jobs FROM vision_jobs WHERE status = 'failed' GROUP BY error_code ORDER BY 1",
  )
  expect(failed.map(({ code, jobs }) => ['vision-test', code, Number(jobs)])).toEqual(byCode.toSorted())
})

test('a bucket that refuses the poller is told by its code with each run, while the jobs wait and are not due', async () => {
  const imageUrl = await fixtureUrl('halves.png', 'image/png')
  for (const purpose of ['one', 'two']) {
    const reply = await call('POST', '/v1/jobs', { ...job, imageUrl, analysisPurpose: purpose })
    expect(reply.statusCode).toBe(201)
  }
  const refused = { S3_SECRET_ACCESS_KEY: 'a-key-that-was-withdrawn' }
  expect(await fire(refused)).toMatchObject({ released: 2, failed: 0 })
  await database.sql('UPDATE vision_jobs SET available_at = UTC_TIMESTAMP(3) WHERE status = ? ORDER BY id LIMIT 1', [
    'scheduled',
  ])
  expect(await fire(refused)).toMatchObject({ released: 1, failed: 0 })
  const byCode = metrics().flatMap(({ dimensions, values }) =>
    'code' in dimensions ? [[dimensions.code, values]] : [],
  )
  expect(byCode).toEqual([
    ['storage.unavailable', { JobsReleasedByCode: 2 }],
    ['storage.unavailable', { JobsReleasedByCode: 1 }],
  ])
  expect(numbers().flatMap((values) => ('OldestDueSeconds' in values ? [values.OldestDueSeconds] : []))).toEqual([0, 0])
  expect(metrics().flatMap(({ values }) => ('ProviderPaused' in values ? [values.ProviderPaused] : []))).not.toContain(
    1,
  )
})

test('a provider that is not to be had is paused, and the other is not', async () => {
  await submit()
  services.providers.faults.add({ provider: 'deepseek', kind: 'insufficient_balance' })
  expect(await fire()).toMatchObject({ released: 1, failed: 0 })
  const paused = metrics().flatMap(({ dimensions, values }) =>
    'provider' in dimensions ? [[dimensions.provider, values.ProviderPaused]] : [],
  )
  expect(paused).toEqual([
    ['gemini', 0],
    ['deepseek', 1],
  ])
  expect(numbers().filter((values) => 'PollerHeartbeat' in values)).toMatchObject([{ JobsReleased: 1, JobsFailed: 0 }])
})

test('each call of the API is one line of metrics, whatever becomes of it', async () => {
  await submit()
  expect((await call('GET', '/v1/jobs/999999')).statusCode).toBe(404)
  const away = { DATABASE_URL: 'mysql://root@127.0.0.1:1/gone' }
  expect((await call('GET', '/v1/jobs', undefined, {}, away)).statusCode).toBe(503)
  expect(numbers()).toEqual([
    { JobsCreated: 1, ApiRequests: 1, ApiErrors: 0, ApiLatency: expect.any(Number) },
    { ApiRequests: 1, ApiErrors: 0, ApiLatency: expect.any(Number) },
    { ApiRequests: 1, ApiErrors: 1, ApiLatency: expect.any(Number) },
  ])
})

test('a call that may wait for a job tells no latency: it would be that of the job', async () => {
  expect((await call('GET', '/v1/jobs', undefined, { prefer: 'wait=1' })).statusCode).toBe(200)
  expect(numbers()).toEqual([{ ApiRequests: 1, ApiErrors: 0 }])
})

test('an invocation that throws has its line of metrics too, once', async () => {
  await call('GET', '/healthz')
  output.length = 0
  const { handler } = await import('../../functions/api.ts')
  await expect(handler({ requestContext: {} } as never, {} as never)).rejects.toThrow()
  expect(numbers()).toEqual([{ ApiRequests: 1, ApiErrors: 1, ApiLatency: expect.any(Number) }])
})

test('a secret that an error quotes never appears in the log', async () => {
  const quoted = 'jwt-secret-of-at-least-32-bytes-in-a-wrong-place'
  const wrong = new URL(database.url)
  wrong.pathname = `/${quoted}`
  const reply = await call('GET', '/healthz', undefined, {}, { DATABASE_URL: wrong.href, AUTH_SECRET: quoted })
  expect(reply.statusCode).toBe(503)
  await fire({ DATABASE_URL: wrong.href, DEEPSEEK_API_KEY: quoted })
  expect(
    logged()
      .map(({ detail }) => detail)
      .join(),
  ).toMatch(/Unknown database '\[secret\]'/)
  expect(lines().join()).not.toContain(quoted)
})
