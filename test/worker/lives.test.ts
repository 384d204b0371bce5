import { describe, expect } from 'vitest'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { backoff } from '../../core/queue/claim/backoff.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import {
  completeVisionJob,
  failVisionJob,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import { pollQueue } from '../../core/worker/poll.ts'
import {
  analysisOutput,
  attemptRows,
  badAnswer,
  claim,
  claimOne,
  contentOutput,
  emptyQueue,
  hour,
  jobIn,
  jobRow,
  makeJob,
  makeJobs,
  noBackoff,
  noCap,
  nothingSpent,
  outcomesOf,
  outputRows,
  owned,
  passed,
  statusOf,
} from '../support/database/jobs.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const claimAll = (limit = 10) =>
  claimPendingVisionJobs(database, { limit, lane: 'analysis', workerId: 'worker-1', leaseMs: 60_000 })

/** Milliseconds from a job's last change to a moment in it, by the database. */
async function wait(jobId: number, column: 'available_at' | 'expires_at'): Promise<number> {
  const [row] = await database.sql(
    `SELECT TIMESTAMPDIFF(MICROSECOND, updated_at, ${column}) / 1000 AS ms FROM vision_jobs WHERE id = ?`,
    [jobId],
  )
  return Number(row?.ms)
}

describe('retries', () => {
  test.each([
    [0, 1],
    [3, 4],
  ])('with %i of them a job fails at its failed run number %i, and not before', async (maxRetries, runs) => {
    const jobId = await makeJob(database, { maxRetries })
    for (let failed = 1; failed <= runs; failed++) {
      const run = await claimOne(database)
      expect(run).toMatchObject({ attempt: failed, failures: failed - 1, maxRetries })
      if (run.failures < run.maxRetries) {
        await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
        expect(await promoteDueVisionJobs(database, noCap)).toBe(1)
      } else {
        await failVisionJob(database, run, badAnswer, nothingSpent)
      }
    }
    expect(await jobRow(database, jobId)).toMatchObject({
      status: 'failed',
      failures: runs,
      attempt: runs,
      error_code: 'analysis.invalid_answer',
    })
    expect(await outcomesOf(database, jobId)).toEqual([...Array(runs - 1).fill('retried'), 'failed'])
  })

  test('that are not the fault of the job are never counted, however many there are', async () => {
    const jobId = await makeJob(database)
    for (let time = 0; time < 6; time++) {
      const run = await claimOne(database)
      await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: false })
      await promoteDueVisionJobs(database, noCap)
    }
    expect(await jobRow(database, jobId)).toMatchObject({ status: 'pending', failures: 0, attempt: 6 })
    expect(await outcomesOf(database, jobId)).toEqual(Array(6).fill('released'))
  })

  test('wait as long as they are told, by the clock of the database, and are not promoted before', async () => {
    const jobId = await makeJob(database)
    await retryVisionJob(database, await claimOne(database), badAnswer, nothingSpent, {
      delayMs: 1_234,
      costsRetry: true,
    })
    expect(await wait(jobId, 'available_at')).toBe(1_234)
    expect(await promoteDueVisionJobs(database, noCap)).toBe(0)
    expect(await pollQueue(database)).toMatchObject({ due: false })
    await passed(database, 'available_at', jobId)
    expect(await pollQueue(database)).toMatchObject({ due: true, lanes: [] })
    expect(await promoteDueVisionJobs(database, noCap)).toBe(1)
    expect(await pollQueue(database)).toMatchObject({ due: false, lanes: ['analysis'] })
  })

  test('keep the reason, and a reason that is too long is cut rather than the run left unsettled', async () => {
    const reason = { code: badAnswer.code, message: '🖼'.repeat(400), detail: 'ü'.repeat(5_000) }
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await retryVisionJob(database, run, reason, nothingSpent, { delayMs: 0, costsRetry: true })
    const message = '🖼'.repeat(250)
    expect(await jobRow(database, jobId)).toMatchObject({ status: 'scheduled', error_message: message })
    expect(await attemptRows(database, jobId)).toMatchObject([
      { error_code: reason.code, error_message: message, error_detail: 'ü'.repeat(2_000) },
    ])
  })

  test('begin at the step that was saved, and complete with its result', async () => {
    const jobId = await makeJob(database)
    const first = await claimOne(database)
    await saveAnalysis(database, first, analysisOutput, nothingSpent)
    await retryVisionJob(database, first, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
    await promoteDueVisionJobs(database, noCap)
    expect(await claim(database, { lane: 'analysis' })).toEqual([])
    const second = await claimOne(database, { lane: 'content' })
    expect(second).toMatchObject({ step: 'content', attempt: 2 })
    await completeVisionJob(database, second, contentOutput, nothingSpent)
    expect(await outputRows(database, jobId)).toMatchObject([
      { kind: 'analysis', attempt: 1, version: 3 },
      { kind: 'content', attempt: 2, version: 7 },
    ])
    expect(await jobRow(database, jobId)).toMatchObject({ error_code: null, error_message: null, failures: 1 })
  })
})

