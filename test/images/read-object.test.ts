import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPresigner } from '../../core/images/presign.ts'
import { createObjectReader } from '../../core/images/read-object.ts'
import { type ImageStore, openImageStore } from '../../core/images/store.ts'
import { startTimeLimit } from '../../core/images/time-limit.ts'
import { startTestStorage, type TestStorage } from '../support/images/storage.ts'

// A bucket whose server the test plays: who signed a request, the link or the SDK's header, tells who sent it.

type Answer = (response: ServerResponse, request: IncomingMessage) => void

let server: Server
let store: ImageStore
let sentBy: ('link' | 'SDK')[]
let connections: number
const bytes = Buffer.from('the bytes of an image')
const whole: Answer = (response) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
const signal = new AbortController().signal
/** In milliseconds. */
const minute = 60_000

/** Answers the requests in turn; the last answer is repeated. */
async function open(...answers: readonly [Answer, ...Answer[]]): Promise<void> {
  sentBy = []
  connections = 0
  const left = [...answers]
  server = createServer((asked, response) => {
    sentBy.push(asked.headers.authorization === undefined ? 'link' : 'SDK')
    const answer = (left.length > 1 ? left.shift() : left[0]) as Answer
    answer(response, asked)
  })
  server.on('connection', () => {
    connections++
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  store = openImageStore(config())
}

const config = () => ({
  BUCKET_NAME: 'images',
  AWS_REGION: 'us-east-1',
  S3_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  S3_ACCESS_KEY_ID: 'test',
  S3_SECRET_ACCESS_KEY: 'a-secret',
})

afterEach(async () => {
  store.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('objects are read without the SDK, over a connection that is kept', async () => {
  await open(whole)
  for (let n = 0; n < 3; n++) expect(Buffer.from(await store.get('images/a', 100, signal))).toEqual(bytes)
  expect(sentBy).toEqual(['link', 'link', 'link'])
  expect(connections).toBe(1)
})

test.each<readonly [string, Answer]>([
  ['a busy server', (response) => response.writeHead(503, { 'content-length': 4 }).end('busy')],
  ['a broken connection', (response) => response.destroy()],
  ['a body of no length', (response) => response.writeHead(200).end(bytes)],
])('after %s the SDK asks again, and the next is read by a link', async (_, first) => {
  await open(first, whole)
  for (let n = 0; n < 2; n++) expect(Buffer.from(await store.get('images/a', 100, signal))).toEqual(bytes)
  expect(sentBy).toEqual(['link', 'SDK', 'link'])
})

test('the SDK says what a refusal means', async () => {
  const missing = '<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>'
  await open((response) =>
    response.writeHead(404, { 'content-type': 'application/xml', 'content-length': missing.length }).end(missing),
  )
  await expect(store.get('images/a', 100, signal)).rejects.toMatchObject({ code: 'image.not_found' })
  expect(sentBy).toEqual(['link', 'SDK'])
})

describe('a bucket whose policy refuses links', () => {
  const denied = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
  const refuse: Answer = (response) =>
    response.writeHead(403, { 'content-type': 'application/xml', 'content-length': denied.length }).end(denied)
  let storage: TestStorage
  let refuses = true
  let isThere = true
  let at = 0
  let lines: unknown[][]

  /** The emulated storage behind a server that refuses what is signed in the query. */
  beforeEach(async () => {
    storage = await startTestStorage()
    await storage.store.put('images/a', bytes, 'image/png')
    refuses = isThere = true
    at = 0
    lines = []
    await open((response, asked) => {
      if (!isThere || (refuses && asked.headers.authorization === undefined)) return refuse(response, asked)
      const to = new URL(asked.url ?? '', storage.settings.S3_ENDPOINT)
      const passed = request(to, { method: asked.method, headers: asked.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(response)
      })
      asked.pipe(passed)
    })
    store.close()
    const { S3_ENDPOINT } = config()
    const log = (...line: unknown[]) => void lines.push(line)
    store = openImageStore({ ...storage.settings, S3_ENDPOINT }, { log, now: () => at })
  })
  afterEach(() => storage.stop())
  const read = async () => Buffer.from(await store.get('images/a', 100, signal))

  test('is read by the SDK alone for ten minutes, and told of once', async () => {
    for (let n = 0; n < 3; n++) expect(await read()).toEqual(bytes)
    expect(sentBy).toEqual(['link', 'SDK', 'SDK', 'SDK'])
    at = 10 * minute
    expect(await read()).toEqual(bytes)
    expect(sentBy.slice(4)).toEqual(['link', 'SDK'])
    expect(lines).toEqual([
      [
        'warn',
        'the bucket refuses signed links',
        { bucket: 'test-images', detail: expect.stringMatching(/policy denies.*s3:authType.*s3:x-amz-content-sha256/) },
      ],
    ])
    refuses = false
    at = 20 * minute
    for (let n = 0; n < 2; n++) expect(await read()).toEqual(bytes)
    expect(sentBy.slice(6)).toEqual(['link', 'link'])
  })

  test('is not what refuses the SDK too', async () => {
    isThere = false
    await expect(read()).rejects.toMatchObject({ code: 'storage.unavailable' })
    isThere = true
    refuses = false
    expect(await read()).toEqual(bytes)
    expect(sentBy).toEqual(['link', 'SDK', 'link'])
    expect(lines).toEqual([])
  })
})

test('an object that is too large is not read, and takes no connection from others', async () => {
  await open(whole)
  await expect(store.get('images/a', 20, signal)).rejects.toMatchObject({ code: 'image.too_large' })
  expect(sentBy).toEqual(['link'])
  // The server itself closes one that is idle for five seconds.
  await expect.poll(() => promisify(server.getConnections.bind(server))(), { timeout: 3_000 }).toBe(0)
})

const half: Answer = (response) => {
  response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 10))
}

test('a body that breaks off is a failure of the bucket', async () => {
  await open((response, request) => {
    half(response, request)
    setTimeout(() => response.destroy(), 50)
  })
  await expect(store.get('images/a', 100, signal)).rejects.toMatchObject({ code: 'storage.unavailable' })
})

test('so is one whose connection breaks while there is no room for it', async () => {
  let broken: Promise<unknown> = Promise.resolve()
  await open((response, request) => {
    half(response, request)
    broken = delay(50).then(() => response.destroy())
  })
  const reserve = async () => {
    await broken
    await delay(50)
  }
  await expect(store.get('images/a', 100, signal, reserve)).rejects.toMatchObject({ code: 'storage.unavailable' })
})

test.each<readonly [string, Answer]>([
  ['an answer', () => undefined],
  ['the rest of a body', half],
])('a run that stops does not wait for %s', async (_, answer) => {
  await open(answer)
  const stop = new AbortController()
  const reading = store.get('images/a', 100, stop.signal)
  setTimeout(() => stop.abort(new Error('the run is over')), 100)
  await expect(reading).rejects.toThrow('the run is over')
  expect(sentBy).toEqual(['link'])
})

test('nor for a connection, of which there are fifty', async () => {
  await open(() => undefined)
  const others = new AbortController()
  const waiting = Array.from({ length: 50 }, () => store.get('images/a', 100, others.signal).catch(() => undefined))
  while (sentBy.length < 50) await delay(10)
  const stop = new AbortController()
  const reading = store.get('images/b', 100, stop.signal)
  setTimeout(() => stop.abort(new Error('the run is over')), 100)
  await expect(Promise.race([reading, delay(3_000)])).rejects.toThrow('the run is over')
  others.abort()
  await Promise.all(waiting)
})

test('a machine whose clock is fourteen minutes off reads by links too: a bucket takes no offence at that', async () => {
  await open((response, request) => {
    const asked = new URL(request.url ?? '', 'http://bucket').searchParams
    const stamp = asked.get('X-Amz-Date')?.replace(/(....)(..)(..T..)(..)/, '$1-$2-$3:$4:')
    const age = Date.now() - Date.parse(stamp ?? '')
    const isGood = age > -15 * minute && age <= Number(asked.get('X-Amz-Expires')) * 1_000
    return isGood ? whole(response, request) : response.writeHead(403, { 'content-length': 0 }).end()
  })
  const presigner = createPresigner(config())
  if (!presigner) throw new Error('nothing to sign with')
  // What is refused for the time on a link is not refused for its being one.
  for (const off of [-14, 0, 14, -16, 16]) {
    const reader = createObjectReader(presigner, () => Date.now() + off * minute)
    const limit = startTimeLimit(minute)
    const read = await reader.read('images/a', 100, signal, limit, undefined)
    expect(Buffer.from(read).toString(), `${off} minutes`).toBe(Math.abs(off) < 15 ? bytes.toString() : 'failed')
    limit.clear()
    reader.close()
  }
})
