import { describe, expect } from 'vitest'
import type { Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { addTexts, regenerateText } from '../../core/queue/change/change-texts.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import type { NewJob } from '../../core/queue/create/new-job.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { releaseVisionJob } from '../../core/queue/settle/settle.ts'
import { claim, hour, jobRow, makeJob, makeJobs, nothingSpent } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

// A job takes as many turns as it has texts to be made. As in the tests of shares, what lies between claims is plain SQL.

const cap = 10
let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const texts = (variants: number): Pick<NewJob, 'outputs'> => ({ outputs: [{ outputFormat: 'summary', variants }] })
const send = (userId: string, variants: number) =>
  makeJob(database, { userId, inFlightPerUser: cap, outputFormat: undefined, language: undefined, ...texts(variants) })
const end = (runs: readonly Run[]) =>
  database.sql('DELETE FROM vision_jobs WHERE id IN (?)', [runs.map(({ jobId }) => jobId)])
const tagOf = async (jobId: number) => Number((await jobRow(database, jobId)).start_tag)

/** Claims one by one until so many texts are, and how many of them each user had. */
async function serve(
  total: number,
  weightOf: (run: Run) => number | Promise<number>,
  next: (run: Run) => Promise<unknown>,
): Promise<Readonly<Record<string, number>>> {
  const served: Record<string, number> = {}
  for (let sum = 0; sum < total; ) {
    const [run] = await claim(database, { limit: 1 })
    if (run === undefined) throw new Error('nothing to claim')
    const weight = await weightOf(run)
    served[run.userId] = (served[run.userId] ?? 0) + weight
    sum += weight
    await next(run)
  }
  return served
}

/** Of each run's job, as its row says. */
const asWanted = async (run: Run) => Number((await jobRow(database, run.jobId)).texts)

function expectEqualTexts(served: Readonly<Record<string, number>>): void {
  const share = Object.values(served).reduce((sum, one) => sum + one, 0) / Object.keys(served).length
  for (const [userId, count] of Object.entries(served)) {
    expect(count, `${userId} of ${JSON.stringify(served)}`).toBeGreaterThanOrEqual(share * 0.8)
    expect(count, `${userId} of ${JSON.stringify(served)}`).toBeLessThanOrEqual(share * 1.2)
  }
}

describe('users who always have jobs waiting get as many texts as each other', () => {
  const weights: Readonly<Record<string, number>> = { all: 24, half: 12, one: 1, other: 1 }
  const weightOf = (run: Run) => weights[run.userId] ?? 1
  const users = Object.entries(weights)

  test('jobs of 24, of 12 and of one, several of each', async () => {
    for (const [userId, weight] of users) for (let job = 0; job < 3; job++) await send(userId, weight)
    const served = await serve(240, weightOf, async (run) => {
      await end([run])
      await send(run.userId, weightOf(run))
    })
    expectEqualTexts(served)
  })

  test('one job at a time, which is sent when the one before it has ended', async () => {
    for (const [userId, weight] of users) await send(userId, weight)
    const served = await serve(240, weightOf, async (run) => {
      await end([run])
      await send(run.userId, weightOf(run))
    })
    expectEqualTexts(served)
  })

  test('also beside one whose jobs are of 24 and of one by turns, so that none waits while the other is sent', async () => {
    for (const userId of ['one', 'other']) await send(userId, 1)
    await send('mixed', 24)
    let jobs = 0
    const served = await serve(192, asWanted, async (run) => {
      await end([run])
      await send(run.userId, run.userId === 'mixed' && jobs++ % 2 === 1 ? 24 : 1)
    })
    expectEqualTexts(served)
  })

  test('also of jobs that were blocked, and of those that are given back once each', async () => {
    await makeJobs(database, 15, { userId: 'all', inFlightPerUser: 2, ...texts(24) })
    for (const userId of ['one', 'other']) await send(userId, 1)
    const back = new Set<number>()
    let paid = 0
    const served = await serve(288, weightOf, async (run) => {
      if (run.userId === 'all' && !back.has(run.jobId)) {
        back.add(run.jobId)
        paid += 24
        return releaseVisionJob(database, run, 'analysis', nothingSpent)
      }
      await end([run])
      if (run.userId === 'all') return admitVisionJobs(database, 'all', 2)
      return send(run.userId, 1)
    })
    expect(paid).toBeGreaterThanOrEqual(48)
    expectEqualTexts(served)
  })
})

test('a user who has cancelled heavy jobs is not behind for them', async () => {
  for (let job = 0; job < cap; job++) await send('regrets', 24)
  const rows = await database.sql('SELECT id FROM vision_jobs')
  for (const { id } of rows) await cancelVisionJob(database, { jobId: Number(id), userId: 'regrets' })
  // As far as the widest of them at most, which might have been claimed.
  expect(await tagOf(await send('regrets', 1))).toBeLessThanOrEqual(24)
})

test('a job is counted in the turns of its owner by what of it is still to be made', async () => {
  const next = async () => tagOf(await send('ann', 1))
  const jobId = await send('ann', 10)
  expect(await next()).toBe(11)
  await database.sql(
    "UPDATE vision_jobs SET status = 'completed', next_step = 'content', texts_completed = 10 WHERE id = ?",
    [jobId],
  )
  await database.sql("UPDATE vision_job_texts SET status = 'completed', revision = 1 WHERE job_id = ?", [jobId])
  const lastTurn = async () =>
    Number((await database.sql("SELECT content_tag FROM vision_users WHERE user_id = 'ann'"))[0]?.content_tag)
  const owned = { jobId, userId: 'ann' }
  await regenerateText(database, { ...owned, text: 3 }, undefined, { lifeMs: hour })
  await promoteDueVisionJobs(database, cap)
  expect(await lastTurn()).toBe(1)
  await database.sql("UPDATE vision_jobs SET status = 'completed', texts_completed = 10 WHERE id = ?", [jobId])
  await addTexts(database, owned, [{ outputFormat: 'alt_text', language: 'de', variants: 7 }], { lifeMs: hour })
  await promoteDueVisionJobs(database, cap)
  expect(await lastTurn()).toBe(1 + 7)
})

test('a job that is given back moves its owner’s younger ones by as many turns as it takes again', async () => {
  const heavy = await send('ann', 5)
  const younger = [await send('ann', 2), await send('ann', 1)]
  const [run] = await claim(database, { limit: 1 })
  expect(run?.jobId).toBe(heavy)
  await releaseVisionJob(database, run as Run, 'analysis', nothingSpent)
  expect(await Promise.all([heavy, ...younger].map(tagOf))).toEqual([6, 11, 13])
  expect(await tagOf(await send('ann', 1))).toBe(14)
})