describe('backoff', () => {
  const options = (random: number) => ({ baseMs: 1_000, capMs: 60_000, random: () => random })

  test('doubles its ceiling with each failure, up to the cap', () => {
    expect([1, 2, 3, 6, 7, 8, 5_000].map((failures) => backoff(failures, options(1)))).toEqual([
      1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000,
    ])
  })

  test('takes anything from nothing to the ceiling: full jitter', () => {
    expect([0, 0.5, 1].map((random) => backoff(3, options(random)))).toEqual([0, 2_000, 4_000])
    expect(backoff(1, { baseMs: 333, capMs: 1_000, random: () => 0.5 })).toBe(167)
  })
})

describe('a job whose workers die', () => {
  /** The worker of the job's next run dies. */
  async function crash(jobId: number): Promise<void> {
    expect((await claimOne(database)).jobId).toBe(jobId)
    await passed(database, 'lease_expires_at', jobId)
    expect(await pollQueue(database)).toMatchObject({ lost: true })
    expect(await reclaimVisionJobs(database, noBackoff)).toBe(1)
    await promoteDueVisionJobs(database, noCap)
  }

  test('counts crashes and no failures, and fails at the sixth', async () => {
    const jobId = await makeJob(database)
    for (let crashes = 1; crashes <= 5; crashes++) {
      await crash(jobId)
      expect(await jobRow(database, jobId)).toMatchObject({ status: 'pending', crashes, failures: 0 })
    }
    await crash(jobId)
    expect(await jobRow(database, jobId)).toMatchObject({
      status: 'failed',
      crashes: 6,
      failures: 0,
      attempt: 6,
      error_code: 'worker.lost',
      available_at: null,
      finished_at: expect.any(String),
    })
    expect(await attemptRows(database, jobId)).toMatchObject(
      Array(6).fill({ outcome: 'lost', error_code: 'worker.lost', possibly_billed: null }),
    )
  })

  test('counts as possibly billed from the moment on when a call can have gone out: when its image is there', async () => {
    const jobId = await makeJob(database)
    await crash(jobId)
    await database.sql('UPDATE vision_jobs SET image_id = 1 WHERE id = ?', [jobId])
    await crash(jobId)
    await saveAnalysis(database, await claimOne(database), analysisOutput, nothingSpent)
    await passed(database, 'lease_expires_at', jobId)
    await reclaimVisionJobs(database, noBackoff)
    expect((await attemptRows(database, jobId)).map((row) => row.possibly_billed)).toEqual([
      null,
      'analysis',
      'content',
    ])
  })

  test('has its crashes forgotten when it makes progress', async () => {
    const jobId = await makeJob(database)
    await crash(jobId)
    await crash(jobId)
    await saveAnalysis(database, await claimOne(database), analysisOutput, nothingSpent)
    expect(await jobRow(database, jobId)).toMatchObject({ crashes: 0 })
  })

  test('is taken back with as many statements among a hundred as alone, and so are those that expire', async () => {
    const proxied = await openProxied(database.url, { sessionIdleSeconds: 3_600 })
    const { proxy } = proxied
    const statementsOf = async (work: () => Promise<number>, jobs: number) => {
      proxy.statements.length = 0
      expect(await work()).toBe(jobs)
      return proxy.statements.length
    }
    /** Of twenty users, where there are that many. */
    const spread = async (count: number) => {
      const users = Math.min(count, 20)
      for (let user = 0; user < users; user++) await makeJobs(database, count / users, { userId: `user-${user}` })
    }
    const reclaiming = async (count: number, crashes: number) => {
      await emptyQueue(database)
      await spread(count)
      const runs = await claim(database, { limit: count })
      await passed(database, 'lease_expires_at', ...runs.map((run) => run.jobId))
      await database.sql('UPDATE vision_jobs SET crashes = ? WHERE id % 2 = 0', [crashes])
      return statementsOf(() => reclaimVisionJobs(proxied, noBackoff), count)
    }
    const expiring = async (count: number) => {
      await emptyQueue(database)
      await spread(count)
      await database.sql('UPDATE vision_jobs SET expires_at = created_at')
      return statementsOf(() => expireVisionJobs(proxied), count)
    }
    await expiring(1)
    expect(await expiring(100)).toBe(await expiring(1))
    // One of them asks who is to be told by a webhook.
    expect(await expiring(100)).toBeLessThanOrEqual(12)
    expect(await reclaiming(100, 0)).toBe(await reclaiming(1, 0))
    expect(await reclaiming(100, 5)).toBeLessThanOrEqual(14)
    await proxied.close()
  })

  test('keeps what is known of its earlier runs', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
    await promoteDueVisionJobs(database, noCap)
    await crash(jobId)
    expect(await attemptRows(database, jobId)).toMatchObject([
      { outcome: 'retried', error_code: badAnswer.code, possibly_billed: null },
      { outcome: 'lost', error_code: 'worker.lost' },
    ])
    expect(await jobRow(database, jobId)).toMatchObject({ failures: 1, crashes: 1 })
  })

  test('is waited for between crashes, longer each time', async () => {
    const jobId = await makeJob(database)
    const waits: number[] = []
    for (let crashes = 1; crashes <= 3; crashes++) {
      await claimOne(database)
      await passed(database, 'lease_expires_at', jobId)
      await reclaimVisionJobs(database, { baseMs: 1_000, capMs: 3_000, random: () => 1 })
      waits.push(await wait(jobId, 'available_at'))
      await passed(database, 'available_at', jobId)
      await promoteDueVisionJobs(database, noCap)
    }
    expect(waits).toEqual([1_000, 2_000, 3_000])
  })

  test('runs alone from the second crash on: a claim ends at it, and goes on behind it next time', async () => {
    const [first, poison, second, third] = (await makeJobs(database, 4)) as [number, number, number, number]
    await database.sql('UPDATE vision_jobs SET crashes = 1 WHERE id = ?', [first])
    await database.sql('UPDATE vision_jobs SET crashes = 2 WHERE id IN (?)', [[poison, third]])
    const ids = async () => (await claimAll()).runs.map((run) => run.jobId)
    expect(await ids()).toEqual([first, poison])
    expect(await ids()).toEqual([second, third])
    expect(await ids()).toEqual([])
  })

  test('gets both counts zeroed by a redrive, and keeps its attempts and its saved step', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await saveAnalysis(database, run, analysisOutput, nothingSpent)
    await failVisionJob(database, run, badAnswer, nothingSpent)
    await database.sql('UPDATE vision_jobs SET crashes = 5, failures = 4 WHERE id = ?', [jobId])
    await redriveVisionJob(database, owned(jobId), { lifeMs: 2 * hour })
    expect(await jobRow(database, jobId)).toMatchObject({
      status: 'scheduled',
      crashes: 0,
      failures: 0,
      attempt: 1,
      next_step: 'content',
      error_code: null,
      finished_at: null,
    })
    expect(await promoteDueVisionJobs(database, noCap), 'due at once').toBe(1)
    expect(await claimOne(database, { lane: 'content' })).toMatchObject({ jobId, attempt: 2, failures: 0, crashes: 0 })
    expect(await outputRows(database, jobId)).toHaveLength(1)
  })
})

