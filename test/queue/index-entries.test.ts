import { expect } from 'vitest'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { analysisOutput, claimOne, contentOutput, jobRow, makeJob, nothingSpent } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

/** The indexes of `vision_jobs` whose entry of a job has moved while something was done to it. */
async function movedBy(db: TestDatabase, jobId: number, work: () => Promise<unknown>): Promise<readonly string[]> {
  const entries = Map.groupBy(await db.sql('SHOW INDEX FROM vision_jobs'), ({ Key_name }) => String(Key_name))
  const before = await jobRow(db, jobId)
  await work()
  const after = await jobRow(db, jobId)
  return [...entries]
    .filter(([, columns]) =>
      columns.some(({ Column_name }) => before[String(Column_name)] !== after[String(Column_name)]),
    )
    .map(([name]) => name)
    .toSorted()
}

// Each costs a server about 0.005 ms, of 0.33 that a job takes.
test('a job moves seven index entries at its claim, one when its analysis is saved, five at its end', async ({
  db,
}) => {
  const jobId = await makeJob(db)
  expect(await movedBy(db, jobId, () => claimOne(db))).toEqual([
    'changes',
    'claim',
    'due',
    'expiry',
    'lease',
    'owner',
    'status_history',
  ])
  const run = { ...(await runOf(db, jobId)), userId: 'user-1', batchId: null, waitingMs: 0 }
  expect(await movedBy(db, jobId, () => saveAnalysis(db, run, analysisOutput, nothingSpent))).toEqual(['changes'])
  expect(await movedBy(db, jobId, () => completeVisionJob(db, run, contentOutput, nothingSpent))).toEqual([
    'changes',
    'due',
    'ended',
    'lease',
    'status_history',
  ])
})

test('a job of a batch moves one more at its claim and at its end', async ({ db }) => {
  const jobId = await makeJob(db)
  await db.sql('UPDATE vision_jobs SET batch_id = 7')
  const claimed = await movedBy(db, jobId, () => claimOne(db))
  expect(claimed).toHaveLength(8)
  expect(claimed).toContain('batch')
  const run = { ...(await runOf(db, jobId)), userId: 'user-1', batchId: 7, waitingMs: 0 }
  expect(await movedBy(db, jobId, () => saveAnalysis(db, run, analysisOutput, nothingSpent))).toEqual(['changes'])
  const ended = await movedBy(db, jobId, () => completeVisionJob(db, run, contentOutput, nothingSpent))
  expect(ended).toHaveLength(6)
  expect(ended).toContain('batch')
})

async function runOf(db: TestDatabase, jobId: number) {
  const { attempt } = await jobRow(db, jobId)
  return { jobId, attempt: Number(attempt) }
}
