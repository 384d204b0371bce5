import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { restoreFetch } from '../../core/http/fetch/install.ts'
import { job, secret, token } from '../support/api/test-api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
let handler: (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>

/** Loads the function as a fresh copy of it would start. */
async function start(env: Record<string, string>) {
  vi.unstubAllEnvs()
  for (const [key, value] of Object.entries(env)) vi.stubEnv(key, value)
  vi.resetModules()
  handler = (await import('../../functions/api.ts')).handler
}

beforeAll(async () => {
  // The function's log.
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  // Its own: its tests share jobs.
  database = await createTestDatabase()
  await start({ DATABASE_URL: database.url, BUCKET_NAME: 'bucket', AUTH_SECRET: secret, LOG_LEVEL: 'error' })
})
afterAll(async () => {
  restoreFetch()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  await database.drop()
})

interface EventOptions {
  method?: string
  path: string
  query?: string
  body?: string
  base64?: boolean
  headers?: Record<string, string>
  stage?: string
  domainPrefix?: string
}

/** An event of an HTTP API, payload format 2.0, as API Gateway sends it. */
function eventOf({ method = 'GET', path, query = '', body, base64 = false, ...options }: EventOptions) {
  const { stage = '$default', domainPrefix = 'abc123' } = options
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    cookies: ['theme=dark', 'session=none'],
    headers: {
      accept: '*/*',
      host: 'abc123.execute-api.eu-central-1.amazonaws.com',
      'x-forwarded-for': '198.51.100.7',
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': String(body.length) }),
      ...options.headers,
    },
    // API Gateway joins repeated parameters with a comma here; the raw string has them as they were sent.
    queryStringParameters: { status: 'pending,failed' },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abc123',
      domainName: `${domainPrefix}.execute-api.eu-central-1.amazonaws.com`,
      domainPrefix,
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '198.51.100.7', userAgent: 'curl/8.5.0' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: '$default',
      stage,
      time: '23/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_435_200_000,
    },
    ...(body !== undefined && { body: base64 ? Buffer.from(body).toString('base64') : body }),
    isBase64Encoded: base64,
  } satisfies APIGatewayProxyEventV2
}

const as = async (user: string) => ({ authorization: `Bearer ${await token(user)}` })
const read = (result: APIGatewayProxyStructuredResultV2) => JSON.parse(result.body ?? '')

