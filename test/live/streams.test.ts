import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { createTRPCClient, httpSubscriptionLink } from '@trpc/client'
import { EventSource as EventSourcePackage } from 'eventsource'
import { afterAll, afterEach, describe, expect, vi } from 'vitest'
import { type AppRouter, createApp } from '../../core/api/app.ts'
import type { JobEventView } from '../../core/api/events/schema.ts'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import type { Database } from '../../core/database/client.ts'
import { createChanges } from '../../core/live/changes/changes.ts'
import { createFeed } from '../../core/live/changes/feed.ts'
import { createLive } from '../../core/live/watch.ts'
import { completeVisionJob, releaseVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { type Part, parseStream, partsOf, sayingOf } from '../support/api/events.ts'
import { type Served, serveApp } from '../support/api/serve.ts'
import { createTestApi, json, type TestApi, token } from '../support/api/test-api.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import { eventually } from '../support/eventually.ts'

let api: TestApi
let server: Served
const stops: (() => unknown)[] = []

test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
  server = await serveApp(api.app)
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  await vi.waitFor(async () => expect(await sessions('closed_at IS NULL')).toEqual([]), 60_000)
})
afterAll(async () => {
  await server.kill()
  await api.drop()
})

const sessions = (where = 'TRUE') => api.database.sql(`SELECT * FROM vision_job_sessions WHERE ${where} ORDER BY id`)
const eventsUrl = async (jobId: number): Promise<string> =>
  (await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))).eventsUrl
/** The job's own link, at a server of the test. */
const linkTo = async (jobId: number, at = server) => (await eventsUrl(jobId)).replace('http://api.example', at.url)

interface Watching {
  readonly at?: Served
  readonly as?: string
  readonly last?: number
  readonly signal?: AbortSignal
}
async function watch(jobId: number, { at = server, as = 'ann', last, signal }: Watching = {}): Promise<Response> {
  return fetch(`${at.url}/v1/jobs/${jobId}/events`, {
    headers: { authorization: `Bearer ${await token(as)}`, ...(last && { 'last-event-id': String(last) }) },
    ...(signal && { signal }),
  })
}

/** A job's way from creation to its end, one version a step. */
async function* life(jobId: number) {
  const { database } = api
  const { analysis, content } = exampleJob.outputs
  const first = await api.claim(jobId)
  yield 2
  await saveAnalysis(database, first, { model: 'm', body: analysis?.result }, {})
  yield 3
  await releaseVisionJob(database, first, 'content', {})
  yield 4
  const second = await api.claim(jobId, 'content')
  yield 5
  await completeVisionJob(database, second, { model: 'm', body: content?.result }, {})
  yield 6
}
const wholeLife = ['1 status', '2 status', '3 analysis', '4 status', '5 status', '6 text', '7 completed']
const told = (events: readonly JobEventView[]) => events.map(({ type, version }) => `${version} ${type}`)

/** Takes a stream's events, and lives the job on by a version after each. */
async function follow(parts: AsyncIterable<Part>, steps: AsyncIterator<number>) {
  const events: JobEventView[] = []
  for await (const part of parts) {
    const event = sayingOf(part)
    if (event === undefined) continue
    events.push(event)
    await steps.next()
  }
  return events
}

test('fetch: every change arrives once, under its version, and the stream ends with the job', async () => {
  const jobId = await api.create('ann')
  const response = await watch(jobId)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  expect(response.headers.get('cache-control')).toContain('no-store')
  const parts: Part[] = []
  const recorded = async function* () {
    for await (const part of partsOf(response.body)) {
      parts.push(part)
      yield part
    }
  }
  const events = await follow(recorded(), life(jobId))
  expect(told(events)).toEqual(wholeLife)
  expect(parts[0]).toEqual({ retry: '1000' })
  expect(parts.slice(1).map(({ id, event }) => `${id} ${event}`)).toEqual(wholeLife)
  expect(events[2]).toMatchObject({ analysis: { result: exampleJob.outputs.analysis?.result } })
  expect(events[5]).toMatchObject({ text: { result: exampleJob.outputs.content?.result } })
  expect(events[6]).toMatchObject({ content: { result: exampleJob.outputs.content?.result }, progress: 100 })
  await eventually(async () =>
    expect(await sessions()).toMatchObject([
      { user_id: 'ann', job_id: jobId, transport: 'sse', last_event: 7, close_reason: 'ended' },
    ]),
  )
})

