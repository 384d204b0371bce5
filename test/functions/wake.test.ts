import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { afterAll, afterEach, expect, vi } from 'vitest'
import { restoreFetch } from '../../core/http/fetch/install.ts'
import { listen } from '../../dev/parts/listen.ts'
import { secret, token } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'

let database: TestDatabase
let services: TestServices
let lambda: Awaited<ReturnType<typeof startLambda>>

/** Lambda's API: what it was asked to call, and the status that it answers with. */
async function startLambda() {
  const called: { readonly url: string; readonly event: unknown }[] = []
  const state = { status: 202 }
  const server = createServer(async (request, response) => {
    called.push({ url: request.url ?? '', event: JSON.parse(await text(request)) })
    response.writeHead(state.status).end()
  })
  const { port, stop } = await listen(server, 0)
  return { called, state, url: `http://127.0.0.1:${port}`, stop }
}

test.beforeAll(async ({ workerDatabase }) => {
  // The functions' logs.
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  database = workerDatabase
  services = await startTestServices()
  lambda = await startLambda()
})
afterEach(() => {
  lambda.called.length = 0
  lambda.state.status = 202
})
afterAll(async () => {
  restoreFetch()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  await lambda.stop()
  await services.stop()
})

/** Loads a function as it would start, told how it wakes pollers. */
async function start<Handler>(name: 'api' | 'poller', settings: Record<string, string> = {}): Promise<Handler> {
  const env = {
    ...services.settings(database.url),
    AUTH_SECRET: secret,
    LOG_LEVEL: 'error',
    POLLER_FUNCTION: 'vision-poller',
    AWS_LAMBDA_FUNCTION_NAME: 'vision-poller',
    POLLER_MAX: '3',
    POLLER_CONCURRENCY: '1',
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'a-secret-access-key',
    AWS_SESSION_TOKEN: 'a-session-token',
    ...settings,
  }
  for (const [key, value] of Object.entries(env)) vi.stubEnv(key, value)
  vi.resetModules()
  return (await import(`../../functions/${name}.ts`)).handler
}

type Api = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>
type Poller = (event: unknown, context: Partial<Context>) => Promise<object>

async function create(api: Api): Promise<number | undefined> {
  const imageUrl = await fixtureUrl('halves.png', 'image/png')
  const body = JSON.stringify({ imageUrl, analysisPurpose: 'Sell a flag', outputFormat: 'alt_text' })
  const { statusCode } = await api({
    version: '2.0',
    rawPath: '/v1/jobs',
    rawQueryString: '',
    headers: {
      host: 'api.example',
      'content-type': 'application/json',
      authorization: `Bearer ${await token('ann')}`,
    },
    requestContext: { stage: '$default', domainName: 'api.example', http: { method: 'POST', path: '/v1/jobs' } },
    body,
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2)
  return statusCode
}

const drain = (poller: Poller, event: unknown) =>
  poller(event, { getRemainingTimeInMillis: () => 300_000, logStreamName: 'a-stream' })

test('a creation wakes the poller, which does the job and is then counted no more', async () => {
  const api = await start<Api>('api')
  expect(await create(api)).toBe(201)
  const wakeId = expect.stringMatching(/^[\da-f-]{36}$/)
  await expect
    .poll(() => lambda.called)
    .toEqual([{ url: '/2015-03-31/functions/vision-poller/invocations', event: { wakeId } }])
  const poller = await start<Poller>('poller')
  expect(await drain(poller, lambda.called[0]?.event)).toMatchObject({ claimed: 1, completed: 1 })
  expect(await database.sql("SELECT id FROM vision_wakes WHERE id <> 'last'")).toEqual([])
})

test('a creation is answered as usual where no worker can be woken', async () => {
  lambda.state.status = 429
  const api = await start<Api>('api')
  expect(await create(api)).toBe(201)
  await expect.poll(() => lambda.called.length).toBe(1)
  expect(await create(await start<Api>('api', { AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:1' }))).toBe(201)
  expect(await create(await start<Api>('api', { POLLER_MAX: '' }))).toBe(201)
  expect(lambda.called).toHaveLength(1)
})

test('a full poller wakes the next, and no more than there may be', async () => {
  const api = await start<Api>('api', { POLLER_MAX: '' })
  for (let job = 0; job < 6; job++) expect(await create(api)).toBe(201)
  services.providers.faults.add({ provider: 'gemini', kind: 'latency', latencyMs: 500 })
  const poller = await start<Poller>('poller')
  expect(await drain(poller, {})).toMatchObject({ completed: 6 })
  services.providers.faults.clear()
  // One place is the schedule's, and one its own.
  expect(lambda.called).toHaveLength(1)
})
