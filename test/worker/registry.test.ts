import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import type { Tally } from '../../core/domain/tally.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps } from '../../core/worker/options.ts'
import { getMinutes, sumOfMinutes } from '../../core/worker/report/minutes.ts'
import {
  countRunningWorkers,
  getRecentWorkers,
  getThroughput,
  startHeartbeat,
  sweepWorkers,
} from '../../core/worker/report/registry.ts'
import { analysisOutput, contentOutput, makeJobs, noBackoff, noCap } from '../support/database/jobs.ts'
import { type CommitFault, type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { accessTo } from '../support/providers/access.ts'

let database: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  proxied = await openProxied(database.url, { connections: 2 })
  proxy = proxied.proxy
})
afterAll(() => proxied.close())

const nothing: Tally = {
  claimed: 0,
  completed: 0,
  retried: 0,
  failed: 0,
  released: 0,
  lost: 0,
  reclaimed: 0,
  expired: 0,
}

const rows = () => database.run((on) => getRecentWorkers(on, 10))
const sums = async (minutes = 5) => (await database.run((on) => getThroughput(on, minutes))).tally

/** Drains the queue, and looks at the workers while the first job runs. */
async function work(steps: Partial<Steps> = {}) {
  const during: Awaited<ReturnType<typeof rows>>[] = []
  const summary = await drain(
    {
      database,
      providers: accessTo(database, { workerId: 'ann' }),
      workerId: 'ann',
      host: '2026/11/24/[7]c0ffee',
      concurrency: 4,
      leaseMs: 60_000,
      renewMs: 20,
      idleMs: 0,
      stepMs: { analysis: 1_000, content: 1_000 },
      callMs: 1_000,
      providerWaitMs: 30_000,
      inFlightPerUser: noCap,
      retry: noBackoff,
      log: () => undefined,
      now: () => performance.now(),
      steps: {
        analysis: async () => {
          await delay(150)
          // On a busy machine a report takes longer than the time between two.
          for (let left = 100; left > 0 && (await rows()).every(({ inFlight }) => inFlight === 0); left--)
            await delay(50)
          during.push(await rows())
          return analysisOutput
        },
        content: async () => contentOutput,
        ...steps,
      },
    },
    { deadline: performance.now() + 60_000 },
  )
  return { summary, during: during[0] ?? [] }
}

test('a worker says that it runs and what it holds, and in the end what it did', async () => {
  await makeJobs(database, 3)
  const { summary, during } = await work()
  expect(during).toEqual([
    expect.objectContaining({ workerId: 'ann', state: 'running', inFlight: 3, concurrency: 4, stoppedAt: null }),
  ])
  const [worker] = await rows()
  expect(worker).toMatchObject({
    host: '2026/11/24/[7]c0ffee',
    state: 'stopped',
    inFlight: 0,
    tally: summary,
    stoppedAt: expect.any(Date),
  })
  expect(summary).toMatchObject({ claimed: 3, completed: 3 })
  expect(await sums()).toEqual(summary)
})

test('what went wrong is counted too, and makes the failure rate', async () => {
  await makeJobs(database, 4, { maxRetries: 1 })
  let runs = 0
  await work({
    analysis: async () => {
      if (++runs > 2) throw new Error('it went wrong')
      return analysisOutput
    },
  })
  const { tally, failureRate } = await database.run((on) => getThroughput(on, 5))
  expect(tally).toMatchObject({ claimed: 6, completed: 2, retried: 2, failed: 2 })
  expect(failureRate).toBe(4 / 6)
  const { stats } = sumOfMinutes(await database.run((on) => getMinutes(on, 5)))
  expect(stats.failed).toEqual({ 'internal.error': 2 })
  expect(stats.durations.waiting.reduce((sum, runs) => sum + runs, 0)).toBe(6)
})

test.each<CommitFault>(['lost', 'answer lost'])('a report whose COMMIT was %s is counted once', async (fault) => {
  const tally = { ...nothing, claimed: 3, completed: 2 }
  const log: string[] = []
  const options = { database: proxied, workerId: 'bob', concurrency: 1, everyMs: 60_000, log: () => void log.push('!') }
  proxy.failNextCommit(fault)
  const stop = startHeartbeat(options, () => ({ inFlight: 1, tally }))
  await stop()
  expect(proxy.faults).toBeGreaterThan(0)
  expect(await sums()).toEqual(tally)
  expect(log).toEqual([])
})

