import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { keepIdsFresh, sweepOrphans } from '../../core/queue/prune/orphans.ts'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  attemptRows,
  claim,
  claimOne,
  contentOutput,
  emptyQueue,
  jobIn,
  makeJob,
  nothingSpent,
  outcomesOf,
  outputRows,
  statusOf,
} from '../support/database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
beforeAll(async () => {
  // Its own: ids are given out again.
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => emptyQueue(database))

/** A job that was deleted while its worker was dead: its run's row is left. */
async function orphan(): Promise<number> {
  const { jobId } = await jobIn(database, 'processing')
  await deleteVisionJob(database, { jobId, userId: 'user-1' })
  return jobId
}
const aDayPassed = () =>
  database.sql('UPDATE vision_job_attempts SET ended_at = ended_at - INTERVAL 25 HOUR WHERE ended_at IS NOT NULL')

describe('the row of a run whose job is gone', () => {
  test('is kept for a day, for a worker that still tells what it spent, and is then swept', async () => {
    const gone = await orphan()
    expect(await sweepOrphans(database)).toBe(0)
    expect(await outcomesOf(database, gone)).toEqual(['cancelled'])
    await aDayPassed()
    expect(await sweepOrphans(database)).toBe(1)
    expect(await attemptRows(database, gone)).toEqual([])
  })

  test('is swept alone: runs of jobs that are there stay', async () => {
    const { jobId } = await jobIn(database, 'completed')
    const running = await jobIn(database, 'processing')
    await orphan()
    await aDayPassed()
    expect(await sweepOrphans(database)).toBe(1)
    expect(await outcomesOf(database, jobId)).toEqual(['completed'])
    expect(await outcomesOf(database, running.jobId)).toEqual(['running'])
  })
})

/** As after a restore of the jobs alone: they are gone with their counter, what they made is there. */
async function restore(): Promise<void> {
  await database.sql('DELETE FROM vision_jobs')
  await database.sql('ALTER TABLE vision_jobs AUTO_INCREMENT = 1')
}

describe('ids that start again below those of rows that are there', () => {
  test('are moved beyond them', async () => {
    const { jobId } = await jobIn(database, 'completed')
    await restore()
    expect(await keepIdsFresh(database)).toBe(true)
    expect(await database.sql('SELECT COUNT(*) AS n FROM vision_jobs')).toEqual([{ n: 0 }])
    expect(await makeJob(database)).toBeGreaterThan(jobId)
    expect(await keepIdsFresh(database), 'then there is nothing to do').toBe(false)
  })

  test('never go back', async () => {
    const gone = await orphan()
    const later = await makeJob(database)
    await deleteVisionJob(database, { jobId: later, userId: 'user-1' })
    await keepIdsFresh(database)
    expect(await makeJob(database)).toBeGreaterThan(later)
    expect(later).toBeGreaterThan(gone)
  })

  test('that another job had before do not stop the lane: the job runs, with nothing of the former one', async () => {
    await database.sql('ALTER TABLE vision_jobs AUTO_INCREMENT = 1')
    const { jobId: former } = await jobIn(database, 'completed')
    await restore()
    // What it was to write went with it, unlike what it did.
    await database.sql('DELETE FROM vision_job_texts')
    await database.sql(`ALTER TABLE vision_jobs AUTO_INCREMENT = ${former}`)
    const jobId = await makeJob(database, { userId: 'user-2' })
    expect(jobId, 'it has the id of the former job').toBe(former)
    const next = await makeJob(database, { userId: 'user-2' })

    const runs = await claim(database)
    expect(runs.map((run) => [run.jobId, run.attempt])).toEqual([
      [jobId, 1],
      [next, 1],
    ])
    expect(await outcomesOf(database, jobId)).toEqual(['running'])
    expect(await outputRows(database, jobId)).toEqual([])
    for (const run of runs) {
      await saveAnalysis(database, run, analysisOutput, nothingSpent)
      await completeVisionJob(database, run, contentOutput, nothingSpent)
    }
    expect(await statusOf(database, jobId)).toBe('completed')
  })

  test('that texts have still are passed over when a job is created', async () => {
    const { jobId: former } = await jobIn(database, 'completed')
    await restore()
    await database.sql(`ALTER TABLE vision_jobs AUTO_INCREMENT = ${former}`)
    const jobId = await makeJob(database, { userId: 'user-2' })
    expect(jobId).toBeGreaterThan(former)
    expect((await claimOne(database)).jobId).toBe(jobId)
  })

  test('are looked at by reads alone where all is well', async () => {
    await claimOne(database, { limit: 1 }).catch(() => undefined)
    await makeJob(database)
    expect(await keepIdsFresh(database)).toBe(false)
  })
})
