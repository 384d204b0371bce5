import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { listen } from '../../dev/parts/listen.ts'
import { token } from '../support/api/test-api.ts'
import { apiEvent } from '../support/functions/events.ts'
import { fixture } from '../support/images/storage.ts'
import type { Deployed } from './deployed.ts'
import { type DeployedStack, readAll, readUntil, startDeployedStack, streamUrl } from './stack.ts'

/** Has a function write the name of each file that it loads to its log. */
const tellsOfFiles = `
  import { registerHooks } from 'node:module'
  registerHooks({ load: (url, context, next) => {
    process.stderr.write('loaded ' + url.split('/').at(-1) + '\\n')
    return next(url, context)
  } })`
const tells = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(tellsOfFiles)}` }

let stack: DeployedStack
let lambda: Awaited<ReturnType<typeof startLambda>>
beforeAll(async () => {
  stack = await startDeployedStack()
  lambda = await startLambda()
})
afterAll(async () => {
  await lambda.stop()
  await stack.stop()
})

/** Lambda's API, which takes every call. */
async function startLambda() {
  let calls = 0
  const server = createServer((_, response) => {
    calls++
    response.writeHead(202).end()
  })
  const { port, stop } = await listen(server, 0)
  return { calls: () => calls, stop, url: `http://127.0.0.1:${port}` }
}

const waking = () => ({
  POLLER_MAX: '3',
  AWS_ENDPOINT_URL_LAMBDA: lambda.url,
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a secret that nobody checks',
})

/** What of the files that a function defers it has not loaded. */
function notLoaded(name: string, functions: readonly Deployed[]): readonly string[] {
  const loaded = new Set(functions.flatMap((one) => one.log().match(/(?<=^loaded ).*$/gm) ?? []))
  const deferred = Object.entries(inject('deferred')[name] ?? {})
  return deferred.filter(([, file]) => !loaded.has(file)).map(([module]) => module)
}