test('creates a job from an event, its body plain or in base64', async () => {
  for (const base64 of [false, true]) {
    const body = JSON.stringify({ ...job, analysisPurpose: 'größer' })
    const result = await handler(eventOf({ method: 'POST', path: '/v1/jobs', body, base64, headers: await as('ann') }))
    expect(result).toMatchObject({ statusCode: 201, isBase64Encoded: false })
    expect(read(result).analysisPurpose).toBe('größer')
    expect(result.headers?.location).toBe(`/v1/jobs/${read(result).jobId}`)
    expect(result.headers?.['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  }
})

test('parameters that are repeated arrive each', async () => {
  const headers = await as('ann')
  const two = await handler(eventOf({ path: '/v1/jobs', query: 'status=pending&status=failed&limit=1', headers }))
  expect([two.statusCode, read(two).jobs.length]).toEqual([200, 1])
  const none = await handler(eventOf({ path: '/v1/jobs', query: 'status=failed&status=completed', headers }))
  expect(read(none).jobs).toEqual([])
})

test('serves tRPC', async () => {
  const headers = await as('ann')
  const path = '/api/trpc/visionPipeline.createJob'
  const created = await handler(eventOf({ method: 'POST', path, body: JSON.stringify(job), headers }))
  const { jobId } = read(created).result.data
  const look = eventOf({ path: '/api/trpc/visionPipeline.getJobStatus', query: `jobId=${jobId}`, headers })
  expect(read(await handler(look))).toMatchObject({ result: { data: { jobId } } })
})

test('a stage of another name is taken off the path, and put before a Location', async () => {
  const headers = await as('ann')
  const body = JSON.stringify(job)
  const created = await handler(eventOf({ method: 'POST', path: '/test/v1/jobs', stage: 'test', body, headers }))
  expect(created.statusCode).toBe(201)
  expect(created.headers?.location).toMatch(/^\/test\/v1\/jobs\/\d+$/)
  const index = await handler(eventOf({ path: '/test', stage: 'test' }))
  expect(index.statusCode).toBe(200)
  expect((await handler(eventOf({ path: '/testing/v1/jobs', stage: 'test', headers }))).statusCode).toBe(404)
  // At a domain of one's own the stage is not in the path, even if the path begins with the same word.
  const own = await handler(eventOf({ path: '/v1/jobs', stage: 'v1', domainPrefix: 'api', headers }))
  expect(own.statusCode).toBe(200)
})

test('a delete has no body, and a call without a token is unauthenticated', async () => {
  const headers = await as('ann')
  const body = JSON.stringify(job)
  const { jobId } = read(await handler(eventOf({ method: 'POST', path: '/v1/jobs', body, headers })))
  const deleted = await handler(eventOf({ method: 'DELETE', path: `/v1/jobs/${jobId}`, headers }))
  expect(deleted).toMatchObject({ statusCode: 204, body: '' })
  const nobody = await handler(eventOf({ path: '/v1/jobs', headers: { host: 'localhost' } }))
  expect(nobody).toMatchObject({ statusCode: 401, headers: { 'www-authenticate': 'Bearer realm="vision-pipeline"' } })
})

test('a reader may wait for the next change, and the function leaves nothing under way behind', async () => {
  const authorization = `Bearer ${await token('ann')}`
  const created = await handler(
    eventOf({ method: 'POST', path: '/v1/jobs', body: JSON.stringify(job), headers: { authorization } }),
  )
  const { jobId } = JSON.parse(created.body ?? '')
  const waiting = handler(eventOf({ path: `/v1/jobs/${jobId}`, headers: { authorization, prefer: 'wait=20' } }))
  await new Promise((resolve) => setTimeout(resolve, 200))
  await database.sql("UPDATE vision_jobs SET status = 'cancelled', version = version + 1 WHERE id = ?", [jobId])
  const { statusCode, headers, body } = await waiting
  expect(statusCode).toBe(200)
  expect(headers).toMatchObject({ 'preference-applied': 'wait=20', etag: `W/"${jobId}-2"` })
  expect(JSON.parse(body ?? '')).toMatchObject({ status: 'cancelled' })
})

test('is healthy while its database answers', async () => {
  expect((await handler(eventOf({ path: '/healthz' }))).statusCode).toBe(200)
})

test('holds the jobs of a user beyond ten, or beyond as many as are set', async () => {
  const statuses = async (user: string, count: number) => {
    const headers = await as(user)
    const body = JSON.stringify({ jobs: Array(count).fill(job) })
    const created = await handler(eventOf({ method: 'POST', path: '/v1/jobs/batch', body, headers }))
    return read(created).jobs.map(({ status }: { status: string }) => status)
  }
  expect(await statuses('bob', 12)).toEqual([...Array(10).fill('pending'), 'blocked', 'blocked'])
  await start({
    DATABASE_URL: database.url,
    BUCKET_NAME: 'bucket',
    AUTH_SECRET: secret,
    LOG_LEVEL: 'error',
    JOB_IN_FLIGHT_PER_USER: '1',
  })
  expect(await statuses('carl', 2)).toEqual(['pending', 'blocked'])
})

test('does not start without a way to check tokens, and says what is missing', async () => {
  await start({ DATABASE_URL: database.url, BUCKET_NAME: 'bucket', AUTH_SECRET: '', AUTH_JWKS_URL: '' })
  await expect(handler(eventOf({ path: '/' }))).rejects.toThrow(/AUTH_SECRET is missing/)
})

test('reaches no SDK of a provider through its imports', async () => {
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
  await visit(fileURLToPath(new URL('../../functions/api.ts', import.meta.url)))
  expect([...packages]).toEqual(expect.arrayContaining(['hono', 'jose', 'mysql2/promise']))
  expect([...packages].filter((name) => /openai|@google|node-server/.test(name))).toEqual([])
})
