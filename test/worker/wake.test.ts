import { describe, expect } from 'vitest'
import { emptyTally } from '../../core/domain/tally.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import { createPresence } from '../../core/worker/report/presence.ts'
import { startHeartbeat } from '../../core/worker/report/registry.ts'
import { createBell } from '../../core/worker/wake/bell.ts'
import { createWaker, type Demand, type WakerOptions, workersToStart } from '../../core/worker/wake/wake.ts'
import { emptyQueue, jobIn, makeJob, makeJobs, spending } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { workerOptions } from '../support/worker.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

let ids = 0
/** A waker that starts nothing, and says what it would have. */
function wakerOf(changes: Partial<WakerOptions> = {}) {
  const started: string[] = []
  const logged: string[] = []
  const waker = createWaker({
    database,
    start: async (wakeId) => void started.push(wakeId),
    mostWorkers: 6,
    concurrency: 10,
    newId: () => `wake-${++ids}`,
    log: (_, message) => void logged.push(message),
    ...changes,
  })
  return { ...waker, started, logged }
}

const wakes = () => database.sql("SELECT id FROM vision_wakes WHERE id <> 'last'")
const report = (workerId: string, wakeId?: string) =>
  startHeartbeat({ database, workerId, wakeId, concurrency: 10, everyMs: 60_000, log: () => undefined }, () => ({
    inFlight: 0,
    tally: emptyTally(),
  }))
/** The gap between two wakes is over. */
const later = () => database.sql("UPDATE vision_wakes SET woken_at = woken_at - INTERVAL 1 SECOND WHERE id = 'last'")

describe('how many workers are started', () => {
  const rest: Demand = { pending: 0, inFlight: 0, places: 0, workers: 0, woken: 0 }
  const limits = { most: 6, concurrency: 10 }
  test.each([
    ['none where nothing waits', rest, 0],
    ['one for one job', { ...rest, pending: 1 }, 1],
    ['as many as the jobs need', { ...rest, pending: 21 }, 3],
    ['none where a worker has a place', { ...rest, pending: 1, places: 10, workers: 1, inFlight: 9 }, 0],
    ['one more where all are full', { ...rest, pending: 1, places: 10, workers: 1, inFlight: 10 }, 1],
    ['none where enough are on their way', { ...rest, pending: 20, woken: 2 }, 0],
    [
      'only what is left of the most, but for the schedule’s own',
      { ...rest, pending: 900, places: 20, workers: 2, woken: 1 },
      2,
    ],
    ['none beyond it', { ...rest, pending: 900, places: 70, workers: 7 }, 0],
  ])('%s', (_, demand, expected) => expect(workersToStart(demand, limits)).toBe(expected))

  test('one where there may be but one', () => {
    expect(workersToStart({ ...rest, pending: 99 }, { most: 1, concurrency: 10 })).toBe(1)
  })
})

describe('waking', () => {
  test('of a thousand calls in twenty processes at once starts what is needed, once', async () => {
    await makeJobs(database, 21)
    const wakers = Array.from({ length: 20 }, () => wakerOf())
    for (let call = 0; call < 50; call++) for (const waker of wakers) waker.wake()
    await expect.poll(async () => (await wakes()).length, { timeout: 20_000 }).toBe(3)
    for (const waker of wakers) await waker.settled()
    expect(wakers.flatMap(({ started }) => started)).toHaveLength(3)
  })

  test('starts no worker while one has a place, and one when all are full', async () => {
    const stop = await running('worker-1')
    await makeJob(database)
    const waker = wakerOf()
    waker.wake()
    await waker.settled()
    expect(waker.started).toEqual([])
    await database.sql('UPDATE vision_workers SET concurrency = 0')
    waker.wake()
    await expect.poll(() => waker.started.length).toBe(1)
    await stop()
  })

  test('counts a job that is due by its schedule, as after a retry', async () => {
    const { jobId } = await jobIn(database, 'scheduled')
    const waker = wakerOf()
    waker.wake()
    await waker.settled()
    expect(waker.started).toHaveLength(0)
    await database.sql('UPDATE vision_jobs SET available_at = UTC_TIMESTAMP(3) WHERE id = ?', [jobId])
    waker.wake()
    await expect.poll(() => waker.started.length).toBe(1)
  })

  test('counts a woken worker until it reports, and then as itself', async () => {
    await makeJobs(database, 11)
    const waker = wakerOf()
    waker.wake()
    await expect.poll(() => waker.started.length).toBe(2)
    await later()
    waker.wake()
    await waker.settled()
    expect(waker.started).toHaveLength(2)
    const stop = await running('worker-1', waker.started[0])
    expect(await wakes()).toEqual([{ id: waker.started[1] }])
    await stop()
  })

  test('does not wait for a worker that never came', async () => {
    await makeJob(database)
    const waker = wakerOf()
    waker.wake()
    await expect.poll(() => waker.started.length).toBe(1)
    await database.sql('UPDATE vision_wakes SET woken_at = woken_at - INTERVAL 16 SECOND')
    waker.wake()
    await expect.poll(() => waker.started.length).toBe(2)
  })

  test('that fails is logged and forgotten, and the next one starts anew', async () => {
    await makeJob(database)
    const broken = wakerOf({ start: () => Promise.reject(new Error('no such function')) })
    broken.wake()
    await expect.poll(() => broken.logged).toContain('worker not woken')
    await expect.poll(wakes).toEqual([])
    await later()
    const waker = wakerOf()
    waker.wake()
    await expect.poll(() => waker.started.length).toBe(1)
  })

  test('rests for a while where jobs wait for a provider that is paused', async () => {
    await makeJob(database)
    await database.sql("INSERT INTO vision_wakes VALUES ('last', UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE)")
    const waker = wakerOf()
    await waker.rest()
    waker.wake()
    await waker.settled()
    expect(waker.started).toEqual([])
  })
})

