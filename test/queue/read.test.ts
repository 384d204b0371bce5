import { expect } from 'vitest'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { getUserVisionJobs } from '../../core/queue/read/history.ts'
import { getVisionJob, getVisionJobAttempts, getVisionJobOutput, getVisionJobs } from '../../core/queue/read/read.ts'
import { retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { analysisOutput, badAnswer, claimOne, jobIn, makeJob, makeJobs, spending } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

test('another user’s job does not exist, for every way to read it', async () => {
  const { jobId } = await jobIn(database, 'completed')
  const mine = await makeJob(database, { userId: 'user-2' })
  for (const userId of ['user-2', 'USER-1', '']) {
    await expect(getVisionJob(database, { jobId, userId })).rejects.toMatchObject({ code: 'job.not_found' })
    await expect(getVisionJobAttempts(database, { jobId, userId })).rejects.toMatchObject({ code: 'job.not_found' })
    expect((await getVisionJobs(database, userId, [jobId, mine])).map(({ id }) => id)).toEqual(
      userId === 'user-2' ? [mine] : [],
    )
    expect((await getUserVisionJobs(database, { userId, limit: 10 })).jobs.map(({ id }) => id)).not.toContain(jobId)
  }
})

test('several jobs come in the order asked for, without those that are gone', async () => {
  const [first = 0, second = 0, third = 0] = await makeJobs(database, 3)
  const found = await getVisionJobs(database, 'user-1', [third, 999_999, first, second])
  expect(found.map(({ id }) => id)).toEqual([third, first, second])
  expect(await getVisionJobs(database, 'user-1', [])).toEqual([])
})

test('a history is read page by page, newest first, and each job is on one page', async () => {
  const ids = await makeJobs(database, 25)
  const pages: number[][] = []
  for (let before: number | undefined; ; before = pages.at(-1)?.at(-1)) {
    const { jobs: page } = await getUserVisionJobs(database, { userId: 'user-1', limit: 10, before })
    if (page.length === 0) break
    pages.push(page.map(({ id }) => id))
    // One that comes meanwhile is on no later page.
    await makeJob(database)
  }
  expect(pages.map((page) => page.length)).toEqual([10, 10, 5])
  expect(pages.flat()).toEqual(ids.reverse())
})

test('a history shows only the statuses and formats that are asked for', async () => {
  const summary = await makeJob(database, { outputFormat: 'summary' })
  const [cancelled = 0, other = 0] = await makeJobs(database, 2)
  await cancelVisionJob(database, { jobId: cancelled, userId: 'user-1' })
  const asked = async (filter: object) =>
    (await getUserVisionJobs(database, { userId: 'user-1', limit: 10, ...filter })).jobs.map(({ id }) => id)
  expect(await asked({})).toEqual([other, cancelled, summary])
  expect(await asked({ statuses: ['cancelled'] })).toEqual([cancelled])
  expect(await asked({ statuses: ['cancelled', 'pending'], outputFormats: ['summary'] })).toEqual([summary])
  expect(await asked({ statuses: ['completed'] })).toEqual([])
})

test('the runs of a job come oldest first, with what each took and why it ended', async () => {
  const jobId = await makeJob(database)
  const run = await claimOne(database)
  const analysis = spending({ inputTokens: 258, outputTokens: 90, milliseconds: 1_400 })
  await saveAnalysis(database, run, analysisOutput, { analysis })
  await retryVisionJob(
    database,
    run,
    badAnswer,
    { analysis, possiblyBilled: { content: 1 } },
    { delayMs: 0, costsRetry: true },
  )
  await database.sql("UPDATE vision_jobs SET status = 'pending' WHERE id = ?", [jobId])
  await claimOne(database, { lane: 'content', workerId: 'worker-2' })
  expect(await getVisionJobAttempts(database, { jobId, userId: 'user-1' })).toMatchObject([
    {
      attempt: 1,
      workerId: 'worker-1',
      outcome: 'retried',
      step: 'content',
      errorCode: badAnswer.code,
      errorMessage: badAnswer.message,
      errorDetail: badAnswer.detail,
      possiblyBilled: 'content',
      analysisInputTokens: 258,
      analysisOutputTokens: 90,
      analysisMs: 1_400,
      contentInputTokens: null,
      endedAt: expect.any(Date),
    },
    { attempt: 2, workerId: 'worker-2', outcome: 'running', step: 'content', errorCode: null, endedAt: null },
  ])
})

test('a job is shown with no output that is newer than the row that was read', async () => {
  const { jobId } = await jobIn(database, 'completed')
  const { job, outputs } = await getVisionJob(database, { jobId, userId: 'user-1' })
  expect(outputs.map(({ kind, version }) => [kind, version])).toEqual([
    ['analysis', job.version - 2],
    ['content', job.version - 1],
  ])
  await database.sql('UPDATE vision_jobs SET version = version - 2 WHERE id = ?', [jobId])
  const earlier = await getVisionJob(database, { jobId, userId: 'user-1' })
  expect(earlier.outputs.map(({ kind }) => kind)).toEqual(['analysis'])
  expect(earlier.texts).toMatchObject([{ status: 'waiting', revision: 0 }])
  expect(await getVisionJobOutput(database, jobId, 'content')).toEqual({ title: 'A poster' })
})
