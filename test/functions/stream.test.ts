import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { APIGatewayProxyEvent, LambdaFunctionURLEvent } from 'aws-lambda'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { batchOfItsOwn } from '../../core/batches/batches.ts'
import { restoreFetch } from '../../core/http/fetch/install.ts'
import { createTickets } from '../../core/live/slots/tickets.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { createVisionJob, createVisionJobs } from '../../core/queue/create/create.ts'
import { type Part, partsOf, sayingOf } from '../support/api/events.ts'
import { secret, token } from '../support/api/test-api.ts'
import { noCap, someJob } from '../support/database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { awslambdaStub, streamedReply } from '../support/functions/lambda-stream.ts'

let database: TestDatabase
let handler: (
  event: LambdaFunctionURLEvent | APIGatewayProxyEvent,
  stream: awslambda.HttpResponseStream,
  context: never,
) => Promise<void>

/** Loads the function as a fresh copy of it would start. */
async function start(env: Record<string, string>) {
  vi.unstubAllEnvs()
  for (const [key, value] of Object.entries(env)) vi.stubEnv(key, value)
  vi.resetModules()
  handler = (await import('../../functions/stream.ts')).handler as never
}

beforeAll(async () => {
  vi.stubGlobal('awslambda', awslambdaStub)
  // Its own: its tests share jobs.
  database = await createTestDatabase()
  await start({ DATABASE_URL: database.url, AUTH_SECRET: secret, STREAM_SECONDS: '2', LOG_LEVEL: 'error' })
})
afterAll(async () => {
  restoreFetch()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  await database.drop()
})

/** What a function URL sends. */
const eventOf = (path: string, query = '', headers: Record<string, string> = {}, method = 'GET') =>
  ({
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    headers: { accept: 'text/event-stream', host: 'abc.lambda-url.eu-central-1.on.aws', ...headers },
    requestContext: {
      accountId: 'anonymous',
      apiId: 'abc',
      domainName: 'abc.lambda-url.eu-central-1.on.aws',
      domainPrefix: 'abc',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '198.51.100.7', userAgent: 'curl/8.5.0' },
      requestId: '5a9f',
      routeKey: '$default',
      stage: '$default',
      time: '23/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_435_200_000,
    },
    isBase64Encoded: false,
  }) satisfies LambdaFunctionURLEvent