describe('a worker that is woken with others', () => {
  const told = () => {
    const calls: string[] = []
    return { calls, wake: () => void calls.push('wake'), rest: async () => void calls.push('rest') }
  }

  test('wakes more when it is full and more jobs wait, and not before', async () => {
    const waker = told()
    const full = Promise.withResolvers<void>()
    const analysis: Steps['analysis'] = async (_, { meter }) => {
      await full.promise
      return paid(meter)
    }
    await makeJobs(database, 2)
    const draining = drain(worker({ waker, concurrency: 2, steps: { ...steps, analysis } }), limits)
    await expect.poll(() => processing()).toBe(2)
    expect(waker.calls).toEqual([])
    full.resolve()
    await draining
    await makeJobs(database, 3)
    await drain(worker({ waker, concurrency: 2 }), limits)
    expect(waker.calls).toContain('wake')
  })

  test('polls once more after it has deregistered, and goes on if a job has come', async () => {
    const waker = told()
    const presence = createPresence(worker({ waker }), () => ({ inFlight: 0, tally: emptyTally() }))
    const states = () => database.sql('SELECT stopped_at IS NULL AS runs FROM vision_workers')
    await makeJob(database)
    expect(await presence.mayEnd()).toBe(false)
    await expect.poll(states).toEqual([{ runs: 1 }])
    await emptyQueue(database)
    expect(await presence.mayEnd()).toBe(true)
    expect(await states()).toEqual([{ runs: 0 }])
    await presence.end(true)
    expect(waker.calls).toEqual(['wake'])
  })

  test('whose jobs wait for a paused provider ends, and wakes no worker for them', async () => {
    const waker = told()
    await makeJob(database)
    await database.sql("INSERT INTO vision_provider_states (provider, paused_at) VALUES ('all', UTC_TIMESTAMP(3))")
    expect(await drain(worker({ waker }), limits)).toMatchObject({ claimed: 0 })
    await database.sql('DELETE FROM vision_provider_states')
    expect(waker.calls).toEqual(['rest'])
  })
})

test('a bell has a worker poll at once that would not for an hour', async () => {
  const bell = createBell()
  const stopping = new AbortController()
  const hour = 3_600_000
  const deadline = performance.now() + hour
  const draining = drain(worker({ bell, idleMs: hour, pollMs: hour }), { deadline, signal: stopping.signal })
  for (let job = 0; job < 3; job++) {
    await makeJob(database)
    bell.ring()
    await expect.poll(() => database.sql("SELECT 1 FROM vision_jobs WHERE status = 'completed'")).toHaveLength(job + 1)
  }
  expect(bell.attached).toBe(1)
  stopping.abort()
  await draining
  expect(bell.attached).toBe(0)
})

/** Has a worker report, until it is stopped. */
async function running(workerId: string, wakeId?: string): Promise<() => Promise<void>> {
  const stop = report(workerId, wakeId)
  await expect.poll(() => database.sql('SELECT 1 FROM vision_workers WHERE id = ?', [workerId])).toHaveLength(1)
  return stop
}

const processing = async () => (await database.sql("SELECT 1 FROM vision_jobs WHERE status = 'processing'")).length

const paid = async (meter: { sent(): Promise<void>; answered(used: ReturnType<typeof spending>): void }) => {
  await meter.sent()
  meter.answered(spending())
  return { model: 'a-model', body: { title: 'A poster' } }
}
const steps: Steps = { analysis: (_, { meter }) => paid(meter), content: (_, __, { meter }) => paid(meter) }
const limits = { deadline: performance.now() + 600_000 }

const worker = (changes: Partial<WorkerOptions>) =>
  workerOptions(database, steps, { workerId: 'worker-1', concurrency: 10, ...changes })
