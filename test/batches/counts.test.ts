import { describe, expect } from 'vitest'
import {
  batchOfItsOwn,
  closeBatch,
  createBatch,
  getBatch,
  joining,
  maxJobs,
  maxOpen,
  sweepBatches,
} from '../../core/batches/batches.ts'
import { cancelBatch, deleteBatch, retryBatch } from '../../core/batches/change.ts'
import { getBatchStates } from '../../core/batches/state.ts'
import type { Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import type { ReadRoom } from '../../core/queue/change/change-jobs.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { redriveVisionJob, redriveVisionJobs } from '../../core/queue/change/redrive.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { crashesUntilFailed, reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { pruneVisionJobs } from '../../core/queue/prune/prune.ts'
import {
  completeVisionJob,
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import { type Status, statuses } from '../../drizzle/schema.ts'
import {
  analysisOutput,
  badAnswer,
  claim,
  contentOutput,
  hour,
  makeJobs,
  noBackoff,
  nothingSpent,
  passed,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

const owner = 'user-1'
const someBatch = { name: 'Spring', defaults: {}, onInvalid: 'refuse' } as const
const always = () => true
const allow: ReadRoom = async () => (jobs) => jobs

async function stateOf(db: TestDatabase, batchId: number) {
  const state = (await getBatchStates(db, [batchId])).get(batchId)
  if (state === undefined) throw new Error('no state')
  return state
}

/** What a count of the rows themselves says. */
async function recount(db: TestDatabase, batchId: number) {
  const rows = await db.sql('SELECT status, error_code AS code FROM vision_jobs WHERE batch_id = ?', [batchId])
  const count = (which: (row: Record<string, unknown>) => boolean) => rows.filter(which).length
  const codes = [...new Set(rows.flatMap(({ status, code }) => (status === 'failed' ? String(code) : [])))].sort()
  return {
    jobs: rows.length,
    byStatus: Object.fromEntries(statuses.map((status) => [status, count((row) => row.status === status)])),
    byCode: Object.fromEntries(
      codes.map((code) => [code, count((row) => row.status === 'failed' && row.code === code)]),
    ),
  }
}

async function expectExact(db: TestDatabase, batchId: number, when: string): Promise<void> {
  const { jobs, byStatus, byCode } = await stateOf(db, batchId)
  const sorted = Object.fromEntries(Object.entries(byCode).sort(([a], [b]) => (a < b ? -1 : 1)))
  expect({ jobs, byStatus, byCode: sorted }, when).toEqual(await recount(db, batchId))
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const call = { model: 'm', inputTokens: 10, cachedTokens: 0, outputTokens: 5, thinkingTokens: 0, milliseconds: 40 }
const spent = (cost: number | null) => ({ analysis: { ...call, cost } })

describe('the counts of a batch', () => {
  test('are what a recount says after everything that can happen to jobs', async ({ db }) => {
    const random = seeded(7)
    const { batchId } = await createBatch(db, owner, someBatch)
    const other = await createBatch(db, owner, someBatch)
    const wanted = { userId: owner, inFlightPerUser: 6 }
    await makeJobs(db, 24, { ...wanted, batch: joining({ userId: owner, batchId }) })
    await makeJobs(db, 4, { ...wanted, batch: joining({ userId: owner, batchId: other.batchId }) })
    await makeJobs(db, 3, wanted)
    const held = new Map<number, Run>()
    const anyOf = async (condition: string) => {
      const rows = await db.sql(`SELECT id FROM vision_jobs WHERE ${condition} ORDER BY id`)
      return Number(rows[Math.floor(random() * rows.length)]?.id ?? 0)
    }
    const settle = (how: (run: Run) => Promise<unknown>) => async () => {
      const [run] = [...held.values()].slice(-1)
      if (run === undefined) return
      held.delete(run.jobId)
      await how(run)
    }
    const owned = (jobId: number) => ({ jobId, userId: owner })
    const actions: Record<string, () => Promise<unknown>> = {
      claim: async () => {
        for (const lane of ['content', 'analysis'] as const) {
          for (const run of await claim(db, { limit: 2, lane })) held.set(run.jobId, run)
        }
      },
      complete: settle(async (run) => {
        if (run.step === 'analysis') await saveAnalysis(db, run, analysisOutput, spent(1000))
        await completeVisionJob(db, run, contentOutput, spent(1000))
      }),
      save: settle(async (run) => {
        if (run.step === 'analysis') await saveAnalysis(db, run, analysisOutput, spent(500))
        await releaseVisionJob(db, run, 'content', spent(500))
      }),
      fail: settle((run) => failVisionJob(db, run, random() < 0.5 ? badAnswer : lost, spent(null))),
      retry: settle((run) => retryVisionJob(db, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })),
      late: settle(async (run) => {
        await cancelVisionJob(db, owned(run.jobId))
        await recordSpending(db, run, spent(700))
      }),
      lateDeleted: settle(async (run) => {
        await deleteVisionJob(db, owned(run.jobId))
        await recordSpending(db, run, spent(300))
      }),
      reclaim: async () => {
        const id = await anyOf("status = 'processing'")
        await db.sql('UPDATE vision_jobs SET crashes = ? WHERE id = ?', [
          random() < 0.5 ? crashesUntilFailed - 1 : 0,
          id,
        ])
        await passed(db, 'lease_expires_at', id)
        held.delete(id)
        await reclaimVisionJobs(db, noBackoff)
      },
      expire: async () => {
        await passed(db, 'expires_at', await anyOf("status IN ('blocked', 'scheduled', 'pending')"))
        await expireVisionJobs(db)
      },
      expireAtClaim: async () => {
        await passed(db, 'expires_at', await anyOf("status = 'pending'"))
        await actions.claim?.()
      },
      promote: () => promoteDueVisionJobs(db, 6),
      cancel: async () => {
        const id = await anyOf("status IN ('blocked', 'scheduled', 'pending', 'processing')")
        held.delete(id)
        if (id > 0) await cancelVisionJob(db, owned(id))
      },
      redrive: async () => {
        const id = await anyOf("status = 'failed'")
        if (id > 0) await redriveVisionJob(db, owned(id), { lifeMs: hour })
      },
      redriveAll: () => redriveVisionJobs(db, {}, { limit: 2, dryRun: false, lifeMs: hour }),
      retryBatch: () => retryBatch(db, { userId: owner, batchId }, 'job.', { lifeMs: hour, allow, hasTime: always }),
      delete: async () => {
        const id = await anyOf('id > 0')
        held.delete(id)
        if (id > 0) await deleteVisionJob(db, owned(id))
      },
      prune: async () => {
        const id = await anyOf("status IN ('completed', 'failed', 'cancelled')")
        await db.sql('UPDATE vision_jobs SET finished_at = finished_at - INTERVAL 9 DAY WHERE id = ?', [id])
        await pruneVisionJobs(db, { olderThanDays: 8 })
      },
      add: () => makeJobs(db, 2, { ...wanted, batch: joining({ userId: owner, batchId }) }),
    }
    const names = Object.keys(actions)
    const done = new Set<string>()
    for (let step = 0; step < 160; step++) {
      const name = step % 3 === 0 ? 'claim' : (names[Math.floor(random() * names.length)] ?? 'claim')
      await actions[name]?.()
      done.add(name)
      if (step % 8 === 0) await expectExact(db, batchId, `after ${name}`)
    }
    expect([...done].sort()).toEqual(names.toSorted())
    await expectExact(db, batchId, 'in the end')
    await expectExact(db, other.batchId, 'the other batch')
    await cancelBatch(db, { userId: owner, batchId }, always)
    await expectExact(db, batchId, 'cancelled')
    const { ended, byStatus } = await stateOf(db, batchId)
    expect({ ended, blocked: byStatus.blocked }).toEqual({ ended: true, blocked: 0 })
    // Money as the ledger has it: all that belongs to no batch was spent by none.
    const [ledger] = await db.sql('SELECT SUM(cost) AS cost, SUM(calls) AS calls FROM vision_usage')
    const [batches] = await db.sql('SELECT SUM(cost) AS cost, SUM(calls) AS calls FROM vision_batch_counts')
    const alone = await db.sql(
      `SELECT COALESCE(SUM(a.analysis_cost), 0) AS cost, COALESCE(SUM(a.analysis_model IS NOT NULL), 0) AS calls
        FROM vision_job_attempts a JOIN vision_jobs j ON j.id = a.job_id WHERE j.batch_id IS NULL AND a.outcome <> 'running'`,
    )
    expect(Number(batches?.calls)).toBeGreaterThan(0)
    expect(Number(batches?.calls)).toBeLessThanOrEqual(Number(ledger?.calls) - Number(alone[0]?.calls))
    expect(Number(batches?.cost)).toBeLessThanOrEqual(Number(ledger?.cost) - Number(alone[0]?.cost))
  })

  test('have what every run took, also what was told after its job was cancelled or deleted', async ({ db }) => {
    const { batchId } = await createBatch(db, owner, someBatch)
    await makeJobs(db, 4, { userId: owner, batch: joining({ userId: owner, batchId }) })
    const [one, two, three, four] = (await claim(db)) as [Run, Run, Run, Run]
    await saveAnalysis(db, one, analysisOutput, spent(100))
    await completeVisionJob(db, one, contentOutput, { ...spent(100), content: { ...call, cost: 11 } })
    await failVisionJob(db, two, badAnswer, spent(null))
    await cancelVisionJob(db, { jobId: three.jobId, userId: owner })
    expect(await stateOf(db, batchId)).toMatchObject({ possiblyBilled: 1 })
    await recordSpending(db, three, spent(20))
    await deleteVisionJob(db, { jobId: four.jobId, userId: owner })
    await recordSpending(db, four, spent(3))
    expect(await stateOf(db, batchId)).toMatchObject({
      jobs: 3,
      calls: 5,
      cost: 134,
      unpricedCalls: 1,
      possiblyBilled: 0,
      byStatus: { completed: 1, failed: 1, cancelled: 1 },
      byCode: { [badAnswer.code]: 1 },
      ended: true,
    })
    const [left] = await db.sql("SELECT SUM(cost) AS cost FROM vision_usage WHERE user_id = 'user-1'")
    expect(Number(left?.cost)).toBe(134)
  })

  test('say when the rest will be done, at the pace so far and as many at once as now', async ({ db }) => {
    const { batchId } = await createBatch(db, owner, someBatch)
    await makeJobs(db, 9, { userId: owner, inFlightPerUser: 3, batch: joining({ userId: owner, batchId }) })
    const [run] = (await claim(db, { limit: 3 })) as [Run]
    expect((await stateOf(db, batchId)).remainingMs).toBeUndefined()
    await saveAnalysis(db, run, analysisOutput, { imageMs: 10, ...spent(1) })
    await completeVisionJob(db, run, contentOutput, { imageMs: 10, ...spent(1), content: { ...call, cost: 1 } })
    // 90 ms a job, 8 jobs, two at once.
    expect((await stateOf(db, batchId)).remainingMs).toBe(360)
  })
})

describe('a batch', () => {
  test('takes jobs for a week, 10,000 in its life, and none once it is cancelled', async ({ db }) => {
    const { batchId } = await createBatch(db, owner, someBatch)
    const add = (jobs: number, userId = owner) =>
      makeJobs(db, jobs, { userId, batch: joining({ userId, batchId }) }).then(
        (ids) => ids.length,
        ({ code }) => code,
      )
    expect(await add(1, 'user-2')).toBe('batch.not_found')
    expect(await add(2)).toBe(2)
    await db.sql("UPDATE vision_batch_counts SET jobs = ? WHERE status = 'created'", [maxJobs - 1])
    expect([await add(2), await add(1), await add(1)]).toEqual(['batch.full', 1, 'batch.full'])
    await db.sql("UPDATE vision_batch_counts SET jobs = 3 WHERE status = 'created'")
    await db.sql('UPDATE vision_batches SET closes_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND')
    expect(await add(1)).toBe('batch.closed')
    await db.sql('UPDATE vision_batches SET closes_at = UTC_TIMESTAMP(3) + INTERVAL 1 DAY')
    await cancelBatch(db, { userId: owner, batchId }, always)
    expect(await add(1)).toBe('batch.closed')
    expect(await db.sql('SELECT id FROM vision_jobs')).toHaveLength(3)
  })

  test('is one of 1,000 at most that take jobs; those that take none do not count', async ({ db }) => {
    const make = () => createBatch(db, owner, someBatch).then(({ batchId }) => batchId)
    const first = await make()
    await db.sql(
      `INSERT INTO vision_batches (user_id, defaults, created_at, closes_at) VALUES ${Array.from(
        { length: maxOpen - 1 },
        () => "('user-1', '{}', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY)",
      ).join()}`,
    )
    await expect(make()).rejects.toMatchObject({ code: 'batch.too_many' })
    await makeJobs(db, 1, { userId: owner, batch: batchOfItsOwn(owner) })
    await closeBatch(db, { userId: owner, batchId: first }, { cancelled: false })
    expect(await make()).toBeGreaterThan(first)
  })

  test('is the same when it is asked for again by its key, and another request with the key is refused', async ({
    db,
  }) => {
    const keyed = (requestHash: string) => ({ ...someBatch, idempotency: { key: 'k', requestHash } })
    const first = await createBatch(db, owner, keyed('a'))
    expect(await createBatch(db, owner, keyed('a'))).toEqual({ batchId: first.batchId, replayed: true })
    await expect(createBatch(db, owner, keyed('b'))).rejects.toMatchObject({ code: 'idempotency.mismatch' })
    expect((await createBatch(db, 'user-2', keyed('b'))).replayed).toBe(false)
  })

  test('is deleted with its jobs, 200 at a time, and goes on where it was when there was no time', async ({ db }) => {
    const { batchId } = await createBatch(db, owner, someBatch)
    await makeJobs(db, 250, { userId: owner, batch: joining({ userId: owner, batchId }) })
    const [alone] = await makeJobs(db, 1, { userId: owner })
    const run = (await claim(db, { limit: 1 }))[0] as Run
    let looks = 0
    expect(await deleteBatch(db, { userId: owner, batchId }, () => looks++ < 1)).toEqual({ jobs: 200, more: true })
    expect(await getBatch(db, { userId: owner, batchId })).toMatchObject({ id: batchId })
    expect(await deleteBatch(db, { userId: owner, batchId }, always)).toEqual({ jobs: 50, more: false })
    await expect(getBatch(db, { userId: owner, batchId })).rejects.toMatchObject({ code: 'batch.not_found' })
    // What its worker tells later belongs to no batch any more.
    await recordSpending(db, run, spent(5))
    expect(await db.sql('SELECT * FROM vision_batch_counts')).toEqual([])
    expect(await db.sql('SELECT id FROM vision_jobs')).toEqual([{ id: alone }])
    expect(await db.sql('SELECT id FROM vision_job_attempts')).toEqual([])
  })

  test('is swept once it is old and its jobs are gone, and not before', async ({ db }) => {
    const { batchId } = await createBatch(db, owner, someBatch)
    const [jobId] = await makeJobs(db, 1, { userId: owner, batch: joining({ userId: owner, batchId }) })
    expect(await sweepBatches(db, 30)).toBe(0)
    await db.sql('UPDATE vision_batches SET closes_at = closes_at - INTERVAL 38 DAY')
    expect(await sweepBatches(db, 30)).toBe(0)
    await deleteVisionJob(db, { jobId: jobId ?? 0, userId: owner })
    expect(await sweepBatches(db, 30)).toBe(1)
    expect(await db.sql('SELECT batch_id FROM vision_batch_counts')).toEqual([])
  })

  test('retries those that failed by a code or a family of codes, as far as its owner may', async ({ db }) => {
    const { batchId } = await createBatch(db, owner, someBatch)
    await makeJobs(db, 4, { userId: owner, batch: joining({ userId: owner, batchId }) })
    const runs = await claim(db)
    const reasons = [badAnswer, lost, lost, { ...lost, code: 'content.cut_off' as const }]
    for (const [index, run] of runs.entries()) await failVisionJob(db, run, reasons[index] ?? lost, nothingSpent)
    const retry = (code: string | undefined, may = allow) =>
      retryBatch(db, { userId: owner, batchId }, code, { lifeMs: hour, allow: may, hasTime: always })
    expect(await retry('worker.los_')).toEqual({ jobs: 0, more: false })
    expect(await retry('worker.lost')).toEqual({ jobs: 2, more: false })
    await expect(retry(undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    const byStatus = async (): Promise<Partial<Record<Status, number>>> => (await stateOf(db, batchId)).byStatus
    expect(await byStatus()).toMatchObject({ failed: 2, scheduled: 2 })
    expect(await retry('content.')).toMatchObject({ jobs: badAnswer.code.startsWith('content.') ? 2 : 1 })
    expect(await retry(undefined)).toMatchObject({ more: false })
    expect(await byStatus()).toMatchObject({ failed: 0, scheduled: 4 })
  })
})

const lost = { code: 'worker.lost', message: 'The worker died.' } as const