/** What a REST API sends, payload format 1.0: the stage is in the path of its context alone, and the query is decoded. */
function restEventOf(
  path: string,
  query: Record<string, string> = {},
  headers: Record<string, string> = {},
  method = 'GET',
) {
  const { requestContext, ...event } = eventOf(path, '', headers, method)
  return {
    resource: '/{proxy+}',
    path,
    httpMethod: method,
    headers: { ...event.headers, 'X-Forwarded-Proto': 'https' },
    multiValueHeaders: {},
    queryStringParameters: query,
    multiValueQueryStringParameters: Object.fromEntries(Object.entries(query).map(([key, value]) => [key, [value]])),
    pathParameters: { proxy: path.slice(1) },
    stageVariables: null,
    requestContext: {
      ...requestContext,
      domainName: 'abc.execute-api.eu-central-1.amazonaws.com',
      httpMethod: method,
      path: `/production${path}`,
      stage: 'production',
      protocol: 'HTTP/1.1',
    },
    body: null,
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEvent
}

function invoke(event: LambdaFunctionURLEvent | APIGatewayProxyEvent) {
  const reply = streamedReply()
  const done = handler(event, reply.stream, undefined as never)
  return { ...reply, done, parts: partsOf(reply.body) }
}

async function create() {
  const options = { userId: 'ann', maxRetries: 3, inFlightPerUser: noCap, lifeMs: 60_000 }
  const { jobId } = await createVisionJob(database, someJob, options)
  const expiresAt = new Date(Date.now() + 60_000)
  const ticket = await createTickets({ AUTH_SECRET: secret }, Date.now).sign({
    scope: `job/${jobId}`,
    userId: 'ann',
    expiresAt,
  })
  return { jobId, query: `ticket=${ticket}` }
}

const sessions = (jobId: number) => database.sql('SELECT * FROM vision_job_sessions WHERE job_id = ?', [jobId])

/** The next event of a job. */
async function next(parts: AsyncGenerator<Part>) {
  for (;;) {
    const { value, done } = await parts.next()
    if (done) return undefined
    const event = sayingOf(value)
    if (event) return event
  }
}

test('events go out as they happen, and nothing is left to do when the function returns', async () => {
  const { jobId, query } = await create()
  const { prelude, parts, done } = invoke(eventOf(`/v1/jobs/${jobId}/events`, query))
  expect(await next(parts)).toMatchObject({ type: 'status', version: 1 })
  expect(await prelude).toMatchObject({ statusCode: 200, headers: { 'content-type': 'text/event-stream' } })
  let returned = false
  void done.then(() => {
    returned = true
  })
  // Somebody holds the row of the connection for a moment.
  await database.sql('BEGIN')
  await database.sql('SELECT id FROM vision_job_sessions WHERE job_id = ? FOR UPDATE', [jobId])
  await cancelVisionJob(database, { jobId, userId: 'ann' })
  expect(await next(parts)).toMatchObject({ type: 'cancelled', version: 2 })
  expect(await next(parts)).toBeUndefined()
  await delay(200)
  expect(returned).toBe(false)
  await database.sql('ROLLBACK')
  await done
  expect(await sessions(jobId)).toMatchObject([{ close_reason: 'ended', last_event: 2 }])
  // And whoever comes back is told not to.
  const again = invoke(eventOf(`/v1/jobs/${jobId}/events`, query, { 'last-event-id': '2' }))
  expect((await again.parts.next()).done).toBe(true)
  expect((await again.prelude).statusCode).toBe(204)
})

test('a batch is streamed to its end', async () => {
  const made = createVisionJobs(database, [someJob, someJob], {
    userId: 'ann',
    maxRetries: 3,
    inFlightPerUser: noCap,
    lifeMs: 60_000,
    batch: batchOfItsOwn('ann'),
  })
  const ids = (await made).map(({ jobId }) => jobId)
  const [row] = await database.sql('SELECT batch_id AS batchId FROM vision_jobs WHERE id = ?', [ids[0]])
  const batchId = Number(row?.batchId)
  const expiresAt = new Date(Date.now() + 60_000)
  const scope = `batch/${batchId}` as const
  const ticket = await createTickets({ AUTH_SECRET: secret }, Date.now).sign({ scope, userId: 'ann', expiresAt })
  for (const event of [
    eventOf('/v1/events', `batchId=${batchId}&ticket=${ticket}`),
    restEventOf('/v1/events', { batchId: String(batchId), ticket }),
  ]) {
    const { parts, done } = invoke(event)
    expect(await next(parts)).toMatchObject({ type: 'job', batchId })
    for (const jobId of ids) await cancelVisionJob(database, { jobId, userId: 'ann' })
    const told: unknown[] = []
    for await (const { data } of parts) if (data) told.push(JSON.parse(data))
    expect(told.at(-1)).toMatchObject({ type: 'batch', batchId, ended: true, byStatus: { cancelled: 2 } })
    await done
  }
})

test('a stream ends in time, and asks its client to come back', async () => {
  const { jobId, query } = await create()
  const { parts, done } = invoke(eventOf(`/v1/jobs/${jobId}/events`, query))
  const all: Part[] = []
  for await (const part of parts) all.push(part)
  expect(all.at(-1)).toEqual({ event: 'reconnect', data: '{}' })
  await done
  expect(await sessions(jobId)).toMatchObject([{ close_reason: 'reconnect' }])
})

test('an error has its own status', async () => {
  const { jobId, query } = await create()
  const events = `/v1/jobs/${jobId}/events`
  for (const [event, status, code] of [
    [eventOf(events), 401, 'request.unauthenticated'],
    [eventOf(events, `${query}x`), 401, 'request.unauthenticated'],
    [eventOf(events, '', { authorization: `Bearer ${await token('bob')}` }), 404, 'job.not_found'],
    [eventOf(events, `${query}&lastEventId=x`), 400, 'request.invalid'],
    [eventOf(events, query, {}, 'DELETE'), 405, 'request.method_not_allowed'],
    // What does not stream is not served here.
    [eventOf(`/v1/jobs/${jobId}`, '', { authorization: `Bearer ${await token('ann')}` }), 404, 'request.not_found'],
  ] as const) {
    const { prelude, body, done } = invoke(event)
    const { code: told } = (await new Response(body).json()) as { code: string }
    expect([(await prelude).statusCode, told]).toEqual([status, code])
    expect((await prelude).headers['content-type']).toBe('application/problem+json')
    await done
  }
})

test('that it runs is all that it says without a token, and the database is not asked', async () => {
  // A fresh copy, that has no connection yet and would have to open one.
  await start({ DATABASE_URL: database.url, AUTH_SECRET: secret, STREAM_SECONDS: '2', LOG_LEVEL: 'error' })
  const before = await database.sql('SELECT COUNT(*) AS n FROM information_schema.processlist WHERE db = DATABASE()')
  for (const path of ['/healthz', '/', '/openapi.json', '/v1/jobs/1/events']) {
    const { prelude, body, done } = invoke(eventOf(path))
    await new Response(body).text()
    expect((await prelude).statusCode).toBe(path.startsWith('/v1') ? 401 : 200)
    await done
  }
  expect(await database.sql('SELECT COUNT(*) AS n FROM information_schema.processlist WHERE db = DATABASE()')).toEqual(
    before,
  )
})

test('behind a REST API, as in a private network, it streams just the same', async () => {
  const { jobId, query } = await create()
  const ticket = query.slice('ticket='.length)
  const { prelude, parts, done } = invoke(restEventOf(`/v1/jobs/${jobId}/events`, { ticket }, { 'last-event-id': '0' }))
  expect(await next(parts)).toMatchObject({ type: 'status', version: 1 })
  expect(await prelude).toMatchObject({ statusCode: 200, headers: { 'content-type': 'text/event-stream' } })
  await cancelVisionJob(database, { jobId, userId: 'ann' })
  expect(await next(parts)).toMatchObject({ type: 'cancelled', version: 2 })
  await done
  // A value with what URLs escape comes decoded, and must not be taken apart again.
  const refused = invoke(restEventOf(`/v1/jobs/${jobId}/events`, { ticket, lastEventId: '1&ticket=x' }))
  expect(await new Response(refused.body).json()).toMatchObject({ code: 'request.invalid' })
  await refused.done
})

test('behind a REST API it tells browsers itself which pages may read a stream', async () => {
  const env = { DATABASE_URL: database.url, AUTH_SECRET: secret, STREAM_SECONDS: '2', LOG_LEVEL: 'error' }
  await start({ ...env, STREAM_ORIGINS: 'https://app.example,https://admin.example' })
  const { jobId, query } = await create()
  const path = `/v1/jobs/${jobId}/events`
  const asked = invoke(restEventOf(path, {}, { origin: 'https://admin.example' }, 'OPTIONS'))
  await new Response(asked.body).text()
  expect(await asked.prelude).toMatchObject({
    statusCode: 204,
    headers: {
      'access-control-allow-origin': 'https://admin.example',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'authorization,last-event-id',
    },
  })
  for (const [origin, allowed] of [
    ['https://app.example', 'https://app.example'],
    ['https://evil.example', undefined],
  ] as const) {
    const read = invoke(restEventOf(path, { ticket: query.slice('ticket='.length) }, { origin }))
    await next(read.parts)
    expect((await read.prelude).headers['access-control-allow-origin']).toBe(allowed)
    read.stream.destroy()
    await read.parts.return(undefined).catch(() => undefined)
    await read.done
  }
  await start(env)
  const silent = invoke(restEventOf(path, {}, { origin: 'https://app.example' }, 'OPTIONS'))
  await new Response(silent.body).text()
  expect((await silent.prelude).headers).not.toHaveProperty('access-control-allow-origin')
  await silent.done
})

test('a stream that breaks ends the work', async () => {
  const { jobId, query } = await create()
  const { stream, parts, done } = invoke(eventOf(`/v1/jobs/${jobId}/events`, query))
  await next(parts)
  stream.destroy()
  await parts.return(undefined).catch(() => undefined)
  await done
  expect(await sessions(jobId)).toMatchObject([{ close_reason: 'left' }])
})

test('does not start without a secret for tickets, and says so', async () => {
  const jwks = { AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: 'https://id.example', AUTH_AUDIENCE: 'api' }
  await start({ DATABASE_URL: database.url, AUTH_SECRET: '', ...jwks })
  await expect(invoke(eventOf('/')).done).rejects.toThrow(/STREAM_SECRET is missing/)
})

test('reaches neither the storage nor a provider through its imports', async () => {
  const packages = new Set<string>()
  const seen = new Set<string>()
  const visit = async (file: string): Promise<void> => {
    if (seen.has(file)) return
    seen.add(file)
    const source = await readFile(file, 'utf8')
    for (const [, name = ''] of source.matchAll(/^(?:import|export)(?! type)[^'"]*?from '([^']+)'/gm)) {
      if (name.startsWith('.')) await visit(join(dirname(file), name))
      else packages.add(name)
    }
  }
  await visit(fileURLToPath(new URL('../../functions/stream.ts', import.meta.url)))
  expect([...packages]).toEqual(expect.arrayContaining(['hono', 'jose', 'mysql2/promise', '@trpc/server']))
  expect([...packages].filter((name) => /openai|@google|@aws-sdk|node-server/.test(name))).toEqual([])
})
