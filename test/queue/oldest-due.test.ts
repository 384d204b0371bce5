import { expect } from 'vitest'
import { oldestDueSeconds } from '../../core/queue/claim/oldest-due.ts'
import { retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  badAnswer,
  claim,
  claimOne,
  hour,
  jobIn,
  makeJob,
  makeJobs,
  nothingSpent,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeEach(({ db }) => {
  database = db
})

/** Moves what a job's wait is measured from into the past. */
async function waiting(jobId: number, seconds: number, column: 'updated_at' | 'available_at' = 'updated_at') {
  await database.sql(`UPDATE vision_jobs SET ${column} = UTC_TIMESTAMP(3) - INTERVAL ? SECOND WHERE id = ?`, [
    seconds,
    jobId,
  ])
}

/** So many seconds, and what the test itself took. */
async function expectAge(seconds: number) {
  const age = await oldestDueSeconds(database)
  expect(age).toBeGreaterThanOrEqual(seconds)
  expect(age).toBeLessThan(seconds + 60)
}

test('nothing waits in an empty queue', async () => {
  expect(await oldestDueSeconds(database)).toBe(0)
})

test.each(['processing', 'completed', 'failed', 'cancelled'] as const)(
  'a job that is %s does not wait',
  async (status) => {
    const { jobId } = await jobIn(database, status)
    await waiting(jobId, 900)
    expect(await oldestDueSeconds(database)).toBe(0)
  },
)

test('a job waits from its creation until it is claimed', async () => {
  await waiting(await makeJob(database), 900)
  await expectAge(900)
  await claim(database)
  expect(await oldestDueSeconds(database)).toBe(0)
})

test('a retry waits from when it is due, promoted or not', async () => {
  await makeJob(database)
  const run = await claimOne(database)
  await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: hour, costsRetry: true })
  await waiting(run.jobId, 900)
  expect(await oldestDueSeconds(database)).toBe(0)
  await waiting(run.jobId, 600, 'available_at')
  await expectAge(600)
})

test('a job that waits for its second step counts like one that waits for its first', async () => {
  await makeJob(database)
  const run = await claimOne(database)
  await saveAnalysis(database, run, analysisOutput, nothingSpent)
  await database.sql("UPDATE vision_jobs SET status = 'pending' WHERE id = ?", [run.jobId])
  await makeJob(database)
  await waiting(run.jobId, 700)
  await expectAge(700)
})

test('a newcomer whose start tag comes first does not hide who has waited longer', async () => {
  const [first = 0, second = 0] = await makeJobs(database, 2, { userId: 'ann' })
  await claim(database, { limit: 1 })
  const newcomer = await makeJob(database, { userId: 'bob' })
  await database.sql('UPDATE vision_jobs SET start_tag = start_tag + 1 WHERE id = ?', [second])
  await waiting(first, 1_000)
  await waiting(second, 800)
  await expectAge(800)
  expect((await claim(database)).map((run) => run.jobId)).toEqual([newcomer, second])
})
