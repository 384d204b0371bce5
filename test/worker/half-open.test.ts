import { afterEach, beforeEach, expect } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import { VisionError } from '../../core/domain/errors.ts'
import type { StepContext } from '../../core/domain/step.ts'
import { reportFailure, reportSuccess } from '../../core/providers/availability/circuit-breaker.ts'
import { readProviderStates } from '../../core/providers/availability/provider-state.ts'
import { prunePermits } from '../../core/providers/availability/rate-limit.ts'
import type { ProviderLimits } from '../../core/providers/limits.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { renewLeases } from '../../core/queue/claim/lease.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { completeVisionJob } from '../../core/queue/settle/settle.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps } from '../../core/worker/options.ts'
import {
  claim,
  contentOutput,
  hour,
  makeJob,
  makeJobs,
  noBackoff,
  noCap,
  nothingSpent,
  passed,
  spending,
  statusOf,
} from '../support/database/jobs.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { accessTo } from '../support/providers/access.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'

// A machine that vanishes in the middle of a transaction: its connection stays open at the server, with all its locks.

let database: TestDatabase
let vanished: (() => Promise<void>) | undefined
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})
beforeEach(async () => {
  await database.sql("INSERT INTO vision_provider_states (provider) VALUES ('gemini'), ('deepseek')")
})
afterEach(async () => {
  await isNoticed()
})

/** Does something on a machine that vanishes once the server has executed this statement. */
async function vanishAfter(statement: RegExp, work: (on: Database) => Promise<unknown>): Promise<void> {
  const vanishing = await openProxied(database.url)
  const { proxy } = vanishing
  vanished = async () => {
    await vanishing.close().catch(() => undefined)
  }
  const silent = proxy.goSilentAfter(statement)
  work(vanishing).catch(() => undefined)
  await silent
}

/** The server notices that the machine is gone, and lets go of what it held a little later. */
async function isNoticed(): Promise<void> {
  await vanished?.()
  vanished = undefined
}

const ofProviderState = /FROM vision_provider_states WHERE provider = 'gemini' FOR UPDATE/
const limits: ProviderLimits = { requestsInFlight: 100 }
const pause = { baseMs: 30_000, capMs: 900_000 }
const reserveThere = (on: Database) =>
  accessTo(on, { workerId: 'vanished', limits: { gemini: limits, deepseek: limits } }).reserve('gemini', 1)

const paid = async ({ meter }: StepContext) => {
  await meter.sent()
  meter.answered(spending())
  return { model: 'a-model', body: {} }
}
const steps: Steps = { analysis: (_, context) => paid(context), content: (_, __, context) => paid(context) }

function work(gemini: ProviderLimits) {
  const workerId = `worker-${Math.random()}`
  const providers = accessTo(database, { workerId, limits: { gemini, deepseek: {} } })
  return drain(workerOptions(database, steps, { workerId, providers }), inAMinute())
}

test('a locked provider row blocks no call where there are no limits', async () => {
  await makeJobs(database, 5)
  await vanishAfter(ofProviderState, reserveThere)
  expect(await work({})).toMatchObject({ completed: 5 })
})

test('where there are limits nothing is reserved while the provider’s row is locked, and no worker waits for it', async () => {
  await makeJobs(database, 5)
  await vanishAfter(ofProviderState, reserveThere)
  expect(await work(limits)).toMatchObject({ claimed: 0 })
  await isNoticed()
  await expect.poll(() => work(limits)).toMatchObject({ completed: 5 })
})

test('a report to a row that is locked is dropped, and what follows on it still told', async () => {
  await reportFailure(database, 'gemini', new VisionError('analysis.misconfigured'), pause)
  await vanishAfter(ofProviderState, (on) => reportSuccess(on, 'gemini'))
  expect(await reportFailure(database, 'gemini', new VisionError('analysis.unavailable'), pause)).toBeUndefined()
  expect(await reportSuccess(database, 'gemini')).toBeUndefined()
  const lines: unknown[] = []
  const worker = accessTo(database, { workerId: 'w', log: (...line) => void lines.push(line) })
  const [permit] = await worker.reserve('gemini', 1, (await database.run(readProviderStates)).of('deepseek'))
  permit?.send()
  // It is down, as anybody can read: the failure is no job's.
  expect(await permit?.end({ error: new VisionError('analysis.unavailable') })).toBe(true)
  expect(lines).toEqual([['warn', expect.stringContaining('not recorded'), expect.anything()]])
})

test('a lease whose job is locked is not lost, and no other lease waits for it', async () => {
  const ids = await makeJobs(database, 3)
  const runs = await claim(database)
  await database.sql('UPDATE vision_jobs SET lease_expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND')
  await vanishAfter(/^UPDATE vision_jobs/, (on) => cancelVisionJob(on, { jobId: ids[1] ?? 0, userId: 'user-1' }))
  expect(await renewLeases(database, 'worker-1', runs, hour)).toEqual([])
  const renewed = await database.sql(
    'SELECT id FROM vision_jobs WHERE lease_expires_at > UTC_TIMESTAMP(3) + INTERVAL 1 MINUTE',
  )
  expect(renewed.map((row) => row.id)).toEqual([ids[0], ids[2]])
})