describe('expiry', () => {
  const expired = { status: 'failed', error_code: 'job.expired', attempt: 0, finished_at: expect.any(String) }

  test('a job expires a fixed time after its creation', async () => {
    expect(await wait(await makeJob(database, { lifeMs: 90 * 60_000 }), 'expires_at')).toBe(90 * 60_000)
  })

  test('is found at the claim, which gives out the others', async () => {
    const [old, young] = (await makeJobs(database, 2)) as [number, number]
    await passed(database, 'expires_at', old)
    const { runs, expired: found } = await claimAll()
    expect(runs.map((run) => run.jobId)).toEqual([young])
    expect(found).toBe(1)
    expect(await jobRow(database, old)).toMatchObject(expired)
    expect(await attemptRows(database, old)).toEqual([])
  })

  test('is found at the claim also behind a job that must run alone', async () => {
    const [alone, old] = (await makeJobs(database, 2)) as [number, number]
    await database.sql('UPDATE vision_jobs SET crashes = 2 WHERE id = ?', [alone])
    await passed(database, 'expires_at', old)
    expect(await claimAll()).toMatchObject({ runs: [{ jobId: alone }], expired: 1 })
    expect(await statusOf(database, old)).toBe('failed')
  })

  test('is found at the promotion', async () => {
    const { jobId } = await jobIn(database, 'scheduled')
    await passed(database, 'available_at', jobId)
    await passed(database, 'expires_at', jobId)
    expect(await promoteDueVisionJobs(database, noCap)).toBe(0)
    expect(await jobRow(database, jobId)).toMatchObject({ ...expired, attempt: 1, available_at: null })
  })

  test('is found by the sweep, 200 of each status at a time, and a running job is left to finish', async () => {
    const ids = await makeJobs(database, 250)
    const run = await claimOne(database)
    const { jobId: waiting } = await jobIn(database, 'pending')
    await database.sql(
      "UPDATE vision_jobs SET status = 'scheduled', available_at = UTC_TIMESTAMP(3) + INTERVAL 1 DAY WHERE id IN (?)",
      [ids.slice(245)],
    )
    expect(await pollQueue(database)).toMatchObject({ expired: false })
    await passed(database, 'expires_at', ...ids)
    expect(await pollQueue(database)).toMatchObject({ expired: true })
    expect(await expireVisionJobs(database)).toBe(205)
    expect(await expireVisionJobs(database)).toBe(44)
    expect(await expireVisionJobs(database)).toBe(0)
    expect(await pollQueue(database)).toMatchObject({ expired: false })
    expect(await statusOf(database, waiting)).toBe('pending')
    expect(await statusOf(database, run.jobId)).toBe('processing')
    await completeVisionJob(database, run, contentOutput, nothingSpent)
    expect(await statusOf(database, run.jobId)).toBe('completed')
  })

  test('a running job that is given back after its time fails at the next claim', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await passed(database, 'expires_at', jobId)
    await releaseVisionJob(database, run, 'analysis', nothingSpent)
    expect(await claimAll()).toEqual({ runs: [], expired: 1 })
    expect(await jobRow(database, jobId)).toMatchObject({ ...expired, attempt: 1 })
    expect(await outcomesOf(database, jobId)).toEqual(['released'])
  })

  test('is undone by a redrive, which gives a new life', async () => {
    const jobId = await makeJob(database)
    await passed(database, 'expires_at', jobId)
    await expireVisionJobs(database)
    await redriveVisionJob(database, owned(jobId), { lifeMs: 3 * hour })
    expect(await wait(jobId, 'expires_at')).toBe(3 * hour)
    await promoteDueVisionJobs(database, noCap)
    expect((await claimAll()).runs).toMatchObject([{ jobId }])
  })
})
