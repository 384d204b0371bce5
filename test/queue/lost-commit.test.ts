import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import type { Run } from '../../core/domain/run.ts'
import { cancelling, cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { changeJob, type JobChange } from '../../core/queue/change/change-jobs.ts'
import { changeOwnJobs } from '../../core/queue/change/change-own.ts'
import { deleteVisionJob, deleting } from '../../core/queue/change/delete.ts'
import { redriveVisionJob, redriving } from '../../core/queue/change/redrive.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { failText, saveText } from '../../core/queue/settle/save-text.ts'
import {
  completeVisionJob,
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  attemptRows,
  badAnswer,
  claim,
  claimOne,
  contentOutput,
  hour,
  jobIn,
  jobRow,
  makeJob,
  makeJobs,
  noBackoff,
  nothingSpent,
  outcomesOf,
  outputRows,
  owned,
  passed,
  spending,
  statusOf,
} from '../support/database/jobs.ts'
import { expectLedgerOfRuns, ledgerOf } from '../support/database/ledger.ts'
import { type CommitFault, type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  direct = workerDatabase
  proxied = await openProxied(direct.url, { connections: 2 })
  proxy = proxied.proxy
})
afterAll(() => proxied.close())

async function withFault<T>(fault: CommitFault, work: () => Promise<T>): Promise<T> {
  const before = proxy.faults
  proxy.failNextCommit(fault)
  const result = await work()
  expect(proxy.faults, 'the fault was met').toBe(before + 1)
  return result
}

const faults: readonly CommitFault[] = ['lost', 'answer lost', 'late']
const retry = { delayMs: hour, costsRetry: true }