test('every part that a function loads when it is needed can be loaded, and does what it is for', async () => {
  const api = await stack.start('api', { ...tells, ...waking(), POLLER_FUNCTION: 'vision-poller' })
  const call = async (method: string, path: string, body?: object, more: Record<string, string> = {}) => {
    const headers = { authorization: `Bearer ${await token('ann')}`, ...more }
    const [rawPath = '', query = ''] = path.split('?')
    const result = await api.invoke(apiEvent({ method, path: rawPath, query, body, headers }), 29_000)
    return result as {
      readonly statusCode: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  }
  const { jobId } = await stack.create()
  // Of the whole document: every schema. Of a batch: its images in the bucket, what is read and written as CSV, a poller woken.
  expect(await call('GET', '/openapi.json')).toMatchObject({ statusCode: 200 })
  const batch = await call('POST', '/v1/batches', { name: 'spring' })
  const { batchId } = JSON.parse(batch.body)
  const csv = 'image,purpose,format\nhttps://example.com/a.png,Sell a flag,summary\n'
  expect(await call('POST', `/v1/batches/${batchId}/csv`, { csv })).toMatchObject({ statusCode: 200 })
  const results = await call('GET', `/v1/batches/${batchId}/results?format=csv`)
  expect(results.body).toContain('summary.')
  const image = (await fixture('red.png')).toString('base64')
  const job = { imageUrl: `data:image/png;base64,${image}`, analysisPurpose: 'Sell a flag', outputFormat: 'summary' }
  expect(await call('POST', '/v1/jobs', job)).toMatchObject({ statusCode: 201 })
  expect(lambda.calls()).toBeGreaterThan(0)

  const stream = await stack.start('stream', tells)
  const document = await stack.watch(stream, `${streamUrl}/openapi.json`)
  expect(JSON.parse(await readAll(document))).toMatchObject({ openapi: expect.anything() })
  // Of a call whose input is more than ids, or no id: its schema.
  expect(await call('GET', '/v1/jobs/first')).toMatchObject({ statusCode: 400 })
  const headers = { authorization: `Bearer ${await token('ann')}`, 'last-event-id': '0' }
  const watched = await stack.watch(stream, `${streamUrl}/v1/jobs/${jobId}/events`, headers)
  await readUntil(watched, /event: status/)

  const hook = await call('POST', '/v1/webhooks', { url: 'https://example.com/hook', events: ['job.completed'] })
  expect(hook).toMatchObject({ statusCode: 201 })
  // No address that anything is sent to.
  await stack.database.sql("UPDATE vision_webhook_endpoints SET url = 'https://127.0.0.1:1/hook'")
  await stack.database.sql("UPDATE vision_jobs SET status = 'cancelled' WHERE id <> ?", [jobId])
  const poller = await stack.start('poller', { ...tells, ...waking(), POLLER_CONCURRENCY: '1' })
  expect(await stack.drain(poller)).toMatchObject({ claimed: 1, completed: 1 })
  const text = `/v1/jobs/${jobId}/texts/1`
  const { headers: had } = await call('GET', text)
  const edit = await call('PATCH', text, { content: { summary: 'x' } }, { 'if-match': had.etag ?? '' })
  expect(edit).toMatchObject({ statusCode: 400, body: expect.stringContaining('#/content') })

  // A dry run, which erases nobody.
  const operator = { authorization: `Bearer ${await token('ops', 600, ['operator'])}` }
  expect(await call('POST', '/v1/operator/users/ann/erase', {}, operator)).toMatchObject({ statusCode: 200 })

  // It reads no images.
  expect(notLoaded('api', [api])).toEqual(['core/images/read-object.ts'])
  expect(notLoaded('stream', [stream])).toEqual([])
  // Its image is stored already; and alone it never sees a backlog, of which it would tell as the API does.
  expect(notLoaded('poller', [poller]).toSorted()).toEqual(['core/images/s3.ts', 'core/worker/wake/invoke.ts'])
})

test('an error that few databases answer brings the whole table of error numbers', async () => {
  const url = new URL(stack.database.url)
  url.password = 'another'
  const api = await stack.start('api', { ...tells, DATABASE_URL: url.href })
  const headers = { authorization: `Bearer ${await token('ann')}` }
  const answer = await api.invoke(apiEvent({ path: '/v1/jobs/1', headers }), 29_000)
  expect(answer).toMatchObject({ statusCode: 503 })
  expect(api.log()).toContain('Access denied')
  expect(api.log()).toContain('loaded error-table.cjs')
})

test('a first answer of the API, and of a stream, does without what Node.js loads for `fetch`, files, compression and more, and without a schema', async () => {
  // What takes 2 to 50 ms of the processor's time: by names of modules within Node.js. `node:util` has the parser of arguments loaded.
  const large = ['deps/undici/undici', 'fs/promises', 'zlib', 'internal/util/parse_args/parse_args']
  const webStreams = 'internal/webstreams/readablestream'
  // Says again and again which of them are loaded.
  const says = {
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`
      ${tellsOfFiles}
      const isLoaded = (name) => process.moduleLoadList.includes('NativeModule ' + name)
      const loaded = () => ${JSON.stringify([...large, webStreams])}.filter(isLoaded)
      setInterval(() => process.stderr.write('large: ' + loaded().join(' ') + '\\n'), 20)`)}`,
  }
  const { jobId } = await stack.create()
  const authorization = `Bearer ${await token('ann')}`
  const loadedAfter = async (one: Deployed) => {
    const { length } = one.log()
    // The first line may be older than the answer, the next is not.
    const lines = () =>
      one
        .log()
        .slice(length)
        .match(/(?<=^large: ).*$/gm) ?? []
    await expect.poll(() => lines().length).toBeGreaterThan(1)
    return lines()[1]
  }
  const api = await stack.start('api', says)
  const answer = await api.invoke(apiEvent({ path: `/v1/jobs/${jobId}`, headers: { authorization } }), 29_000)
  expect(answer).toMatchObject({ statusCode: 200 })
  expect(await loadedAfter(api)).toBe('')
  // Every file of the API is told of, and it has not loaded the whole table of error numbers.
  expect(api.log()).toContain('loaded api.mjs')
  expect(api.log()).not.toContain('loaded error-table.cjs')
  expect(notLoaded('api', [api])).toEqual(
    expect.arrayContaining(['core/api/jobs/one-job.ts', 'core/api/jobs/schema.ts']),
  )
  const stream = await stack.start('stream', says)
  const watched = await stack.watch(stream, `${streamUrl}/v1/jobs/${jobId}/events`, { authorization })
  await readUntil(watched, /event: status/)
  // What it answers is a stream.
  expect(await loadedAfter(stream)).toBe(webStreams)
  expect(notLoaded('stream', [stream])).toContain('core/api/events/watch-schema.ts')
})
