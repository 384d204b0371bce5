import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apiEvent, urlEvent } from '../support/functions/events.ts'
import { type RuntimeApi, type Streamed, startRuntimeApi } from '../support/functions/runtime-api.ts'
import { bundleForDevelopment } from './support/dev-bundle.ts'
import { platform } from './support/platform.ts'

// What `sst dev` runs a function with, once an invocation has come through its tunnel: SST's own loop around the bundle, against
// a Runtime API on this machine. The tunnel itself needs an AWS account.

const runtime = join(platform, 'dist/nodejs-runtime/index.js')
const settings = {
  // Nobody is there.
  DATABASE_URL: 'mysql://root@127.0.0.1:1/none',
  BUCKET_NAME: 'images',
  AWS_REGION: 'eu-central-1',
  AUTH_SECRET: 'a secret of the tests, 32 bytes or more',
}

let folder: string
const running: { readonly child: ChildProcess; readonly api: RuntimeApi }[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vision-pipeline-dev-'))
})
afterAll(async () => {
  for (const { child, api } of running) {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    }
    await api.stop()
  }
  await rm(folder, { recursive: true, force: true })
})

async function start(name: string): Promise<RuntimeApi> {
  await bundleForDevelopment(name, join(folder, name))
  const api = await startRuntimeApi()
  const env = {
    PATH: process.env.PATH,
    ...settings,
    AWS_LAMBDA_RUNTIME_API: api.address,
    AWS_LAMBDA_FUNCTION_NAME: name,
  }
  const child = spawn(process.execPath, [runtime, join(folder, name, `${name}.handler`)], { env, stdio: 'ignore' })
  child.on('exit', (code) => api.fail(new Error(`the runtime ended with ${code}`)))
  running.push({ child, api })
  return api
}

test('the API answers one call after the other, without a database where it needs none', async () => {
  const api = await start('api')
  const call = (path: string) => api.invoke(apiEvent({ path }), 30_000)
  expect(await call('/openapi.json')).toMatchObject({ statusCode: 200, body: expect.any(String) })
  expect(await call('/healthz')).toMatchObject({ statusCode: 503 })
  expect(await call('/v1/jobs')).toMatchObject({
    statusCode: 401,
    body: expect.stringContaining('request.unauthenticated'),
  })
})

test('the stream answers in the protocol of streams, with its own status', async () => {
  const api = await start('stream')
  const event = urlEvent({ path: '/v1/jobs/1/events' })
  const { statusCode, chunks } = (await api.invoke(event, 30_000)) as Streamed
  let body = ''
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) body += next.value
  expect([statusCode, JSON.parse(body)]).toMatchObject([401, { code: 'request.unauthenticated' }])
})

test('an error of the poller is reported, and the next start is taken', async () => {
  const api = await start('poller')
  for (let turn = 0; turn < 2; turn++) await expect(api.invoke({}, 30_000)).rejects.toThrow(/GEMINI_API_KEY/)
})