describe.each(faults)('with a COMMIT that is %s', (fault) => {
  test('a step is saved once', async () => {
    const { jobId, run } = await processing()
    await withFault(fault, () => saveAnalysis(proxied, run, analysisOutput, nothingSpent))
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'processing', next_step: 'content', version: 3 })
    expect(await outputRows(direct, jobId)).toHaveLength(1)
  })

  test('a job completes once', async () => {
    const { jobId, run } = await processing()
    await withFault(fault, () => completeVisionJob(proxied, run, contentOutput, nothingSpent))
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'completed', version: 4, texts_completed: 1 })
    expect(await outputRows(direct, jobId)).toHaveLength(1)
    expect(await outcomesOf(direct, jobId)).toEqual(['completed'])
  })

  test('a text among several is saved once, and the job goes on', async () => {
    const jobId = await makeJob(direct, { outputs: [{ outputFormat: 'summary', variants: 3 }] })
    const run = await claimOne(direct)
    await saveAnalysis(direct, run, analysisOutput, nothingSpent)
    const text = { text: 2, revision: 1 }
    await withFault(fault, () => saveText(proxied, run, contentOutput, nothingSpent, text))
    await saveText(proxied, run, contentOutput, nothingSpent, text)
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'processing', version: 4, texts_completed: 1 })
    expect(await outputRows(direct, jobId)).toMatchObject([{ kind: 'analysis' }, { kind: 'content', text: 2 }])
  })

  test('a text among several fails once', async () => {
    const jobId = await makeJob(direct, { outputs: [{ outputFormat: 'summary', variants: 3 }] })
    const run = await claimOne(direct)
    await withFault(fault, () => failText(proxied, run, 2, badAnswer, nothingSpent))
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'processing', version: 3 })
    const texts = await direct.sql('SELECT status FROM vision_job_texts WHERE job_id = ? ORDER BY text', [jobId])
    expect(texts.map(({ status }) => status)).toEqual(['waiting', 'failed', 'waiting'])
  })

  test('a retry counts one failure', async () => {
    const { jobId, run } = await processing()
    await withFault(fault, () => retryVisionJob(proxied, run, badAnswer, nothingSpent, retry))
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'scheduled', failures: 1, version: 3 })
    expect(await outcomesOf(direct, jobId)).toEqual(['retried'])
  })

  test('a job fails once', async () => {
    const { jobId, run } = await processing()
    await withFault(fault, () => failVisionJob(proxied, run, badAnswer, nothingSpent))
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'failed', failures: 1, version: 3 })
  })

  test('a job is given back once', async () => {
    const { jobId, run } = await processing()
    await withFault(fault, () => releaseVisionJob(proxied, run, 'analysis', nothingSpent))
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'pending', failures: 0, version: 3 })
  })

  test('a claim tells exactly the runs that it holds', async () => {
    const ids = await makeJobs(direct, 5)
    const runs = await withFault(fault, () => claim(proxied, { limit: 3 }))
    expect(runs.map(({ jobId, attempt }) => ({ jobId, attempt }))).toEqual(
      ids.slice(0, 3).map((jobId) => ({ jobId, attempt: 1 })),
    )
    const held = await direct.sql("SELECT id FROM vision_jobs WHERE status = 'processing' ORDER BY id")
    expect(held.map((row) => row.id)).toEqual(ids.slice(0, 3))
    expect(await direct.sql('SELECT id FROM vision_job_attempts')).toHaveLength(3)
  })

  test('a claim that found nothing but expired jobs fails them, and the others are claimed once each', async () => {
    const [expired = 0, ...rest] = await makeJobs(direct, 3)
    await passed(direct, 'expires_at', expired)
    const runs = [...(await withFault(fault, () => claim(proxied, { limit: 1 })))]
    // While the broken session still holds the expired job, a claim passes it over.
    const claimUntilExpired = async () => {
      runs.push(...(await claim(direct)))
      return statusOf(direct, expired)
    }
    await expect.poll(claimUntilExpired).toBe('failed')
    expect(runs.map((run) => run.jobId)).toEqual(rest)
  })

  test('a cancel is acknowledged once it is true', async () => {
    const { jobId } = await jobIn(direct, 'processing')
    await withFault(fault, () => cancelVisionJob(proxied, { jobId, userId: 'user-1' }))
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'cancelled', version: 3 })
    expect(await outcomesOf(direct, jobId)).toEqual(['cancelled'])
  })

  test.each([
    ['cancelled', cancelling, 'pending', 'cancelled'],
    ['retried', redriving(hour), 'failed', 'scheduled'],
    ['deleted', deleting, 'completed', 'deleted'],
  ] as const)('jobs that are %s by a filter are counted once, and done', async (_, change, from, to) => {
    const { jobId } = await jobIn(direct, from)
    const all = { dryRun: false, limit: 500, hasTime: () => true }
    const changed = await withFault(fault, () => changeOwnJobs(proxied, { userId: 'user-1' }, change, all))
    expect(changed).toMatchObject({ jobs: 1, unchanged: 0, next: undefined })
    expect(await statusOf(direct, jobId)).toBe(to)
  })

  test('a deleted job is not said to have been missing', async () => {
    const { jobId } = await jobIn(direct, 'completed')
    await withFault(fault, () => deleteVisionJob(proxied, { jobId, userId: 'user-1' }))
    expect(await statusOf(direct, jobId)).toBe('deleted')
    expect(await outputRows(direct, jobId)).toEqual([])
    expect(await attemptRows(direct, jobId)).toEqual([])
  })

  test('a new job is refused as unknown, and sent again with its key it is there once', async () => {
    const idempotency = { key: 'k', requestHash: 'a'.repeat(64) }
    const before = proxy.faults
    proxy.failNextCommit(fault)
    await expect(makeJob(proxied, { idempotency })).rejects.toMatchObject({ code: 'database.unavailable' })
    expect(proxy.faults).toBe(before + 1)
    const jobId = await makeJob(proxied, { idempotency })
    expect(await direct.sql('SELECT id FROM vision_jobs')).toEqual([{ id: jobId }])
  })

  test('a redriven job is not said to be no longer redrivable', async () => {
    const { jobId } = await jobIn(direct, 'failed')
    await withFault(fault, () => redriveVisionJob(proxied, { jobId, userId: 'user-1' }, { lifeMs: hour }))
    expect(await statusOf(direct, jobId)).toBe('scheduled')
  })
})

test('a cancel that was lost is refused where the job has ended before it is sent again', async () => {
  const { jobId } = await jobIn(direct, 'pending')
  let ending: Promise<unknown> = Promise.resolve()
  const slow: JobChange = {
    ...cancelling,
    apply: async (tx, jobs) => {
      await cancelling.apply(tx, jobs)
      // It waits for the row, and has it as soon as the connection breaks.
      ending = direct.sql("UPDATE vision_jobs SET status = 'completed', finished_at = UTC_TIMESTAMP(3) WHERE id = ?", [
        jobId,
      ])
      await delay(200)
    },
  }
  proxy.failNextCommit('lost')
  const cancel = changeJob(proxied, slow, { jobId, userId: 'user-1' })
  await expect(cancel).rejects.toMatchObject({ code: 'job.not_cancellable' })
  await ending
  expect(await statusOf(direct, jobId)).toBe('completed')
})

