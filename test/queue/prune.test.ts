import { sql } from 'drizzle-orm'
import { afterAll, expect } from 'vitest'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import { countPrunable, type PruneOptions, pruneVisionJobs } from '../../core/queue/prune/prune.ts'
import { completeVisionJob, failVisionJob, saveAnalysis, saveImage } from '../../core/queue/settle/settle.ts'
import { visionImages } from '../../drizzle/schema.ts'
import {
  analysisOutput,
  attemptRows,
  badAnswer,
  claim,
  claimOne,
  contentOutput,
  hour,
  jobIn,
  makeJob,
  makeJobs,
  noCap,
  nothingSpent,
  outputRows,
  someJob,
  statusOf,
} from '../support/database/jobs.ts'
import { type CommitFault, type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  proxied = await openProxied(database.url, { connections: 2 })
  proxy = proxied.proxy
})
afterAll(() => proxied.close())

const options: PruneOptions = { olderThanDays: 30, limit: 10_000 }
const prune = (changes: Partial<PruneOptions> = {}) => pruneVisionJobs(database, { ...options, ...changes })
const ended = (days: number, ...ids: number[]) =>
  database.sql('UPDATE vision_jobs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL ? HOUR WHERE id IN (?)', [
    days * 24,
    ids,
  ])
const count = async () => Number((await database.sql('SELECT COUNT(*) AS jobs FROM vision_jobs'))[0]?.jobs)

/** So many jobs that were cancelled so many days ago. */
async function old(many: number, days = 31, changes = {}): Promise<number[]> {
  const ids: number[] = []
  for (let made = 0; made < many; made += 100) {
    ids.push(...(await makeJobs(database, Math.min(100, many - made), changes)))
  }
  await database.sql("UPDATE vision_jobs SET status = 'cancelled' WHERE id IN (?)", [ids])
  await ended(days, ...ids)
  return ids
}

test('what ended long ago goes with all it made, and nothing else does', async () => {
  const jobs = []
  for (const status of ['completed', 'failed', 'cancelled'] as const) {
    const gone = await jobIn(database, status)
    const kept = await jobIn(database, status)
    await ended(30.1, gone.jobId)
    await ended(29.9, kept.jobId)
    jobs.push({ gone: gone.jobId, kept: kept.jobId, status })
  }
  expect(await database.run((on) => countPrunable(on, 30))).toEqual({ jobs: 3, more: false })
  expect(await prune()).toEqual({ jobs: 3, more: false })
  for (const { gone, kept, status } of jobs) {
    expect(await statusOf(database, gone)).toBe('deleted')
    expect([await outputRows(database, gone), await attemptRows(database, gone)]).toEqual([[], []])
    expect(await statusOf(database, kept)).toBe(status)
    expect(await attemptRows(database, kept)).toHaveLength(1)
    expect(await outputRows(database, kept)).toHaveLength(status === 'completed' ? 2 : 0)
  }
})

test('a job that has not ended stays, however old it is', async () => {
  const jobs = []
  for (const status of ['scheduled', 'processing', 'pending'] as const) jobs.push(await jobIn(database, status))
  // Not even a moment of an earlier life makes it old.
  await database.sql(`UPDATE vision_jobs SET created_at = '2020-01-01', updated_at = '2020-01-01',
    finished_at = '2020-01-01'`)
  expect(await database.run((on) => countPrunable(on, 30))).toEqual({ jobs: 0, more: false })
  expect(await prune()).toEqual({ jobs: 0, more: false })
  expect(await count()).toBe(jobs.length)
})

test('a key lives as long as its job: after that it is free again', async () => {
  const idempotency = { key: 'spring-1', requestHash: 'a'.repeat(64) }
  const create = async () =>
    (
      await createVisionJobs(database, [{ ...someJob, idempotency }], {
        userId: 'ann',
        maxRetries: 3,
        inFlightPerUser: noCap,
        lifeMs: hour,
      })
    )[0]
  const first = await create()
  await database.sql("UPDATE vision_jobs SET status = 'cancelled'")
  await ended(29, first?.jobId ?? 0)
  await prune()
  expect(await create()).toEqual({ jobId: first?.jobId, replayed: true })
  await ended(31, first?.jobId ?? 0)
  await prune()
  expect(await create()).toMatchObject({ replayed: false })
})

test('an image is given up with the last job that used it, and not before', async () => {
  const image = async (sha256: string) => {
    const [{ insertId }] = await database.run((on) =>
      on.insert(visionImages).values({
        userId: 'user-1',
        sha256,
        state: 'stored',
        type: 'image/png',
        bytes: 1,
        width: 1,
        height: 1,
        createdAt: sql`UTC_TIMESTAMP(3)`,
      }),
    )
    return insertId
  }
  const [shared, alone] = [await image('s'.repeat(64)), await image('a'.repeat(64))]
  const young = await makeJob(database, { imageId: shared })
  await old(2, 31, { imageId: shared })
  await old(2, 31, { imageId: alone })
  await old(1)
  expect(await prune()).toMatchObject({ jobs: 5 })
  expect(await database.sql('SELECT id, sweep_at IS NOT NULL AS given_up FROM vision_images ORDER BY id')).toEqual([
    { id: shared, given_up: 0 },
    { id: alone, given_up: 1 },
  ])
  await database.sql("UPDATE vision_jobs SET status = 'cancelled'")
  await ended(31, young)
  await prune()
  expect(await database.sql('SELECT id FROM vision_images WHERE sweep_at IS NULL')).toEqual([])
})

