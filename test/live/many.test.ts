import { createTRPCClient, httpSubscriptionLink } from '@trpc/client'
import { EventSource as EventSourcePackage } from 'eventsource'
import { afterAll, afterEach, describe, expect, vi } from 'vitest'
import { type AppRouter, createApp } from '../../core/api/app.ts'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { openLive } from '../../core/live/open.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { type Heard, jobsOf, known, listenTo, type Watching } from '../support/api/many.ts'
import { type Served, serveApp } from '../support/api/serve.ts'
import { createTestApi, job, json, type TestApi, token } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

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

/** A stream that is read until the test leaves it. */
async function listen(watching: Watching = {}) {
  const stream = await listenTo(server.url, watching)
  stops.push(stream.cut)
  return stream
}

const all = (ids: readonly number[], state: string) => new Map(ids.map((id) => [id, state]))

async function createMany(count: number, as = 'ann'): Promise<{ batchId: number; ids: number[] }> {
  const jobs = Array.from({ length: count }, () => job)
  const reply = await json(api.call('POST', '/v1/jobs/batch', { as, body: { jobs } }))
  return { batchId: reply.batchId, ids: reply.jobs.map(({ jobId }: { jobId: number }) => jobId) }
}

const analysis = { model: 'm', body: exampleJob.outputs.analysis?.result }
const content = { model: 'm', body: exampleJob.outputs.content?.result }
const reason = { code: 'image.not_found', message: 'It is not there.' } as const

/** Runs whatever is pending to its end. */
async function runAll(limit = 1_000): Promise<void> {
  const options = { workerId: 'test', limit, leaseMs: 60_000, lane: 'analysis' } as const
  const { runs } = await claimPendingVisionJobs(api.database, options)
  for (const run of runs) {
    await saveAnalysis(api.database, run, analysis, {})
    await completeVisionJob(api.database, run, content, {})
  }
}

test('30 jobs are watched to their end by one stream', async () => {
  const stream = await listen()
  expect([stream.response.status, stream.response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const ids: number[] = []
  for (let n = 0; n < 30; n++) ids.push(await api.create('ann'))
  await runAll()
  await stream.until(() => expect(known(stream.heard)).toEqual(all(ids, 'completed')))
  // One connection, where thirty streams of jobs were opened again and again.
  expect(await sessions()).toHaveLength(1)
  const last = jobsOf(stream.heard).findLast(({ jobId }) => jobId === ids[0])
  expect(last).toMatchObject({
    type: 'job',
    batchId: null,
    status: 'completed',
    step: null,
    progress: 100,
    texts: { wanted: 1, completed: 1 },
    error: null,
  })
})

test('what is told agrees with what is read, version for version', async () => {
  const stream = await listen()
  const jobId = await api.create('ann')
  await stream.until(() => expect(known(stream.heard).get(jobId)).toBe('pending'))
  const run = await api.claim(jobId)
  await failVisionJob(api.database, run, reason, {})
  await stream.until(() => expect(known(stream.heard).get(jobId)).toBe('failed'))
  const read = await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))
  const told = jobsOf(stream.heard).at(-1) as Record<string, unknown>
  for (const [name, value] of Object.entries(told))
    if (name !== 'type') expect([name, value]).toEqual([name, read[name]])
  expect(told).toMatchObject({ error: { code: 'image.not_found' }, version: read.version })
})

test('other users’ jobs are never told of', async () => {
  const [mine, other] = [await listen(), await listen({ as: 'bob' })]
  const { ids } = await createMany(3)
  const theirs = await createMany(2, 'bob')
  await runAll()
  await mine.until(() => expect(known(mine.heard)).toEqual(all(ids, 'completed')))
  await other.until(() => expect(known(other.heard)).toEqual(all(theirs.ids, 'completed')))
  const foreign = await listen({ as: 'bob', query: `?batchId=${(await createMany(1)).batchId}` })
  expect(foreign.response.status).toBe(404)
})

test('a connection that is cut after any event misses nothing', async () => {
  const { ids } = await createMany(6)
  const heard: Heard[] = []
  for (let cut = 0; cut < 6; cut++) {
    const stream = await listen({ last: heard.at(-1)?.id })
    await stream.until(() => expect(stream.heard.length).toBeGreaterThan(cut))
    await stream.cut()
    heard.push(...stream.heard.slice(0, cut + 1))
    // What happens in between is not lost.
    await runAll(1)
  }
  const stream = await listen({ last: heard.at(-1)?.id })
  await stream.until(() => expect(known([...heard, ...stream.heard])).toEqual(all(ids, 'completed')))
})