describe.each(faults)('with a COMMIT that is %s, the ledger has once', (fault) => {
  const analysis = spending({ model: 'sees' })
  const content = spending({ model: 'writes' })
  const both = { analysis, content }
  const works: Record<string, (on: Database, run: Run) => Promise<unknown>> = {
    completed: (on, run) => completeVisionJob(on, run, contentOutput, both),
    failed: (on, run) => failVisionJob(on, run, badAnswer, both),
    retried: (on, run) => retryVisionJob(on, run, badAnswer, both, retry),
    released: (on, run) => releaseVisionJob(on, run, 'analysis', both),
  }

  test.each(Object.entries(works))('what a run took that is %s', async (outcome, work) => {
    const { run } = await processing()
    await withFault(fault, () => work(proxied, run))
    await expectLedgerOfRuns(direct)
    const ledger = await ledgerOf(direct)
    expect(ledger[outcome]).toMatchObject({ runs: 1 })
    expect(ledger[outcome]?.jobs).toBe(['completed', 'failed'].includes(outcome) ? 1 : undefined)
  })

  test('a cancel, and what the run adds to it', async () => {
    const { jobId, run } = await processing()
    await saveAnalysis(direct, run, analysisOutput, { analysis })
    await withFault(fault, () => cancelVisionJob(proxied, owned(jobId)))
    await withFault(fault, () => recordSpending(proxied, run, both))
    await expectLedgerOfRuns(direct)
    expect(await ledgerOf(direct)).toMatchObject({ cancelled: { jobs: 1, runs: 1 }, 'writes cancelled': { calls: 1 } })
  })

  test('a deletion, and what the run adds to it', async () => {
    const { jobId, run } = await processing()
    await saveAnalysis(direct, run, analysisOutput, { analysis })
    await withFault(fault, () => deleteVisionJob(proxied, owned(jobId)))
    await withFault(fault, () => recordSpending(proxied, run, both))
    expect(await ledgerOf(direct)).toMatchObject({
      created: { jobs: 1 },
      deleted: { jobs: 1 },
      cancelled: { runs: 1 },
      'sees cancelled': { calls: 1 },
      'writes cancelled': { calls: 1 },
    })
    expect(await attemptRows(direct, jobId)).toEqual([])
  })

  test('a job that was sent again with its key', async () => {
    const idempotency = { key: 'k', requestHash: 'a'.repeat(64) }
    proxy.failNextCommit(fault)
    await expect(makeJob(proxied, { idempotency })).rejects.toMatchObject({ code: 'database.unavailable' })
    await makeJob(proxied, { idempotency })
    expect(await ledgerOf(direct)).toEqual({ created: { jobs: 1 } })
  })

  test('jobs that were lost with their worker', async () => {
    const { jobId, run } = await processing()
    await saveAnalysis(direct, run, analysisOutput, { analysis })
    await passed(direct, 'lease_expires_at', jobId)
    const reclaim = () => reclaimVisionJobs(proxied, noBackoff)
    proxy.failNextCommit(fault)
    await reclaim().catch(() => undefined)
    // While the connection that was cut still holds the job, it is passed over.
    const reclaimed = () => reclaim().then(() => outcomesOf(direct, jobId))
    await expect.poll(reclaimed).toEqual(['lost'])
    expect(await reclaim()).toBe(0)
    await expectLedgerOfRuns(direct)
    expect(await ledgerOf(direct)).toMatchObject({ lost: { runs: 1 }, 'sees lost': { calls: 1 } })
  })
})

test('a run that lost its lease is told so, although the COMMIT of its settlement was lost as well', async () => {
  const { jobId, run } = await processing()
  await cancelVisionJob(direct, { jobId, userId: 'user-1' })
  proxy.failNextCommit('lost')
  await expect(completeVisionJob(proxied, run, contentOutput, nothingSpent)).rejects.toThrow('the lease is lost')
  proxy.failNextCommit('lost')
  await claim(proxied)
  expect(await statusOf(direct, jobId)).toBe('cancelled')
})

test('a settlement that is repeated after it took effect changes nothing and is no error', async () => {
  const { jobId, run } = await processing()
  for (let time = 0; time < 2; time++) await saveAnalysis(direct, run, analysisOutput, nothingSpent)
  for (let time = 0; time < 2; time++) await completeVisionJob(direct, run, contentOutput, nothingSpent)
  expect(await jobRow(direct, jobId)).toMatchObject({ status: 'completed', version: 5, texts_completed: 1 })
  expect(await outputRows(direct, jobId)).toHaveLength(2)
  await expect(failVisionJob(direct, run, badAnswer, nothingSpent)).rejects.toThrow('the lease is lost')
})

async function processing() {
  const { jobId } = await jobIn(direct, 'pending')
  return { jobId, run: await claimOne(direct) }
}
