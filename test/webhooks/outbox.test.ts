import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { batchOfItsOwn } from '../../core/batches/batches.ts'
import { cancelBatch, deleteBatch, retryBatch } from '../../core/batches/change.ts'
import { LeaseLost } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { regenerateText } from '../../core/queue/change/change-texts.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { crashesUntilFailed, reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { endJobs } from '../../core/queue/rows/end-jobs.ts'
import { saveText } from '../../core/queue/settle/save-text.ts'
import { completeVisionJob, failVisionJob, retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { deleteEndpoint, updateEndpoint } from '../../core/webhooks/endpoints.ts'
import {
  analysisOutput,
  badAnswer,
  claim,
  claimOne,
  contentOutput,
  emptyQueue,
  hour,
  jobIn,
  makeJob,
  makeJobs,
  noBackoff,
  noCap,
  nothingSpent,
  passed,
  statusOf,
} from '../support/database/jobs.ts'
import { type CommitFault, type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { emptyWebhooks, makeEndpoint, outboxOf } from '../support/database/webhooks.ts'

let db: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
beforeAll(async () => {
  // Its own: a table is renamed.
  db = await createTestDatabase()
  proxied = await openProxied(db.url, { connections: 4 })
  proxy = proxied.proxy
  await proxied.run(async () => undefined)
})
beforeEach(async () => {
  await emptyQueue(db)
  await emptyWebhooks(db)
  await db.sql('DELETE FROM vision_batches')
  await db.sql('DELETE FROM vision_batch_counts')
})
afterAll(async () => {
  await proxied.close()
  await db.drop()
})

const always = () => true
const userId = 'user-1'
const ofItsOwn = () => batchOfItsOwn(userId)

/** Jobs in a batch that takes no others, and its id. */
async function batchOf(count: number) {
  const jobIds = await makeJobs(db, count, { batch: ofItsOwn() })
  const [row] = await db.sql('SELECT batch_id FROM vision_jobs WHERE id = ?', [jobIds[0]])
  return { jobIds, batchId: Number(row?.batch_id) }
}

const ofBatches = async () => (await outboxOf(db)).filter((one) => one.startsWith('batch.completed'))

describe('what is told', () => {
  test('each text and the end of a job, at the version that each came with', async () => {
    await makeEndpoint(db)
    const jobId = await makeJob(db, { outputs: [{ outputFormat: 'summary', variants: 2 }] })
    const run = await claimOne(db)
    await saveAnalysis(db, run, analysisOutput, nothingSpent)
    await saveText(db, run, contentOutput, nothingSpent, { text: 2, revision: 1 })
    await completeVisionJob(db, run, contentOutput, nothingSpent, { text: 1, revision: 1 })
    expect(await outboxOf(db)).toEqual([
      `text.completed of job ${jobId} at 4`,
      `text.completed of job ${jobId} at 5`,
      `job.completed of job ${jobId} at 6`,
    ])
    const rows = await db.sql(
      'SELECT data, status, attempts, due_at <= UTC_TIMESTAMP(3) AS due FROM vision_webhook_deliveries ORDER BY id',
    )
    expect(rows.map(({ data }) => JSON.parse(String(data)))).toEqual([
      { jobId, batchId: null, version: 4, text: 2, revision: 1 },
      { jobId, batchId: null, version: 5, text: 1, revision: 1 },
      { jobId, batchId: null, version: 6, status: 'completed', error: null },
    ])
    expect(rows.every(({ status, attempts, due }) => status === 'pending' && attempts === 0 && Number(due) === 1)).toBe(
      true,
    )
  })

  test('a failure with its code and message, and again after a new life', async () => {
    await makeEndpoint(db)
    const { jobId } = await jobIn(db, 'failed')
    await redriveVisionJob(db, { jobId, userId }, { lifeMs: hour })
    await promoteDueVisionJobs(db, noCap)
    await failVisionJob(db, await claimOne(db), badAnswer, nothingSpent)
    const [first, second, ...more] = await db.sql(
      'SELECT type, version, data FROM vision_webhook_deliveries ORDER BY id',
    )
    expect([first?.type, second?.type, more]).toEqual(['job.failed', 'job.failed', []])
    expect(Number(second?.version)).toBeGreaterThan(Number(first?.version))
    expect(JSON.parse(String(first?.data)).error).toEqual({ code: badAnswer.code, message: badAnswer.message })
  })

  test('a cancellation, by itself, with others of its batch, and of a job that runs', async () => {
    await makeEndpoint(db)
    const { jobId } = await jobIn(db, 'cancelled')
    const pending = await makeJob(db)
    await cancelVisionJob(db, { jobId: pending, userId })
    // Twice is once.
    await cancelVisionJob(db, { jobId: pending, userId })
    const { jobIds, batchId } = await batchOf(3)
    await cancelBatch(db, { userId, batchId }, always)
    const told = await outboxOf(db)
    expect(told.slice(0, 2)).toEqual([`job.cancelled of job ${jobId} at 3`, `job.cancelled of job ${pending} at 2`])
    expect(told.slice(2).toSorted()).toEqual(
      [...jobIds.map((id) => `job.cancelled of job ${id} at 2`), `batch.completed of batch ${batchId} at 1`].toSorted(),
    )
  })

  test('a job that expired, wherever that is found, and one that its workers died of', async () => {
    await makeEndpoint(db)
    const [waiting = 0, scheduled = 0, claimed = 0] = await makeJobs(db, 3)
    await passed(db, 'expires_at', waiting)
    await expireVisionJobs(db)
    await passed(db, 'expires_at', claimed)
    await db.sql(
      "UPDATE vision_jobs SET status = 'scheduled', available_at = UTC_TIMESTAMP(3), expires_at = UTC_TIMESTAMP(3) WHERE id = ?",
      [scheduled],
    )
    await claim(db)
    await promoteDueVisionJobs(db, noCap)
    const lost = await makeJob(db)
    await claim(db)
    await passed(db, 'lease_expires_at', lost)
    await db.sql('UPDATE vision_jobs SET crashes = ? WHERE id = ?', [crashesUntilFailed - 2, lost])
    await reclaimVisionJobs(db, noBackoff)
    // That time it was scheduled again.
    expect(await outboxOf(db)).toHaveLength(3)
    await promoteDueVisionJobs(db, noCap)
    await claim(db)
    await passed(db, 'lease_expires_at', lost)
    await reclaimVisionJobs(db, noBackoff)
    expect(await outboxOf(db)).toEqual(
      [`${waiting} at 2`, `${claimed} at 2`, `${scheduled} at 2`, `${lost} at 6`].map(
        (one) => `job.failed of job ${one}`,
      ),
    )
    const rows = await db.sql('SELECT data FROM vision_webhook_deliveries ORDER BY id')
    expect(rows.map(({ data }) => JSON.parse(String(data)).error.code)).toEqual([
      ...['job.expired', 'job.expired', 'job.expired'],
      'worker.lost',
    ])
  })

  test('a text that is made anew, and that its job has ended again', async () => {
    await makeEndpoint(db)
    const { jobId } = await jobIn(db, 'completed')
    await regenerateText(db, { jobId, userId, text: 1 }, 'Shorter', { lifeMs: hour })
    await promoteDueVisionJobs(db, noCap)
    const run = await claimOne(db, { lane: 'content' })
    await completeVisionJob(db, run, contentOutput, nothingSpent, { text: 1, revision: 2 })
    const rows = await db.sql('SELECT type, data FROM vision_webhook_deliveries ORDER BY id')
    expect(rows.map(({ type, data }) => [type, JSON.parse(String(data)).revision])).toEqual([
      ['text.completed', 1],
      ['job.completed', undefined],
      ['text.completed', 2],
      ['job.completed', undefined],
    ])
  })

  test('no retry that the worker makes by itself, and nothing that a user deletes', async () => {
    await makeEndpoint(db)
    await makeJob(db)
    await retryVisionJob(db, await claimOne(db), badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
    const { jobId } = await jobIn(db, 'processing')
    await deleteVisionJob(db, { jobId, userId })
    expect(await outboxOf(db)).toEqual([])
  })

  test('nothing for a batch that its user deletes; what happened before is still delivered', async () => {
    await makeEndpoint(db)
    const { jobIds, batchId } = await batchOf(3)
    await cancelVisionJob(db, { jobId: jobIds[0] ?? 0, userId })
    const before = await outboxOf(db)
    expect(before).toEqual([`job.cancelled of job ${jobIds[0]} at 2`])
    await deleteBatch(db, { userId, batchId }, always)
    expect(await db.sql('SELECT 1 FROM vision_jobs')).toEqual([])
    expect(await outboxOf(db)).toEqual(before)
    expect(await db.sql("SELECT 1 FROM vision_webhook_deliveries WHERE status = 'pending'")).toHaveLength(1)
  })
})

describe('the recipients', () => {
  test('are all enabled endpoints that subscribe to the event, and no others', async () => {
    const all = await makeEndpoint(db)
    const some = await makeEndpoint(db, { events: ['job.failed', 'job.completed'] })
    const disabled = await makeEndpoint(db)
    await updateEndpoint(db, disabled, { enabled: false })
    const deleted = await makeEndpoint(db)
    await deleteEndpoint(db, deleted)
    const others = await makeEndpoint(db, { userId: 'user-2' })
    await jobIn(db, 'completed')
    await jobIn(db, 'cancelled')
    const typesOf = async ({ endpointId }: { endpointId: number }) =>
      (await outboxOf(db, endpointId)).map((one) => one.split(' ')[0])
    expect(await typesOf(all)).toEqual(['text.completed', 'job.completed', 'job.cancelled'])
    expect(await typesOf(some)).toEqual(['job.completed'])
    for (const one of [disabled, deleted, others]) expect(await typesOf(one)).toEqual([])
  })

  test('a change that is taken back tells nothing', async () => {
    await makeEndpoint(db)
    const { jobId, run } = await jobIn(db, 'processing')
    if (run === undefined) throw new Error('no run')
    await saveAnalysis(db, run, analysisOutput, nothingSpent)
    // The ledger is written after the outbox, in the same transaction.
    await db.sql('ALTER TABLE vision_usage RENAME TO vision_usage_away')
    await expect(completeVisionJob(db, run, contentOutput, nothingSpent)).rejects.toThrow()
    await expect(cancelVisionJob(db, { jobId, userId })).rejects.toThrow()
    await db.sql('ALTER TABLE vision_usage_away RENAME TO vision_usage')
    expect(await outboxOf(db)).toEqual([])
    await cancelVisionJob(db, { jobId, userId })
    await expect(completeVisionJob(db, run, contentOutput, nothingSpent)).rejects.toThrow(LeaseLost)
    expect(await outboxOf(db)).toEqual([`job.cancelled of job ${jobId} at 4`])
  })

  test.each<CommitFault>(['lost', 'answer lost', 'late'])(
    'what a COMMIT that is %s did is told once',
    async (fault) => {
      await makeEndpoint(db)
      const { jobIds, batchId } = await batchOf(1)
      const run = await claimOne(db)
      await saveAnalysis(db, run, analysisOutput, nothingSpent)
      proxy.failNextCommit(fault)
      await completeVisionJob(proxied, run, contentOutput, nothingSpent)
      expect(await statusOf(db, jobIds[0] ?? 0)).toBe('completed')
      expect(await outboxOf(db)).toEqual([
        `text.completed of job ${jobIds[0]} at 4`,
        `job.completed of job ${jobIds[0]} at 5`,
        `batch.completed of batch ${batchId} at 1`,
      ])
    },
  )
})

describe('the end of a batch', () => {
  test('is told once, with what has become of its jobs, however many end at the same moment', async () => {
    await makeEndpoint(db, { events: ['batch.completed'] })
    const batches = []
    for (let made = 0; made < 8; made++) batches.push(await batchOf(8))
    const runs = await claim(db, { limit: 64 })
    const settling = runs.map((run, index) => {
      if (index % 3 === 0) return cancelVisionJob(db, run)
      // Each of them a worker of its own, whose changes are grouped with nobody else's.
      return failVisionJob({ ...db }, run, badAnswer, nothingSpent)
    })
    await Promise.all(settling)
    expect((await ofBatches()).toSorted()).toEqual(
      batches.map(({ batchId }) => `batch.completed of batch ${batchId} at 1`).toSorted(),
    )
    const [row] = await db.sql('SELECT data FROM vision_webhook_deliveries LIMIT 1')
    const { jobs } = JSON.parse(String(row?.data))
    expect(jobs.completed).toBe(0)
    expect(jobs.failed + jobs.cancelled).toBe(8)
  })

  test('is seen by the second of two transactions that end its last two jobs', async () => {
    await makeEndpoint(db, { events: ['batch.completed'] })
    const { jobIds, batchId } = await batchOf(2)
    const [first = 0, second = 0] = jobIds
    const [told, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const failing = db.transact(async (tx) => {
      await tx.execute(sql`UPDATE vision_jobs SET status = 'failed' WHERE id = ${first}`)
      await endJobs(tx, { jobs: [{ jobId: first, userId, batchId, status: 'failed', code: 'job.expired' }] })
      told.resolve()
      await done.promise
    })
    await told.promise
    const cancelling = cancelVisionJob(db, { jobId: second, userId })
    // Time for it to come to the batch, which it finds locked.
    await Promise.race([cancelling, new Promise((resolve) => setTimeout(resolve, 300))])
    done.resolve()
    await Promise.all([failing, cancelling])
    expect(await ofBatches()).toEqual([`batch.completed of batch ${batchId} at 1`])
  })

  test('is told again when it ends again, and not when one of its ended jobs is deleted', async () => {
    await makeEndpoint(db, { events: ['batch.completed'] })
    const { jobIds, batchId } = await batchOf(3)
    for (const run of await claim(db)) await failVisionJob(db, run, badAnswer, nothingSpent)
    expect(await ofBatches()).toEqual([`batch.completed of batch ${batchId} at 1`])
    await deleteVisionJob(db, { jobId: jobIds[0] ?? 0, userId })
    const allow = async () => (jobs: number) => jobs
    await retryBatch(db, { userId, batchId }, undefined, { lifeMs: hour, allow, hasTime: always })
    await promoteDueVisionJobs(db, noCap)
    const [one, other] = await claim(db)
    if (one === undefined || other === undefined) throw new Error('not claimed')
    await failVisionJob(db, one, badAnswer, nothingSpent)
    expect(await ofBatches()).toHaveLength(1)
    await failVisionJob(db, other, badAnswer, nothingSpent)
    expect(await ofBatches()).toEqual([1, 2].map((ends) => `batch.completed of batch ${batchId} at ${ends}`))
  })

  test('comes with the deletion of its last job that had not ended, and not with its own', async () => {
    await makeEndpoint(db, { events: ['batch.completed'] })
    const { jobIds, batchId } = await batchOf(2)
    await cancelVisionJob(db, { jobId: jobIds[0] ?? 0, userId })
    await deleteVisionJob(db, { jobId: jobIds[1] ?? 0, userId })
    expect(await ofBatches()).toEqual([`batch.completed of batch ${batchId} at 1`])
    const whole = await batchOf(2)
    await cancelVisionJob(db, { jobId: whole.jobIds[0] ?? 0, userId })
    await deleteBatch(db, { userId, batchId: whole.batchId }, always)
    const alone = await batchOf(1)
    await deleteVisionJob(db, { jobId: alone.jobIds[0] ?? 0, userId })
    expect(await ofBatches()).toHaveLength(1)
  })

  test('is written by sweeps as well, which skip a locked batch', async () => {
    await makeEndpoint(db, { events: ['batch.completed'] })
    const [held, free] = [await batchOf(1), await batchOf(1)]
    await passed(db, 'expires_at', ...held.jobIds, ...free.jobIds)
    await db.sql('BEGIN')
    await db.sql('SELECT id FROM vision_batches WHERE id = ? FOR UPDATE', [held.batchId])
    expect(await expireVisionJobs(db)).toBe(1)
    await db.sql('ROLLBACK')
    expect(await ofBatches()).toEqual([`batch.completed of batch ${free.batchId} at 1`])
    expect(await expireVisionJobs(db)).toBe(1)
    expect(await ofBatches()).toHaveLength(2)
  })
})

/** What went through the proxy, the statements that set sessions up aside. */
async function statementsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  proxy.statements.length = 0
  await work()
  return proxy.statements.filter((one) => !/^SET |^SELECT (VERSION|@@|CONNECTION_ID)/i.test(one))
}

test('a group of a hundred changes costs one more statement without endpoints, and three where all have one', async () => {
  const settleAll = async () => {
    const users = Array.from({ length: 100 }, (_, index) => `user-${index}`)
    for (const one of users) await makeJob(db, { userId: one })
    const runs = await claim(db, { limit: 100 })
    await Promise.all(runs.map((run) => saveAnalysis(db, run, analysisOutput, nothingSpent)))
    return statementsOf(() =>
      Promise.all(runs.map((run) => completeVisionJob(proxied, run, contentOutput, nothingSpent))),
    )
  }
  const told = (statements: readonly string[]) => statements.filter((one) => one.includes('webhook')).length
  const without = await settleAll()
  expect(told(without)).toBe(1)
  for (let index = 0; index < 100; index++) await makeEndpoint(db, { userId: `user-${index}` })
  const having = await settleAll()
  expect(told(having)).toBe(2)
  expect(having.length).toBe(without.length + 2)
  expect(await outboxOf(db)).toHaveLength(200)
})