test('who was away for long is told of each job once, as it is now', async () => {
  const { ids } = await createMany(3)
  const first = await listen()
  await first.until(() => expect(known(first.heard).size).toBe(3))
  await first.cut()
  const [gone, ...others] = ids as [number, number, number]
  await runAll()
  await api.call('DELETE', `/v1/jobs/${gone}`, { as: 'ann' })
  // Longer ago than anything may come to light late.
  for (const table of ['vision_jobs SET updated_at = updated_at', 'vision_job_deletions SET deleted_at = deleted_at']) {
    await api.database.sql(`UPDATE ${table} - INTERVAL 1 HOUR`)
  }
  const [at = '', id] = first.heard.at(-1)?.id.split('-') ?? []
  const back = await listen({ last: `${Number(at) - 2 * 3_600_000}-${id}` })
  await back.until(() => expect(back.heard).toHaveLength(4))
  expect(jobsOf(back.heard).map(({ type, jobId }) => [type, jobId])).toEqual(
    expect.arrayContaining([['deleted', gone], ...others.map((jobId) => ['job', jobId])]),
  )
  // And of the batch that they belong to.
  expect(back.heard.at(-1)?.event).toMatchObject({ type: 'batch', jobs: 2, ended: true })
  const fresh = await listen()
  const early = await listen({ query: `?since=${new Date(Date.now() - 2 * 3_600_000).toISOString()}` })
  await early.until(() => expect(known(early.heard).size).toBe(3))
  expect(jobsOf(fresh.heard)).toEqual([])
})

test('a job that is deleted is told of, and so is one that retention takes', async () => {
  const { ids, batchId } = await createMany(2)
  const stream = await listen()
  await stream.until(() => expect(known(stream.heard).size).toBe(2))
  await api.call('DELETE', `/v1/jobs/${ids[0]}`, { as: 'ann' })
  await stream.until(() => expect(known(stream.heard).get(ids[0] ?? 0)).toBe('deleted'))
  const event = jobsOf(stream.heard).find(({ type }) => type === 'deleted')
  expect(event).toMatchObject({ jobId: ids[0], batchId, version: 2 })
})

describe('a batch', () => {
  test('is sent in full to a first-time watcher, and ends its stream with its end', async () => {
    const other = await api.create('ann')
    const { batchId, ids } = await createMany(5)
    await runAll(3)
    const stream = await listen({ query: `?batchId=${batchId}` })
    await stream.until(() => expect(known(stream.heard).size).toBe(5))
    await runAll()
    await stream.done
    expect(known(stream.heard)).toEqual(all(ids, 'completed'))
    expect(known(stream.heard).has(other)).toBe(false)
    const last = stream.heard.at(-1)
    expect(last?.event).toMatchObject({ type: 'batch', batchId, ended: true, jobs: 5, byStatus: { completed: 5 } })
    // What a session heard is written down after its stream has ended.
    const written = { job_id: 0, close_reason: 'ended', last_event: stream.heard.length }
    await expect.poll(() => sessions()).toMatchObject([written])
    // Who heard the end is not told again, and who heard all but the end is told that.
    expect((await listen({ query: `?batchId=${batchId}`, last: last?.id })).response.status).toBe(204)
    const before = stream.heard.findLast(({ event }) => event.type === 'job')?.id
    const again = await listen({ query: `?batchId=${batchId}`, last: before })
    await again.done
    expect(again.heard.at(-1)?.event).toMatchObject({ type: 'batch', ended: true })
    // Whoever retries it has something to watch.
    await api.call('POST', `/v1/jobs/${ids[0]}/texts`, {
      as: 'ann',
      body: { outputs: [{ outputFormat: 'alt_text', language: 'de' }] },
    })
    const revived = await listen({ query: `?batchId=${batchId}`, last: last?.id })
    await revived.until(() => expect(known(revived.heard).get(ids[0] ?? 0)).toBe('scheduled'))
  })

  test('that takes jobs yet is told to have ended, and its stream goes on', async () => {
    const { batchId } = await json(api.call('POST', '/v1/batches', { as: 'ann', body: {} }))
    const stream = await listen({ query: `?batchId=${batchId}` })
    await stream.until(() => expect(stream.heard.at(-1)?.event).toMatchObject({ type: 'batch', jobs: 0, ended: false }))
    for (const round of [1, 2]) {
      await api.call('POST', `/v1/batches/${batchId}/jobs`, { as: 'ann', body: { jobs: [job] } })
      await runAll()
      await stream.until(() =>
        expect(stream.heard.at(-1)?.event).toMatchObject({ type: 'batch', jobs: round, ended: true }),
      )
    }
    await api.call('POST', `/v1/batches/${batchId}/jobs`, { as: 'ann', body: { jobs: [job] } })
    await api.call('POST', `/v1/batches/${batchId}/cancel`, { as: 'ann' })
    await stream.done
    expect(stream.heard.at(-1)?.event).toMatchObject({ ended: true, byStatus: { completed: 2, cancelled: 1 } })
  })

  test('that is deleted says so, and then it is not there', async () => {
    const { batchId, ids } = await createMany(3)
    const [stream, whole] = [await listen({ query: `?batchId=${batchId}` }), await listen()]
    await stream.until(() => expect(known(stream.heard).size).toBe(3))
    await api.call('DELETE', `/v1/batches/${batchId}`, { as: 'ann' })
    await stream.done
    expect(known(stream.heard)).toEqual(all(ids, 'deleted'))
    expect(stream.heard.at(-1)?.event).toEqual({ type: 'batch_deleted', batchId })
    expect((await listen({ query: `?batchId=${batchId}`, last: stream.heard.at(-1)?.id })).response.status).toBe(404)
    await whole.until(() => expect(whole.heard.at(-1)?.event).toEqual({ type: 'batch_deleted', batchId }))
  })
})

