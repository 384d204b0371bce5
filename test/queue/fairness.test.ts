import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { failVisionJob, releaseVisionJob, retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  badAnswer,
  claim,
  emptyQueue,
  hour,
  makeJob,
  makeJobs,
  noCap,
  nothingSpent,
  statusOf,
} from '../support/database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
beforeAll(async () => {
  // Its own: tables are filled by the thousand.
  database = await createTestDatabase({ connections: 4 })
})
afterAll(() => database.drop())

/** How many jobs are claimed until a job of this user's is, itself included. */
async function placeOf(userId: string, limit = 10): Promise<number> {
  for (let before = 0; ; ) {
    const runs = await claim(database, { limit })
    const place = runs.findIndex((run) => run.userId === userId)
    if (place >= 0) return before + place + 1
    before += runs.length
    if (runs.length === 0) throw new Error(`${userId} has nothing to claim`)
  }
}

/** Jobs of one user, with the start tags that the queue would give them, in one statement for speed. */
async function backlog(userId: string, count: number, status = 'pending'): Promise<void> {
  if (status === 'pending') await makeJob(database, { userId })
  const digits =
    '(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)'
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, start_tag, version, max_retries, image_url, analysis_purpose, output_format,
       language, created_at, updated_at, expires_at)
     SELECT user_id, status, IF(status = 'pending', start_tag + n, 0), version, max_retries, image_url, analysis_purpose, output_format, language,
       created_at, updated_at, expires_at
     FROM (SELECT * FROM vision_jobs WHERE user_id = ? AND status = ? LIMIT 1) one, (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n
       FROM ${digits} a, ${digits} b, ${digits} c, ${digits} e) numbers
     WHERE n < ? ORDER BY n`,
    [userId, status, count],
  )
  if (status !== 'pending') return
  await database.sql(
    `UPDATE vision_users SET analysis_tag = (SELECT MAX(start_tag) FROM vision_jobs WHERE user_id = ?) WHERE user_id = ?`,
    [userId, userId],
  )
}

// Made once: each test leaves thousands of them, and a newcomer of its own.
describe('with 10,000 jobs of one user waiting', () => {
  let newcomer: string
  let newcomers = 0
  beforeAll(async () => {
    await emptyQueue(database)
    await backlog('big', 10_000)
  })
  beforeEach(async () => {
    newcomer = `newcomer-${++newcomers}`
    await database.sql("DELETE FROM vision_jobs WHERE user_id <> 'big' OR status <> 'pending'")
  })

  const served = (count: number): Promise<readonly Run[]> => claim(database, { limit: count })
  const soon = 10

  test('the single job of a newcomer is claimed within one batch', async () => {
    await makeJob(database, { userId: newcomer })
    expect(await placeOf(newcomer)).toBeLessThanOrEqual(soon)
  })

  test('so is one that comes when a thousand have been served', async () => {
    await served(1_000)
    await makeJob(database, { userId: newcomer })
    expect(await placeOf(newcomer)).toBeLessThanOrEqual(soon)
  })

  test("the user's retries wait behind the newcomer", async () => {
    for (const run of await served(50)) {
      await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
    }
    await makeJob(database, { userId: newcomer })
    expect(await promoteDueVisionJobs(database, noCap)).toBe(50)
    expect(await placeOf(newcomer)).toBeLessThanOrEqual(soon)
  })

  test("the user's redriven jobs wait behind the newcomer", async () => {
    for (const run of await served(50)) {
      await failVisionJob(database, run, badAnswer, nothingSpent)
      await redriveVisionJob(database, run, { lifeMs: hour })
    }
    expect(await promoteDueVisionJobs(database, noCap)).toBe(50)
    await makeJob(database, { userId: newcomer })
    expect(await placeOf(newcomer)).toBeLessThanOrEqual(soon)
  })

  test('cancelling jobs, waiting ones and running ones, changes nothing for others', async () => {
    for (const run of await served(20)) await cancelVisionJob(database, run)
    const waiting = await database.sql(
      "SELECT id FROM vision_jobs WHERE status = 'pending' ORDER BY start_tag LIMIT 100",
    )
    for (const { id } of waiting) await cancelVisionJob(database, { jobId: Number(id), userId: 'big' })
    await makeJob(database, { userId: newcomer })
    expect(await placeOf(newcomer)).toBeLessThanOrEqual(soon)
  })

  test('a few jobs given back go before all others of their owner, and alternate with the newcomer', async () => {
    const back = await served(5)
    for (const run of back) await releaseVisionJob(database, run, 'analysis', nothingSpent)
    await makeJob(database, { userId: newcomer })
    const runs = await claim(database, { limit: soon })
    const ofBig = runs.filter(({ userId }) => userId === 'big').map(({ jobId }) => jobId)
    expect(ofBig.slice(0, 5)).toEqual(back.map(({ jobId }) => jobId))
    expect(runs.findIndex(({ userId }) => userId === newcomer)).toBeLessThanOrEqual(1)
  })

  test('jobs that are released again and again delay no other user', async () => {
    await makeJob(database, { userId: newcomer })
    for (let round = 0; round < 5; round++) {
      for (const run of await claim(database, { limit: 3 })) {
        if (run.userId === newcomer) return
        await releaseVisionJob(database, run, 'analysis', nothingSpent)
      }
      await served(1)
    }
    expect(await placeOf(newcomer)).toBeLessThanOrEqual(soon)
  })
})

describe('with the cap on jobs in flight', () => {
  const cap = 10
  const settle = async (runs: readonly Run[]) => {
    for (const run of runs) {
      await failVisionJob(database, run, badAnswer, nothingSpent)
      await admitVisionJobs(database, run.userId, cap)
    }
  }
  // 10,000 jobs of one user, ten of which are pending. Made once: each test leaves thousands of them.
  beforeAll(async () => {
    await emptyQueue(database)
    await makeJobs(database, cap + 1, { userId: 'big', inFlightPerUser: cap })
    await backlog('big', 10_000 - cap, 'blocked')
  })
  beforeEach(async () => {
    await database.sql("DELETE FROM vision_jobs WHERE user_id <> 'big' OR status NOT IN ('pending', 'blocked')")
    await admitVisionJobs(database, 'big', cap)
  })
  const countOf = async (status: string) =>
    Number((await database.sql('SELECT COUNT(*) AS n FROM vision_jobs WHERE status = ?', [status]))[0]?.n)

  test('ten of 10,000 jobs of one user are pending, and a newcomer gets in at once and is claimed with them', async () => {
    expect([await countOf('pending'), await countOf('blocked')]).toEqual([10, 9_990])
    const newcomer = await makeJob(database, { userId: 'newcomer', inFlightPerUser: cap })
    expect(await statusOf(database, newcomer)).toBe('pending')
    expect(await placeOf('newcomer')).toBeLessThanOrEqual(2)
  })

  test('workers without end are shared by users with much to do, ten jobs each at a time', async () => {
    for (const userId of ['a', 'b']) await makeJobs(database, 100, { userId, inFlightPerUser: cap })
    const claimed: Record<string, number> = {}
    for (let round = 0; round < 5; round++) {
      const runs = await claim(database, { limit: 1_000 })
      for (const { userId } of runs) claimed[userId] = (claimed[userId] ?? 0) + 1
      await settle(runs)
    }
    expect(claimed).toEqual({ big: 50, a: 50, b: 50 })
  })

  test('few workers serve all alike, and the jobs of each in the order in which they came', async () => {
    const ids = await makeJobs(database, 40, { userId: 'few', inFlightPerUser: cap })
    const claimed: Run[] = []
    for (let round = 0; round < 20; round++) {
      const runs = await claim(database, { limit: 3 })
      claimed.push(...runs)
      await settle(runs)
    }
    const few = claimed.filter((run) => run.userId === 'few').map((run) => run.jobId)
    expect(few).toEqual(ids.slice(0, few.length))
    expect(few.length).toBeGreaterThanOrEqual(28)
    expect(few.length).toBeLessThanOrEqual(32)
  })
})

describe('any mix of users', () => {
  beforeEach(() => emptyQueue(database))

  test('users with backlogs of different length get equal shares', async () => {
    const lengths = { a: 300, b: 100, c: 1_000, d: 60 }
    for (const [userId, count] of Object.entries(lengths)) await makeJobs(database, count, { userId })
    const runs = await claim(database, { limit: 200 })
    for (const userId of Object.keys(lengths)) {
      expect(
        runs.filter((run) => run.userId === userId),
        userId,
      ).toHaveLength(50)
    }
  })

  test('a user who returns after a pause is neither ahead for the pause nor behind for what was served before', async () => {
    await makeJobs(database, 50, { userId: 'returning' })
    await claim(database, { limit: 50 })
    await makeJobs(database, 100, { userId: 'other' })
    await claim(database, { limit: 30 })
    await makeJobs(database, 20, { userId: 'returning' })
    const runs = await claim(database, { limit: 20 })
    expect(runs.filter((run) => run.userId === 'returning')).toHaveLength(10)
  })

  test('jobs of one user are claimed in the order in which they came', async () => {
    const ids = [...(await makeJobs(database, 10)), ...(await makeJobs(database, 10)), await makeJob(database)]
    expect((await claim(database, { limit: 30 })).map((run) => run.jobId)).toEqual(ids)
  })

  test('the second step has a virtual time of its own, and a start tag of the first is none of it', async () => {
    const big = await makeJobs(database, 40, { userId: 'big' })
    for (const run of await claim(database, { limit: 40 })) {
      await saveAnalysis(database, run, analysisOutput, nothingSpent)
      await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: false })
    }
    expect(await promoteDueVisionJobs(database, noCap)).toBe(big.length)
    await makeJob(database, { userId: 'newcomer' })
    const [run] = await claim(database, { limit: 1 })
    if (run === undefined) throw new Error('nothing to claim')
    await saveAnalysis(database, run, analysisOutput, nothingSpent)
    await releaseVisionJob(database, run, 'content', nothingSpent)
    const content = await claim(database, { lane: 'content', limit: 10 })
    expect(content.map(({ userId }) => userId)).toContain('newcomer')
    expect(content.every(({ step }) => step === 'content')).toBe(true)
  })

  test('whatever happens, virtual time goes on: every job that waits is claimed in the end', async () => {
    await makeJobs(database, 30, { userId: 'a' })
    await makeJobs(database, 30, { userId: 'b' })
    const claimed = new Set<number>()
    for (let round = 0; round < 60; round++) {
      const runs = await claim(database, { limit: 7 })
      for (const [index, run] of runs.entries()) {
        claimed.add(run.jobId)
        if (index === 0) await releaseVisionJob(database, run, 'analysis', nothingSpent)
        if (index === 1) await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: false })
      }
      await promoteDueVisionJobs(database, noCap)
      await makeJob(database, { userId: `new-${round}` })
      const old = await database.sql("SELECT id FROM vision_jobs WHERE user_id IN ('a', 'b')")
      if (old.every(({ id }) => claimed.has(Number(id)))) return
    }
    throw new Error('a job waited for 60 rounds')
  })
})
