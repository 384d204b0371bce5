import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, vi } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { waitSecondsOf } from '../../core/http/prefer.ts'
import { createFeed } from '../../core/live/changes/feed.ts'
import { createWaits } from '../../core/live/slots/wait-slots.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { completeVisionJob, retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { type Served, serveApp } from '../support/api/serve.ts'
import { createTestApi, job, json, type TestApi, token } from '../support/api/test-api.ts'
import { analysisOutput, contentOutput, nothingSpent } from '../support/database/jobs.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import { eventually } from '../support/eventually.ts'

let api: TestApi
let server: Served
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
  server = await serveApp(api.app)
})
afterAll(async () => {
  await server.kill()
  await api.drop()
})

/** A call over a real connection; without a user it is Ann's. */
async function call(
  method: 'GET' | 'POST' | 'HEAD',
  path: string,
  headers: Record<string, string> = {},
  { as = 'ann', body, signal }: { as?: string; body?: object; signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${await token(as)}`, 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  })
}
const get = (jobId: number, headers: Record<string, string> = {}) => call('GET', `/v1/jobs/${jobId}`, headers)
const complete = async (jobId: number) => {
  const run = await api.claim(jobId)
  await saveAnalysis(api.database, run, analysisOutput, nothingSpent)
  await completeVisionJob(api.database, run, contentOutput, nothingSpent)
}
/** What a call is answered with, and whether it has been. */
function pending<T>(promise: Promise<T>) {
  const state = { settled: false }
  const settle = () => {
    state.settled = true
  }
  promise.then(settle, settle)
  return { promise, state }
}

describe('Prefer: wait', () => {
  test.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['wait=1', 1],
    ['wait=25', 25],
    ['wait=26', 25],
    ['wait=86400', 25],
    ['WAIT = "7"', 7],
    ['respond-async, wait=10', 10],
    ['wait=10; strictly, return=minimal', 10],
    ['wait=3, wait=9', 3],
    ['note="a, wait=5", wait=6', 6],
    ['return=minimal; wait=5', undefined],
    ['wait=0', undefined],
    ['wait=-3', undefined],
    ['wait=2.5', undefined],
    ['wait', undefined],
    ['wait=soon, wait=4', undefined],
    ['waits=4', undefined],
    ['wait=4 5', undefined],
    ['wait="4', undefined],
    ['note="\\", wait=5", wait=6', 6],
  ])('%j is read as %s', (header, seconds) => expect(waitSecondsOf(header)).toBe(seconds))

  // A reader that goes back takes far longer over the first of these than a test may.
  test.each([
    ['spaces', `${'a'.repeat(4000)};${' '.repeat(4000)}"`],
    ['quotes', '\\"'.repeat(4000)],
    ['parameters', `${'a;'.repeat(4000)}"`],
    ['commas', `${','.repeat(4000)}"`],
  ])(
    'a header made of %s to keep its reader busy is read like any other',
    (_, header) => {
      expect(waitSecondsOf(header)).toBeUndefined()
      expect(waitSecondsOf(`wait=4, ${header}`)).toBe(4)
    },
    5_000,
  )

  test('a reader is answered as soon as the job changes', async () => {
    const jobId = await api.create('ann')
    const { promise, state } = pending(get(jobId, { prefer: 'wait=20' }))
    await delay(150)
    expect(state.settled).toBe(false)
    await api.claim(jobId)
    const response = await promise
    expect(response.status).toBe(200)
    expect(response.headers.get('preference-applied')).toBe('wait=20')
    expect(response.headers.get('retry-after')).toBeNull()
    expect(response.headers.get('etag')).toBe(`W/"${jobId}-2"`)
    expect(await json(response)).toMatchObject({ status: 'processing', version: 2 })
  })

  test('when nothing happens the answer comes at the end of the time, and is the job as it is', async () => {
    const jobId = await api.create('ann')
    const response = await get(jobId, { prefer: 'wait=1' })
    expect(response.status).toBe(200)
    expect(response.headers.get('preference-applied')).toBe('wait=1')
    expect(await json(response)).toMatchObject({ status: 'pending', version: 1 })
  })

  test('who names the version at hand waits for the next one, and is told with 304 that there was none', async () => {
    const jobId = await api.create('ann')
    const known = { 'if-none-match': `W/"${jobId}-1"`, prefer: 'wait=1' }
    const none = await get(jobId, known)
    expect(none.status).toBe(304)
    expect(await none.text()).toBe('')
    expect(none.headers.get('preference-applied')).toBe('wait=1')
    const { promise } = pending(get(jobId, { ...known, prefer: 'wait=20' }))
    await delay(100)
    await cancelVisionJob(api.database, { jobId, userId: 'ann' })
    expect(await json(promise)).toMatchObject({ status: 'cancelled' })
  })

  test('who names an older version, or waits for a job that has ended, is answered at once', async () => {
    const jobId = await api.create('ann')
    await api.claim(jobId)
    expect(await json(get(jobId, { 'if-none-match': `W/"${jobId}-1"`, prefer: 'wait=20' }))).toMatchObject({
      version: 2,
    })
    await cancelVisionJob(api.database, { jobId, userId: 'ann' })
    const ended = await get(jobId, { prefer: 'wait=20' })
    expect(ended.headers.get('preference-applied')).toBe('wait=20')
    expect(await json(ended)).toMatchObject({ status: 'cancelled' })
    // Far less than the twenty seconds that it was willing to wait.
  }, 19_000)

  test('a job that is deleted meanwhile is gone, and another user’s never existed', async () => {
    const jobId = await api.create('ann')
    const { promise } = pending(get(jobId, { prefer: 'wait=20' }))
    const strange = await call('GET', `/v1/jobs/${jobId}`, { prefer: 'wait=20' }, { as: 'bob' })
    expect(strange.status).toBe(404)
    await deleteVisionJob(api.database, { jobId, userId: 'ann' })
    expect((await promise).status).toBe(404)
  })

  test('creating a job waits for its end, past every change before that', async () => {
    const { promise, state } = pending(call('POST', '/v1/jobs', { prefer: 'wait=20' }, { body: job }))
    const jobId = await eventually(async () => {
      const [row] = await api.database.sql('SELECT id FROM vision_jobs')
      if (!row) throw new Error('not created yet')
      return Number(row.id)
    })
    const run = await api.claim(jobId)
    await saveAnalysis(api.database, run, analysisOutput, nothingSpent)
    await delay(150)
    expect(state.settled).toBe(false)
    await completeVisionJob(api.database, run, contentOutput, nothingSpent)
    const response = await promise
    expect(response.status).toBe(201)
    expect(response.headers.get('location')).toBe(`/v1/jobs/${jobId}`)
    expect(response.headers.get('preference-applied')).toBe('wait=20')
    expect(await json(response)).toMatchObject({ status: 'completed', outputs: { content: expect.anything() } })
  })

  test('a creation whose time is over answers with the job as it stands; so does its repetition', async () => {
    const headers = { prefer: 'wait=1', 'idempotency-key': 'once' }
    const first = await call('POST', '/v1/jobs', headers, { body: job })
    expect(first.status).toBe(201)
    const { jobId, status } = await json(first)
    expect(status).toBe('pending')
    const { promise } = pending(call('POST', '/v1/jobs', { ...headers, prefer: 'wait=20' }, { body: job }))
    await complete(jobId)
    const again = await promise
    expect(again.status).toBe(200)
    expect(await json(again)).toMatchObject({ jobId, status: 'completed' })
  })

  test('other calls know nothing of it', async () => {
    const response = await call('GET', '/v1/jobs', { prefer: 'wait=20' })
    expect(response.status).toBe(200)
    expect(response.headers.get('preference-applied')).toBeNull()
  })

  test('fifty who wait cost one read at a time, and none once they have gone', async () => {
    const database = await openProxied(api.database.url, { connections: 4 })
    const { proxy } = database
    const sleep = (milliseconds: number, signal: AbortSignal) => delay(milliseconds, undefined, { signal })
    const feed = createFeed({ database, everyMs: 100, sleep, onError: console.error })
    const waits = createWaits({ database: api.database, perUser: 50, log: api.services.log, random: Math.random })
    const at = await serveApp(createApp({ ...api.services, feed, waits }))
    const authorization = `Bearer ${await token('ann')}`
    const ids = await Promise.all(Array.from({ length: 50 }, () => api.create('ann')))
    const leaving = new AbortController()
    const calls = ids.map((id) =>
      fetch(`${at.url}/v1/jobs/${id}`, { headers: { authorization, prefer: 'wait=20' }, signal: leaving.signal }),
    )
    const reads = () => proxy.statements.filter((statement) => /`version`/.test(statement))
    await vi.waitFor(() => expect(reads().at(-1)?.match(/\d+/g)?.length).toBeGreaterThanOrEqual(50), 60_000)
    const before = reads().length
    await delay(1_000)
    expect(reads().length - before).toBeLessThanOrEqual(11)
    expect(reads().length - before).toBeGreaterThan(2)
    leaving.abort()
    await Promise.allSettled(calls)
    await delay(300)
    const after = reads().length
    await delay(500)
    expect(reads().length).toBe(after)
    await at.kill()
    await database.close()
  })
})