test('a report that failed is made good by the next', async () => {
  const log: string[] = []
  const options = {
    workerId: 'bob',
    concurrency: 1,
    everyMs: 60_000,
    log: (_: string, line: string) => void log.push(line),
  }
  const tally = { ...nothing, completed: 2 }
  const closed = openDatabase(database.url, { connections: 1, random: () => 0 })
  await closed.close()
  await startHeartbeat({ ...options, database: closed }, () => ({ inFlight: 0, tally }))()
  expect(log).toContain('heartbeat not written')
  await startHeartbeat({ ...options, database }, () => ({ inFlight: 0, tally }))()
  expect(await sums()).toEqual(tally)
})

test('a database that is away does not hold up a worker that has ended', async () => {
  const options = { workerId: 'bob', concurrency: 1, everyMs: 60_000, log: () => undefined }
  const hanging: Database = { ...database, transact: () => new Promise(() => undefined) }
  const stop = startHeartbeat({ ...options, database: hanging }, () => ({ inFlight: 0, tally: nothing }))
  await stop()
})

test('a worker that died in the middle is silent after a minute, and counts as running no more', async () => {
  const options = { database, concurrency: 1, everyMs: 60_000, log: () => undefined }
  const report = () => ({ inFlight: 1, tally: nothing })
  // Neither is stopped: they are still there when the test ends.
  startHeartbeat({ ...options, workerId: 'alive' }, report)
  startHeartbeat({ ...options, workerId: 'dead' }, report)
  await expect.poll(async () => (await rows()).length).toBe(2)
  const age = (seconds: number) =>
    database.sql('UPDATE vision_workers SET last_heartbeat_at = UTC_TIMESTAMP(3) - INTERVAL ? SECOND WHERE id = ?', [
      seconds,
      'dead',
    ])
  await age(50)
  expect(await database.run(countRunningWorkers)).toBe(2)
  await age(61)
  expect((await rows()).map(({ workerId, state }) => [workerId, state])).toEqual([
    ['alive', 'running'],
    ['dead', 'silent'],
  ])
  expect(await database.run(countRunningWorkers)).toBe(1)
  await age(3_601)
  expect((await rows()).map(({ workerId }) => workerId)).toEqual(['alive'])
})

const addMinute = (minutesAgo: number, workerId: string, completed: number) =>
  database.sql(
    `INSERT INTO vision_worker_minutes (minute, worker_id, completed)
     SELECT CAST(DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%d %H:%i:00') AS DATETIME(3)) - INTERVAL ? MINUTE, ?, ?`,
    [minutesAgo, workerId, completed],
  )

test('throughput is what all workers did within the whole minutes asked for and the one that has begun', async () => {
  expect(await database.run((on) => getThroughput(on, 5))).toMatchObject({ perMinute: 0, failureRate: null })
  await addMinute(0, 'ann', 1)
  await addMinute(0, 'bob', 2)
  await addMinute(4, 'ann', 4)
  await addMinute(59, 'bob', 8)
  await addMinute(62, 'bob', 16)
  // Minutes may pass between these statements, so nothing lies near the edge of a window.
  expect(await sums(10)).toMatchObject({ completed: 7 })
  expect((await sums(61)).completed).toBe(15)
  const { perMinute } = await database.run((on) => getThroughput(on, 10))
  expect(perMinute).toBeGreaterThan(7 / 11 - 0.001)
  expect(perMinute).toBeLessThanOrEqual(0.7)
})

test('what is older than a week is swept, and nothing else', async () => {
  await addMinute(7 * 24 * 60 + 1, 'old', 1)
  await addMinute(7 * 24 * 60 - 2, 'young', 2)
  for (const [id, hours] of [
    ['old', 169],
    ['young', 167],
  ]) {
    await database.sql(
      `INSERT INTO vision_workers (id, host, started_at, last_heartbeat_at)
       VALUES (?, 'x', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL ? HOUR)`,
      [id, hours],
    )
  }
  await sweepWorkers(database)
  expect(await database.sql('SELECT worker_id FROM vision_worker_minutes')).toEqual([{ worker_id: 'young' }])
  expect(await database.sql('SELECT id FROM vision_workers')).toEqual([{ id: 'young' }])
})