test('its input is checked', async () => {
  for (const [query, pointer] of [
    ['?lastEventId=7', '#/lastEventId'],
    ['?lastEventId=17-', '#/lastEventId'],
    ['?since=yesterday', '#/since'],
    ['?batchId=0', '#/batchId'],
    ['?jobId=1', '#/jobId'],
  ]) {
    const { response } = await listen({ query: query ?? '' })
    expect([query, response.status, (await json(response)).errors[0].pointer]).toEqual([query, 400, pointer])
  }
  // A moment that is to come would hide what happens until then.
  const stream = await listen({ query: '?lastEventId=9999999999999-1' })
  const jobId = await api.create('ann')
  await stream.until(() => expect(known(stream.heard).get(jobId)).toBe('pending'))
})

test('the eleventh stream of a user ends the oldest, whatever it watches', async () => {
  const jobId = await api.create('ann')
  const first = await listen()
  for (let n = 0; n < 9; n++) await listen()
  const gone = new AbortController()
  stops.push(() => gone.abort())
  const headers = { authorization: `Bearer ${await token('ann')}` }
  const eleventh = await fetch(`${server.url}/v1/jobs/${jobId}/events`, { headers, signal: gone.signal })
  await first.done
  expect(first.parts.at(-1)).toMatchObject({ retry: '30000' })
  expect(eleventh.status).toBe(200)
})

describe('a link', () => {
  const ticketOf = async (body: object = {}) => json(api.call('POST', '/v1/events/tickets', { as: 'ann', body }))
  const at = (url: string) => url.replace('http://api.example', server.url)
  const open = async (url: string) => {
    const gone = new AbortController()
    stops.push(() => gone.abort())
    return (await fetch(url, { signal: gone.signal })).status
  }

  test('is for all jobs, or for a batch, and for nothing else', async () => {
    const { batchId } = await createMany(1)
    const jobId = await api.create('ann')
    const [whole, one] = [
      new URL(at((await ticketOf()).eventsUrl)),
      new URL(at((await ticketOf({ batchId })).eventsUrl)),
    ]
    expect([whole.pathname, one.pathname, one.searchParams.get('batchId')]).toEqual([
      '/v1/events',
      '/v1/events',
      String(batchId),
    ])
    expect([await open(whole.href), await open(one.href)]).toEqual([200, 200])
    const other = await createMany(1)
    for (const [ticket, path] of [
      [whole, `/v1/jobs/${jobId}/events?`],
      [whole, `/v1/events?batchId=${batchId}&`],
      [one, '/v1/events?'],
      [one, `/v1/events?batchId=${other.batchId}&`],
      [one, `/v1/events?batchId=${batchId}&batchId=${batchId}&`],
      [one, `/v1/jobs/${batchId}/events?`],
    ] as const) {
      const url = `${server.url}${path}ticket=${ticket.searchParams.get('ticket')}`
      expect([path, await open(url)]).toEqual([path, 401])
    }
    expect((await api.call('GET', '/v1/events')).status).toBe(401)
    const foreign = await api.call('POST', '/v1/events/tickets', { as: 'bob', body: { batchId } })
    expect(foreign.status).toBe(404)
  })

  test('is in every answer with a batch', async () => {
    const { batchId } = await createMany(1)
    const read = await json(api.call('GET', `/v1/batches/${batchId}`, { as: 'ann' }))
    const listed = await json(api.call('GET', '/v1/batches', { as: 'ann' }))
    const made = await json(api.call('POST', '/v1/batches', { as: 'ann', body: {} }))
    for (const { eventsUrl } of [read, listed.batches[0], made]) expect(await open(at(eventsUrl))).toBe(200)
    expect((await api.client('ann').getBatch.query({ batchId })).eventsUrl).toMatch(
      /^http:\/\/api\.example\/v1\/events/,
    )
  })

  test('is not there where nothing is streamed', async () => {
    const bare = createApp({ ...api.services, live: undefined, tickets: undefined, streamUrl: undefined })
    const headers = { authorization: `Bearer ${await token('ann')}`, 'content-type': 'application/json' }
    const call = (method: string, path: string, body?: string) =>
      bare.request(path, { method, headers, ...(body && { body }) })
    expect((await json(call('POST', '/v1/events/tickets', '{}') as Promise<Response>)).eventsUrl).toBeNull()
    expect((await json(call('POST', '/v1/batches', '{}') as Promise<Response>)).eventsUrl).toBeNull()
    expect((await call('GET', '/v1/events')).status).toBe(404)
  })
})