test('curl: the lines arrive as they are written', async () => {
  const jobId = await api.create('ann')
  const curl = spawn('curl', ['-sN', '--fail', await linkTo(jobId)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const steps = life(jobId)
  let output = ''
  curl.stdout.on('data', (chunk) => {
    const events = String(chunk).split('\nevent:').length - 1
    output += chunk
    for (let event = 0; event < events; event++) void steps.next()
  })
  expect(await new Promise((resolve) => curl.on('close', resolve))).toBe(0)
  expect(told(parseStream(output).flatMap((part) => sayingOf(part) ?? []))).toEqual(wholeLife)
})

const sleep = (milliseconds: number, signal: AbortSignal) => delay(milliseconds, undefined, { signal })
const changesOf = (database: Database) => createChanges({ database, everyMs: 20, sleep, onError: console.error })
const shortLived = { lifeMs: 200, perUser: 10, touchMs: 15_000, lookMs: 20, random: Math.random, sleep }

describe.each<[string, typeof EventSource]>([
  ['the eventsource package', EventSourcePackage as typeof EventSource],
  ['the EventSource of Node', EventSource],
])('%s', (_, Client) => {
  test('opens the link as it is, and stops by itself when the job has ended', async () => {
    const jobId = await api.create('ann')
    const steps = life(jobId)
    const source = new Client(await linkTo(jobId))
    stops.push(() => source.close())
    const events: JobEventView[] = []
    for (const type of ['status', 'analysis', 'text', 'completed']) {
      source.addEventListener(type, (event) => {
        events.push(JSON.parse((event as MessageEvent).data))
        void steps.next()
      })
    }
    await vi.waitFor(() => expect(source.readyState).toBe(source.CLOSED), 60_000)
    expect(told(events)).toEqual(wholeLife)
    expect(await sessions()).toHaveLength(1)
  })

  test('gets the same events by tRPC’s httpSubscriptionLink, through every cut', async () => {
    const short = createLive({ ...api.services, ...shortLived, changes: changesOf(api.database) })
    const at = await serveApp(createApp({ ...api.services, live: short }))
    stops.push(
      () => at.kill(),
      () => short.close(),
    )
    const jobId = await api.create('ann')
    const ticket = new URL(await linkTo(jobId)).search
    const client = createTRPCClient<AppRouter>({
      links: [httpSubscriptionLink({ url: `${at.url}/api/trpc${ticket}`, EventSource: Client })],
    })
    const steps = life(jobId)
    const heard: { id: string; data: JobEventView }[] = []
    await new Promise<void>((resolve, reject) => {
      const subscription = client.visionPipeline.watchJob.subscribe(
        { jobId },
        {
          onData: (event) => {
            heard.push(event)
            // Twice longer than a stream lives: a client of tRPC waits three seconds before it comes back.
            setTimeout(() => void steps.next(), heard.length < 3 ? 250 : 0)
          },
          onComplete: resolve,
          onError: reject,
        },
      )
      stops.push(() => subscription.unsubscribe())
    })
    expect(told(heard.map(({ data }) => data))).toEqual(wholeLife)
    expect(heard.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6', '7'])
    await eventually(async () => {
      const rows = await sessions()
      expect(rows.length).toBeGreaterThan(1)
      expect(rows.every((row) => row.transport === 'trpc')).toBe(true)
      expect(new Set(rows.map((row) => row.close_reason))).toEqual(new Set(['reconnect', 'ended']))
    })
  })

  test('comes back after every cut and loses nothing', async () => {
    const short = createLive({ ...api.services, ...shortLived, changes: changesOf(api.database) })
    const at = await serveApp(createApp({ ...api.services, live: short }))
    stops.push(
      () => at.kill(),
      () => short.close(),
    )
    const jobId = await api.create('ann')
    const steps = life(jobId)
    const source = new Client(await linkTo(jobId, at))
    stops.push(() => source.close())
    const events: JobEventView[] = []
    let cuts = 0
    source.addEventListener('reconnect', () => cuts++)
    for (const type of ['status', 'analysis', 'text', 'completed']) {
      source.addEventListener(type, (event) => {
        events.push(JSON.parse((event as MessageEvent).data))
        setTimeout(() => void steps.next(), 250)
      })
    }
    await vi.waitFor(() => expect(source.readyState).toBe(source.CLOSED), 60_000)
    expect(told(events)).toEqual(wholeLife)
    expect(cuts).toBeGreaterThan(2)
  })
})

test('a connection that breaks after any event is resumed after it', async () => {
  const jobId = await api.create('ann')
  const steps = life(jobId)
  const events: JobEventView[] = []
  for (let last = 0; last < 7; ) {
    const broken = new AbortController()
    const response = await watch(jobId, { last, signal: broken.signal })
    for await (const part of partsOf(response.body)) {
      const event = sayingOf(part)
      if (event === undefined) continue
      events.push(event)
      last = event.version
      break
    }
    broken.abort()
    // What happens in between is not lost.
    await steps.next()
  }
  expect(told(events)).toEqual(wholeLife)
  expect((await watch(jobId, { last: 7 })).status).toBe(204)
})

test('a server that is killed is replaced by another, which knows where to go on', async () => {
  const jobId = await api.create('ann')
  const steps = life(jobId)
  const events: JobEventView[] = []
  for (let last = 0; last < 7; ) {
    const at = await serveApp(createApp(api.services))
    const { body } = await watch(jobId, { at, last })
    try {
      for await (const part of partsOf(body)) {
        const event = sayingOf(part)
        if (event === undefined) continue
        events.push(event)
        last = event.version
        await at.kill()
      }
    } catch (error) {
      expect(String(error)).toMatch(/terminated|aborted/)
    }
    await steps.next()
  }
  expect(told(events)).toEqual(wholeLife)
})

test('a client that was away for long is told what still matters and no more', async () => {
  const jobId = await api.create('ann')
  for await (const _ of life(jobId));
  const resumed = async (last: number) =>
    told(parseStream(await (await watch(jobId, { last })).text()).flatMap((part) => sayingOf(part) ?? []))
  expect(await resumed(1)).toEqual(['3 analysis', '6 text', '7 completed'])
  expect(await resumed(3)).toEqual(['6 text', '7 completed'])
  expect(await resumed(5)).toEqual(['6 text', '7 completed'])
  // An id that the job never came to is nobody's last.
  expect(await resumed(8)).toEqual(['3 analysis', '6 text', '7 completed'])
  const byQuery = await fetch(`${await linkTo(jobId)}&lastEventId=7`)
  expect(byQuery.status).toBe(204)
  // The header is the newer of the two.
  const both = await fetch(`${await linkTo(jobId)}&lastEventId=1`, { headers: { 'last-event-id': '7' } })
  expect(both.status).toBe(204)
})

test('a job that is deleted while it is watched says so, and then it is not there', async () => {
  const jobId = await api.create('ann')
  const response = await watch(jobId)
  const events: JobEventView[] = []
  for await (const part of partsOf(response.body)) {
    const event = sayingOf(part)
    if (event === undefined) continue
    events.push(event)
    if (events.length === 1) await api.call('DELETE', `/v1/jobs/${jobId}`, { as: 'ann' })
  }
  expect(told(events)).toEqual(['1 status', '2 deleted'])
  expect((await watch(jobId, { last: 2 })).status).toBe(404)
  await eventually(async () => expect(await sessions()).toMatchObject([{ last_event: 2, close_reason: 'deleted' }]))
})

test('a client that goes away ends the work at once', async () => {
  const jobId = await api.create('ann')
  const left = new AbortController()
  const { body } = await watch(jobId, { signal: left.signal })
  const parts = partsOf(body)
  await parts.next()
  await parts.next()
  expect(await sessions()).toMatchObject([{ closed_at: null }])
  left.abort()
  await eventually(async () => expect(await sessions()).toMatchObject([{ close_reason: 'left', last_event: 1 }]))
})

test('a slow reader finds the newest state, and nothing is queued for it', async () => {
  const jobId = await api.create('ann')
  const ticket = new URL(await linkTo(jobId)).search
  const run = await api.claim(jobId)
  // More than the buffers between hold: the reader does not read, and the stream stands still.
  const huge = { text: 'x'.repeat(12_000_000) }
  await saveAnalysis(api.database, run, { model: 'm', body: huge }, {})
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`GET /v1/jobs/${jobId}/events${ticket} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
  socket.pause()
  await eventually(async () => expect(await sessions()).toHaveLength(1))
  for (let change = 0; change < 60; change++) {
    await api.database.sql('UPDATE vision_jobs SET version = version + 1 WHERE id = ?', [jobId])
    await delay(25)
  }
  await api.call('POST', `/v1/jobs/${jobId}/cancel`, { as: 'ann' })
  await delay(100)
  const output = await text(socket)
  const ids = [...output.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
  expect(ids[0]).toBe(3)
  expect(ids.at(-1)).toBe(64)
  expect(ids.length).toBeLessThan(5)
})

test('100 streams cost two reads a second, of jobs and of sessions, and each is told of its own job', async () => {
  const database = await openProxied(api.database.url, { connections: 4 })
  const { proxy } = database
  const live = createLive({
    ...shortLived,
    lifeMs: 60_000,
    lookMs: 1_000,
    perUser: 100,
    feed: createFeed({ database, everyMs: 1_000, sleep, onError: console.error }),
    changes: changesOf(database),
    database,
    log: api.services.log,
  })
  const at = await serveApp(createApp({ ...api.services, live }))
  stops.push(
    () => at.kill(),
    () => live.close(),
    () => database.close(),
    () => proxy.close(),
  )
  const jobs = Array.from({ length: 100 }, () => ({
    imageUrl: 'https://a.example/b.png',
    analysisPurpose: 'x',
    outputFormat: 'summary',
  }))
  const reply = await json(api.call('POST', '/v1/jobs/batch', { as: 'ann', body: { jobs } }))
  const ids: number[] = reply.jobs.map((job: { jobId: number }) => job.jobId)
  // Kept to the end of the test: a response that is collected as garbage before its body is read takes the stream with it.
  const responses = await Promise.all(ids.map((jobId) => watch(jobId, { at })))
  const streams = responses.map(({ body }) => partsOf(body))
  for (const parts of streams) {
    await parts.next()
    await parts.next()
  }
  proxy.statements.length = 0
  await delay(3_200)
  const statements = proxy.statements.filter((statement) => /vision_job/.test(statement))
  for (const read of [
    /^select `id`, `version` from `vision_jobs`/,
    /^SELECT id, close_reason AS reason FROM vision_/,
  ]) {
    const reads = statements.filter((statement) => read.test(statement))
    expect(reads.length).toBeGreaterThanOrEqual(2)
    expect(reads.length).toBeLessThanOrEqual(4)
  }
  expect(statements.length).toBeLessThanOrEqual(8)
  await api.database.sql("UPDATE vision_jobs SET status = 'cancelled', version = 2 WHERE id IN (?)", [ids])
  const ends = await Promise.all(
    streams.map(async (parts) => {
      // On a busy machine a heartbeat may come first.
      for await (const part of parts) if (sayingOf(part)) return sayingOf(part)
      return undefined
    }),
  )
  expect(ends.map((event) => event?.jobId)).toEqual(ids)
  expect(new Set(ends.map((event) => event?.type))).toEqual(new Set(['cancelled']))
  expect(responses.every(({ status }) => status === 200)).toBe(true)
})

test('the eleventh stream of a user ends the oldest, which is told to take its time', async () => {
  const jobId = await api.create('ann')
  const gone = new AbortController()
  stops.push(() => gone.abort())
  const first = await watch(jobId, { signal: gone.signal })
  // Kept: a response that is collected as garbage before its body is read takes the stream with it, and its slot is free.
  const others: Response[] = []
  for (let stream = 2; stream <= 11; stream++) others.push(await watch(jobId, { signal: gone.signal }))
  const parts = parseStream(await first.text())
  expect(parts.at(-1)).toMatchObject({ retry: '30000', comment: expect.stringContaining('took the place') })
  await eventually(async () =>
    expect((await sessions()).map((row) => row.close_reason)).toEqual(['replaced', ...Array(10).fill(null)]),
  )
  expect(others.map(({ status }) => status)).toEqual(Array(10).fill(200))
})

test('of forty streams opened at once, as many live as there are slots, and five more while they end', async () => {
  const jobId = await api.create('ann')
  const gone = new AbortController()
  stops.push(() => gone.abort())
  const responses = await Promise.all(Array.from({ length: 40 }, () => watch(jobId, { signal: gone.signal })))
  // An EventSource never comes back after a 429: all begin, and those that may not go on are told to come back.
  expect(responses.every(({ status }) => status === 200)).toBe(true)
  const texts = responses.map(async (response) => {
    const text = await response.text()
    return parseStream(text).at(-1) ?? {}
  })
  const told: Part[] = []
  for (const text of texts) text.then((part) => told.push(part)).catch(() => undefined)
  await vi.waitFor(() => expect(told).toHaveLength(30), 60_000)
  const crowded = told.filter(({ retry }) => retry === '5000')
  expect(crowded.length).toBeGreaterThanOrEqual(25)
  expect(await sessions('closed_at IS NULL')).toHaveLength(10)
  expect(await sessions()).toHaveLength(40 - crowded.length)
})

test('a stream is for the owner alone, and errors have their own status', async () => {
  const jobId = await api.create('ann')
  const at = `${server.url}/v1/jobs/${jobId}/events`
  const statusOf = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(path, init)
    return [response.status, response.headers.get('content-type'), (await json(response)).code]
  }
  const problem = 'application/problem+json'
  expect(await statusOf(at)).toEqual([401, problem, 'request.unauthenticated'])
  const headers = { authorization: `Bearer ${await token('mallory')}` }
  expect(await statusOf(at, { headers })).toEqual([404, problem, 'job.not_found'])
  expect(await statusOf(`${server.url}/v1/jobs/0/events`, { headers })).toEqual([400, problem, 'request.invalid'])
  expect(await statusOf(`${await linkTo(jobId)}&lastEventId=x`)).toEqual([400, problem, 'request.invalid'])
  expect(await statusOf(`${at}?nothing=1`, { headers })).toEqual([400, problem, 'request.invalid'])
  expect(await statusOf(at, { method: 'POST' })).toEqual([405, problem, 'request.method_not_allowed'])
  const head = await fetch(await linkTo(jobId), { method: 'HEAD' })
  expect([head.status, head.headers.get('allow')]).toEqual([405, 'GET'])
  expect(await sessions()).toEqual([])
})
