import { afterAll, beforeEach, expect } from 'vitest'
import { createFeed, type Feed } from '../../core/live/changes/feed.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import type { JobWithOutputs } from '../../core/queue/read/read.ts'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  claim,
  claimOne,
  contentOutput,
  makeJob,
  makeJobs,
  nothingSpent,
} from '../support/database/jobs.ts'
import { type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { type HandClock, handClock } from '../support/hand-clock.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let database: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  direct = workerDatabase
  database = await openProxied(direct.url)
  proxy = database.proxy
})
afterAll(() => database.close())

let clock: HandClock
let feed: Feed
let errors: unknown[]
beforeEach(() => {
  clock = handClock()
  errors = []
  feed = createFeed({ database, everyMs: 1000, sleep: clock.sleep, onError: (error) => errors.push(error) })
  proxy.statements.length = 0
})

const reads = () => proxy.statements.filter((statement) => /^select/i.test(statement) && /vision_job/.test(statement))

/** Takes states as they come. */
function collect(jobId: number, seen: number, signal: AbortSignal) {
  const states: JobWithOutputs[] = []
  const done = (async () => {
    for await (const state of feed.watch(jobId, seen, signal)) states.push(state)
    return 'gone'
  })().catch((error) => error)
  return { states, done }
}

test('500 watchers of 500 jobs share one narrow read a second, and only what has changed is read in full', async () => {
  const ids = await makeJobs(direct, 500)
  const stop = new AbortController()
  const watchers = ids.map((jobId) => collect(jobId, 1, stop.signal))
  for (let second = 1; second <= 3; second++) {
    await clock.tick()
    expect(reads()).toHaveLength(second)
  }
  expect(reads()[0]).toMatch(/^select `id`, `version` from `vision_jobs` where `vision_jobs`.`id` in \(/)
  await claim(direct, { limit: 2 })
  await clock.tick()
  // The versions, then two jobs, their texts and their outputs.
  expect(reads()).toHaveLength(7)
  expect(
    reads()[4]
      ?.match(/ in \(([^)]*)\)/)?.[1]
      ?.split(','),
  ).toHaveLength(2)
  expect(watchers.flatMap(({ states }) => states.map(({ job }) => [job.status, job.version]))).toEqual([
    ['processing', 2],
    ['processing', 2],
  ])
  stop.abort(new Error('enough'))
  expect(await Promise.all(watchers.map(({ done }) => done))).toEqual(ids.map(() => stop.signal.reason))
  expect(clock.asleep()).toBe(0)
  await direct.sql('DELETE FROM vision_jobs')
})

test('without watchers nothing is read, and with the last one the work ends at once', async () => {
  expect(clock.asleep()).toBe(0)
  const jobId = await makeJob(direct)
  const [one, two] = [new AbortController(), new AbortController()]
  const watchers = [collect(jobId, 1, one.signal), collect(jobId, 1, two.signal)]
  await clock.tick()
  expect(reads()).toHaveLength(1)
  one.abort()
  await watchers[0]?.done
  expect(clock.asleep()).toBe(1)
  two.abort()
  await watchers[1]?.done
  expect(clock.asleep()).toBe(0)
  // And somebody new begins it again.
  const three = new AbortController()
  const late = collect(jobId, 0, three.signal)
  await clock.tick()
  expect(late.states).toMatchObject([{ job: { version: 1 } }])
  three.abort()
  await late.done
  await direct.sql('DELETE FROM vision_jobs')
})

test('a slow reader holds the newest state and no other', async () => {
  const jobId = await makeJob(direct)
  const stop = new AbortController()
  const states = feed.watch(jobId, 0, stop.signal)[Symbol.asyncIterator]()
  const first = states.next()
  await clock.tick()
  expect((await first).value.job.version).toBe(1)
  const run = await claimOne(direct)
  await clock.tick()
  await saveAnalysis(direct, run, analysisOutput, nothingSpent)
  await clock.tick()
  await completeVisionJob(direct, run, contentOutput, nothingSpent)
  await clock.tick()
  const { value } = await states.next()
  expect([value.job.version, value.outputs.length]).toEqual([5, 2])
  let more = false
  const next = states.next().catch((error) => error)
  void next.then(() => (more = true))
  await clock.tick()
  expect(more).toBe(false)
  stop.abort(new Error('left'))
  expect(await next).toBe(stop.signal.reason)
})

test('a job that is deleted ends its watch, after the last state that was there', async () => {
  const jobId = await makeJob(direct)
  const watcher = collect(jobId, 1, new AbortController().signal)
  await clock.tick()
  await cancelVisionJob(direct, { jobId, userId: 'user-1' })
  await clock.tick()
  await deleteVisionJob(direct, { jobId, userId: 'user-1' })
  clock.wake()
  expect(await watcher.done).toBe('gone')
  expect(watcher.states).toMatchObject([{ job: { status: 'cancelled' } }])
})

test('a database that does not answer is told of, and the watch goes on when it is back', async () => {
  const jobId = await makeJob(direct)
  const stop = new AbortController()
  const watcher = collect(jobId, 1, stop.signal)
  await proxy.refuse()
  await clock.tick()
  expect(errors).toMatchObject([{ code: 'database.unavailable' }])
  await proxy.resume()
  await cancelVisionJob(direct, { jobId, userId: 'user-1' })
  await clock.tick()
  expect(watcher.states).toMatchObject([{ job: { status: 'cancelled' } }])
  stop.abort()
  await watcher.done
})