/** A server whose streams live for a fifth of a second. */
async function serveShortLived(): Promise<Served> {
  const { database, log, feed } = api.services
  const live = openLive({ STREAM_SECONDS: 0.2, STREAM_SESSIONS_PER_USER: 10 }, { database, log, feed, lookMs: 20 })
  const at = await serveApp(createApp({ ...api.services, live }))
  stops.push(
    () => at.kill(),
    () => live.close(),
  )
  return at
}

describe.each<[string, typeof EventSource]>([
  ['the eventsource package', EventSourcePackage as typeof EventSource],
  ['the EventSource of Node', EventSource],
])('%s', (_, Client) => {
  test('follows a batch through every cut, and stops by itself at its end', async () => {
    const at = await serveShortLived()
    const { batchId, ids } = await createMany(4)
    const { eventsUrl } = await json(api.call('GET', `/v1/batches/${batchId}`, { as: 'ann' }))
    const source = new Client(eventsUrl.replace('http://api.example', at.url))
    stops.push(() => source.close())
    const heard: Heard[] = []
    let cuts = 0
    source.addEventListener('reconnect', () => cuts++)
    for (const type of ['job', 'batch']) {
      source.addEventListener(type, (event) => {
        const { lastEventId, data } = event as MessageEvent
        heard.push({ id: lastEventId, event: JSON.parse(data) })
      })
    }
    for (let n = 1; n <= 4; n++) {
      await vi.waitFor(() => expect(cuts).toBeGreaterThanOrEqual(n), 60_000)
      await runAll(1)
    }
    await vi.waitFor(() => expect(source.readyState).toBe(source.CLOSED), 60_000)
    expect(known(heard)).toEqual(all(ids, 'completed'))
    expect(heard.at(-1)?.event).toMatchObject({ type: 'batch', ended: true, byStatus: { completed: 4 } })
  })

  test('gets the same by tRPC’s httpSubscriptionLink', async () => {
    const { batchId, ids } = await createMany(2)
    const { eventsUrl } = await json(api.call('GET', `/v1/batches/${batchId}`, { as: 'ann' }))
    const ticket = new URL(eventsUrl).searchParams.get('ticket')
    const client = createTRPCClient<AppRouter>({
      links: [httpSubscriptionLink({ url: `${server.url}/api/trpc?ticket=${ticket}`, EventSource: Client })],
    })
    const heard: Heard[] = []
    await new Promise<void>((resolve, reject) => {
      const subscription = client.visionPipeline.watchJobs.subscribe(
        { batchId },
        {
          onData: ({ id, data }) => {
            heard.push({ id, event: data })
            if (heard.length === 1) void runAll()
          },
          onComplete: resolve,
          onError: reject,
        },
      )
      stops.push(() => subscription.unsubscribe())
    })
    expect(known(heard)).toEqual(all(ids, 'completed'))
    expect(heard.at(-1)?.event).toMatchObject({ type: 'batch', ended: true })
  })
})