test('it goes in batches of a hundred, the oldest first, up to the limit', async () => {
  const younger = await old(120, 40)
  const older = await old(120, 50)
  const batches: number[] = []
  const note = async (_: unknown, { jobs }: { jobs: number }) => void batches.push(jobs)
  expect(await prune({ limit: 150, note })).toEqual({ jobs: 150, more: true })
  expect(batches).toEqual([100, 150])
  expect(await statusOf(database, older.at(-1) ?? 0)).toBe('deleted')
  expect(await statusOf(database, younger.at(-1) ?? 0)).toBe('cancelled')
  expect(await count()).toBe(90)
  expect(await prune({ limit: 90 })).toEqual({ jobs: 90, more: true })
  expect(await prune()).toEqual({ jobs: 0, more: false })
})

test('told to end, it ends between two batches, and does not sit out the pause', async () => {
  await old(300)
  const controller = new AbortController()
  const note = async () => controller.abort()
  expect(await prune({ signal: controller.signal, note })).toEqual({ jobs: 100, more: true })
})

test('neither waits for the other: a prune in the middle of its batch, and claims, creations and saves', async () => {
  const ids = await old(150)
  await database.sql(
    `INSERT INTO vision_job_attempts (job_id, attempt, worker_id, step, started_at)
     SELECT id, 1, 'x', 'analysis', created_at FROM vision_jobs`,
  )
  await database.sql(
    `INSERT INTO vision_job_outputs (job_id, kind, model, body, created_at)
     SELECT id, 'analysis', 'x', '{}', created_at FROM vision_jobs`,
  )
  // Its rows lie right behind theirs, in every index.
  const neighbours = await makeJobs(database, 30)
  expect(neighbours[0]).toBe((ids.at(-1) ?? 0) + 1)
  const [run, second] = await claim(database, { limit: 5 })
  let met = 0
  await prune({
    note: async () => {
      met++
      // Its transaction is open and holds a hundred rows: all of this would wait for it if it held any other.
      expect(await claim(database, { limit: 5 })).toHaveLength(5)
      await makeJobs(database, 3)
      if (met === 1 && run) {
        const [{ insertId }] = await database.run((on) =>
          on.insert(visionImages).values({
            userId: 'user-1',
            sha256: 'c'.repeat(64),
            state: 'stored',
            type: 'image/png',
            bytes: 1,
            width: 1,
            height: 1,
            createdAt: sql`UTC_TIMESTAMP(3)`,
          }),
        )
        await saveImage(database, run, insertId)
        await saveAnalysis(database, run, analysisOutput, nothingSpent)
        await completeVisionJob(database, run, contentOutput, nothingSpent)
      } else if (second) {
        await failVisionJob(database, second, badAnswer, nothingSpent)
        await redriveVisionJob(database, second, { lifeMs: hour })
        await promoteDueVisionJobs(database, noCap)
        await deleteVisionJob(database, second)
      }
    },
  })
  expect(met).toBe(2)
})

test('a locked job is skipped and left for the next time', async () => {
  const [held = 0] = await old(3)
  await database.transact(async (tx) => {
    await tx.execute(sql`SELECT id FROM vision_jobs WHERE id = ${held} FOR UPDATE`)
    expect(await prune()).toEqual({ jobs: 2, more: false })
  })
  expect(await prune()).toEqual({ jobs: 1, more: false })
})

test('several at once count what they deleted themselves, and take nothing twice', async () => {
  await old(400)
  const done = await Promise.all([prune(), prune(), prune()])
  expect(done.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(400 - (await count()))
  expect(done.some(({ jobs }) => jobs > 0)).toBe(true)
  await prune()
  expect(await count()).toBe(0)
})

test.each<CommitFault>(['lost', 'answer lost', 'late'])('a COMMIT that is %s counts its jobs once', async (fault) => {
  await old(30)
  proxy.failNextCommit(fault)
  expect(await pruneVisionJobs(proxied, options)).toEqual({ jobs: 30, more: false })
  expect(await count()).toBe(0)
})

test('a run that is under way is none of its business', async () => {
  await old(10)
  await makeJob(database)
  const run = await claimOne(database)
  await prune()
  expect(await statusOf(database, run.jobId)).toBe('processing')
  expect(await attemptRows(database, run.jobId)).toMatchObject([{ outcome: 'running' }])
})