test('locked permits keep no others from being renewed or pruned', async () => {
  const worker = accessTo(database, { workerId: 'w', limits: { gemini: limits, deepseek: limits } })
  await worker.reserve('gemini', 2)
  const back = (seconds: number) =>
    database.sql('UPDATE vision_permits SET expires_at = expires_at - INTERVAL ? SECOND', [seconds])
  await vanishAfter(/^UPDATE vision_permits/, (on) =>
    on.transact(async (tx) => {
      await tx.execute("UPDATE vision_permits SET tokens = 1 WHERE id = 'w:1'")
    }),
  )
  await worker.renew()
  const sooner = database.sql("SELECT id FROM vision_permits WHERE id <> 'w:1'")
  expect(await sooner).toHaveLength(1)
  await isNoticed()
  await back(1_000)
  await vanishAfter(/^UPDATE vision_permits/, (on) =>
    on.transact(async (tx) => {
      await tx.execute("UPDATE vision_permits SET tokens = 1 WHERE id = 'w:1'")
    }),
  )
  await prunePermits(database)
  expect(await database.sql('SELECT id FROM vision_permits')).toEqual([{ id: 'w:1' }])
})

test('a job of a user whose ledger is locked is reclaimed, or expires, later than those of all others', async () => {
  await makeJobs(database, 3, { userId: 'held' })
  await makeJob(database, { userId: 'other' })
  const runs = await claim(database, { limit: 4 })
  const expiring = [await makeJob(database, { userId: 'held' }), await makeJob(database, { userId: 'other' })] as const
  // The rows of the day are there before somebody vanishes with them.
  await database.sql(
    `INSERT INTO vision_usage (user_id, day, model, status) SELECT 'held', UTC_DATE(), '', s
       FROM (SELECT 'lost' s UNION ALL SELECT 'failed') statuses`,
  )
  await vanishAfter(/^update vision_usage/i, (on) =>
    on.transact(async (tx) => {
      await tx.execute("UPDATE vision_usage SET runs = runs WHERE user_id = 'held'")
    }),
  )
  await passed(database, 'lease_expires_at', ...runs.map((run) => run.jobId))
  await passed(database, 'expires_at', ...expiring)
  expect(await reclaimVisionJobs(database, noBackoff)).toBe(1)
  expect(await expireVisionJobs(database)).toBe(1)
  expect(await statusOf(database, expiring[1])).toBe('failed')
  await isNoticed()
  await expect.poll(() => reclaimVisionJobs(database, noBackoff)).toBe(3)
  await expect.poll(() => expireVisionJobs(database)).toBe(1)
})

test('a claim and a promotion wait for no ledger: what has expired there fails later', async () => {
  const held = await makeJobs(database, 3, { userId: 'held' })
  const [pending = 0, due = 0, expiredDue = 0] = held
  const other = await makeJob(database, { userId: 'other' })
  await database.sql("INSERT INTO vision_usage (user_id, day, model, status) VALUES ('held', UTC_DATE(), '', 'failed')")
  await database.sql("UPDATE vision_jobs SET status = 'scheduled' WHERE id IN (?)", [[due, expiredDue]])
  await passed(database, 'available_at', due, expiredDue)
  await passed(database, 'expires_at', pending, expiredDue)
  await vanishAfter(/^update vision_usage/i, (on) =>
    on.transact(async (tx) => {
      await tx.execute("UPDATE vision_usage SET runs = runs WHERE user_id = 'held'")
    }),
  )
  const started = performance.now()
  expect((await claim(database)).map(({ jobId }) => jobId)).toEqual([other])
  expect(await promoteDueVisionJobs(database, noCap)).toBe(1)
  expect(performance.now() - started).toBeLessThan(5_000)
  expect(await Promise.all(held.map((id) => statusOf(database, id)))).toEqual(['pending', 'pending', 'scheduled'])
  await isNoticed()
  // The server lets go a little later: until then both find the ledger held, and leave these two again.
  await expect
    .poll(async () => {
      await claim(database)
      expect(await promoteDueVisionJobs(database, noCap)).toBe(0)
      return await Promise.all(held.map((id) => statusOf(database, id)))
    })
    .toEqual(['failed', 'processing', 'failed'])
})

test('a job whose run is locked is reclaimed later than all others', async () => {
  await makeJobs(database, 2)
  const runs = await claim(database)
  await passed(database, 'lease_expires_at', ...runs.map((run) => run.jobId))
  await vanishAfter(/^UPDATE vision_job_attempts/, (on) =>
    on.transact(async (tx) => {
      await tx.execute(`UPDATE vision_job_attempts SET image_ms = 1 WHERE job_id = ${Number(runs[0]?.jobId)}`)
    }),
  )
  expect(await reclaimVisionJobs(database, noBackoff)).toBe(1)
  const [kept] = runs
  if (kept) expect(await statusOf(database, kept.jobId)).toBe('processing')
  await isNoticed()
  if (kept) await completeVisionJob(database, kept, contentOutput, nothingSpent)
})