describe('how many may wait', () => {
  const waiting = () => api.database.sql("SELECT * FROM vision_job_sessions WHERE transport = 'wait'")

  test('of sixty at once, in several processes, five wait, and the others are answered at once with the job as it is', async () => {
    const jobId = await api.create('ann')
    const processes = await Promise.all([1, 2, 3].map(() => serveApp(createApp(api.services))))
    const headers = { authorization: `Bearer ${await token('ann')}`, prefer: 'wait=25' }
    const calls = Array.from({ length: 60 }, (_, n) =>
      pending(fetch(`${processes[n % 3]?.url}/v1/jobs/${jobId}`, { headers })),
    )
    await vi.waitFor(() => expect(calls.filter(({ state }) => state.settled)).toHaveLength(55), 60_000)
    expect(await waiting()).toHaveLength(5)
    for (const { promise } of calls.filter(({ state }) => state.settled)) {
      const refused = await promise
      expect(refused.status).toBe(200)
      expect(refused.headers.get('retry-after')).toBe('2')
      expect(refused.headers.get('preference-applied')).toBeNull()
      expect(await json(refused)).toMatchObject({ jobId, status: 'pending' })
    }
    const created = await call('POST', '/v1/jobs', { prefer: 'wait=25' }, { body: job })
    expect([created.status, created.headers.get('preference-applied'), created.headers.get('retry-after')]).toEqual([
      201,
      null,
      '2',
    ])
    // Another user has waits of its own.
    const other = pending(call('POST', '/v1/jobs', { prefer: 'wait=25' }, { as: 'bob', body: job }))
    await vi.waitFor(async () => expect(await waiting()).toHaveLength(6), 60_000)
    const [bobs] = await api.database.sql("SELECT id FROM vision_jobs WHERE user_id = 'bob'")
    await cancelVisionJob(api.database, { jobId: Number(bobs?.id), userId: 'bob' })
    await cancelVisionJob(api.database, { jobId, userId: 'ann' })
    for (const { promise } of [...calls, other]) {
      const answered = await promise
      if (answered.headers.get('retry-after') === null) {
        expect(answered.headers.get('preference-applied')).toBe('wait=25')
      }
    }
    expect(await waiting()).toEqual([])
    await Promise.all(processes.map((served) => served.kill()))
  })

  test('a wait whose process died gives up its slot', async () => {
    const jobId = await api.create('ann')
    await api.database.sql(
      `INSERT INTO vision_job_sessions (user_id, job_id, transport, slot, connected_at, last_seen_at)
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4)
        SELECT 'ann', ?, 'wait', CONCAT('wait-', i), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 39 SECOND FROM n`,
      [jobId],
    )
    expect((await get(jobId, { prefer: 'wait=1' })).headers.get('preference-applied')).toBeNull()
    await api.database.sql('UPDATE vision_job_sessions SET last_seen_at = last_seen_at - INTERVAL 2 SECOND LIMIT 1')
    expect((await get(jobId, { prefer: 'wait=1' })).headers.get('preference-applied')).toBe('wait=1')
  })

  test('a call that does not wait writes nothing', async () => {
    const database = await openProxied(api.database.url)
    const { proxy } = database
    const waits = createWaits({ database, perUser: 5, log: api.services.log, random: Math.random })
    const app = createApp({ ...api.services, database, waits })
    const jobId = await api.create('ann')
    const headers = { authorization: `Bearer ${await token('ann')}` }
    await app.request(`/v1/jobs/${jobId}`, { headers })
    await cancelVisionJob(api.database, { jobId, userId: 'ann' })
    await app.request(`/v1/jobs/${jobId}`, { headers: { ...headers, prefer: 'wait=20' } })
    expect(proxy.statements.filter((statement) => /vision_job_sessions/.test(statement))).toEqual([])
    expect(proxy.statements.filter((statement) => /^(insert|update|delete)/i.test(statement))).toEqual([])
    await database.close()
  })
})

describe('plain polling', () => {
  test('is told the version, and how soon to come back, until the job has ended', async () => {
    const jobId = await api.create('ann')
    const waiting = await get(jobId)
    expect(waiting.headers.get('etag')).toBe(`W/"${jobId}-1"`)
    expect(waiting.headers.get('cache-control')).toBe('private, no-cache')
    expect(waiting.headers.get('retry-after')).toBe('2')
    expect(waiting.headers.get('preference-applied')).toBeNull()
    await complete(jobId)
    expect((await get(jobId)).headers.get('retry-after')).toBeNull()
  })

  test.each([
    [30_000, /^(29|30)$/],
    [3_600_000, /^60$/],
    [0, /^2$/],
  ])('a job that waits %d ms for its time is asked for when that comes, or in a minute', async (delayMs, expected) => {
    const jobId = await api.create('ann')
    const reason = { code: 'analysis.invalid_answer', message: 'It did not fit.' } as const
    await retryVisionJob(api.database, await api.claim(jobId), reason, nothingSpent, { delayMs, costsRetry: true })
    expect((await get(jobId)).headers.get('retry-after')).toMatch(expected)
  })

  test.each([
    ['the tag', (id: number) => `W/"${id}-1"`, 304],
    ['a strong tag of the same text', (id: number) => `"${id}-1"`, 304],
    ['a list with the tag', (id: number) => `"other", W/"${id}-1"`, 304],
    ['anything', () => '*', 304],
    ['an older version', (id: number) => `W/"${id}-0"`, 200],
    ['another job', (id: number) => `W/"${id + 1}-1"`, 200],
    ['no tag at all', (id: number) => `${id}-1`, 200],
  ])('If-None-Match with %s', async (_, tagOf, status) => {
    const jobId = await api.create('ann')
    const response = await get(jobId, { 'if-none-match': tagOf(jobId) })
    expect(response.status).toBe(status)
    expect(response.headers.get('etag')).toBe(`W/"${jobId}-1"`)
    expect((await response.text()).length > 0).toBe(status === 200)
    const head = await call('HEAD', `/v1/jobs/${jobId}`, { 'if-none-match': tagOf(jobId) })
    expect(head.status).toBe(status)
  })

  test('a 304 says how soon to come back, too', async () => {
    const jobId = await api.create('ann')
    const response = await get(jobId, { 'if-none-match': '*' })
    expect(response.headers.get('retry-after')).toBe('2')
    expect(response.headers.get('cache-control')).toBe('private, no-cache')
  })

  test('a creation says the version of what it made', async () => {
    const response = await call('POST', '/v1/jobs', { 'if-none-match': '*' }, { body: job })
    expect(response.status).toBe(201)
    expect(response.headers.get('etag')).toMatch(/^W\/"\d+-1"$/)
  })
})
