import { setTimeout as delay } from 'node:timers/promises'
import mysql, { type Connection } from 'mysql2/promise'
import { afterAll, describe, expect } from 'vitest'
import { LeaseLost, type Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { renewLeases } from '../../core/queue/claim/lease.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { failText, saveText } from '../../core/queue/settle/save-text.ts'
import {
  completeVisionJob,
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
  saveAnswerIssue,
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
  noCap,
  nothingSpent,
  outcomesOf,
  outputRows,
  owned,
  passed,
  spending,
  statusOf,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
let other: Connection
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  other = await mysql.createConnection({ uri: database.url, timezone: 'Z' })
})
afterAll(async () => {
  await other.end()
})

/** What a worker may want to write for its run. */
const writes: Record<string, (run: Run) => Promise<void>> = {
  saveAnalysis: (run) => saveAnalysis(database, run, analysisOutput, nothingSpent),
  saveText: (run) => saveText(database, run, contentOutput, nothingSpent, { text: 1, revision: 1 }),
  failText: (run) => failText(database, run, 1, badAnswer, nothingSpent),
  saveAnswerIssue: (run) => saveAnswerIssue(database, run, 'too long', nothingSpent, 1),
  complete: (run) => completeVisionJob(database, run, contentOutput, nothingSpent),
  retry: (run) => retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true }),
  fail: (run) => failVisionJob(database, run, badAnswer, nothingSpent),
  release: (run) => releaseVisionJob(database, run, 'analysis', nothingSpent),
}
/** What may take a job away from a running worker, and what the job is then. */
const takings: Record<string, { take: (jobId: number) => Promise<unknown>; status: string }> = {
  cancel: { take: (jobId) => cancelVisionJob(database, owned(jobId)), status: 'cancelled' },
  delete: { take: (jobId) => deleteVisionJob(database, owned(jobId)), status: 'deleted' },
  reclaim: {
    take: async (jobId) => {
      await passed(database, 'lease_expires_at', jobId)
      await reclaimVisionJobs(database, noBackoff)
    },
    status: 'scheduled',
  },
}
const pairs = Object.keys(takings).flatMap((taking) => Object.keys(writes).map((write) => [taking, write] as const))

/** Of a deleted job the row of a run that was cut off may be there, until the run has told what it spent. */
async function expectNoOrphans(): Promise<void> {
  const gone = 'job_id NOT IN (SELECT id FROM vision_jobs)'
  expect(await database.sql(`SELECT * FROM vision_job_outputs WHERE ${gone}`)).toEqual([])
  expect(await database.sql(`SELECT * FROM vision_job_texts WHERE ${gone}`)).toEqual([])
  expect(await database.sql(`SELECT * FROM vision_job_attempts WHERE ${gone} AND outcome <> 'cancelled'`)).toEqual([])
}

/** Holds what a statement locks until it is told to let go. */
async function holding(statement: string, values: unknown[]): Promise<() => Promise<void>> {
  await other.query('BEGIN')
  await other.query(statement, values)
  return async () => {
    await other.query('COMMIT')
  }
}

describe.each(pairs)('%s against a worker that wants to %s', (taking, writing) => {
  const { take, status } = takings[taking] as (typeof takings)[string]
  const write = writes[writing] as (typeof writes)[string]

  test('taken away first, the worker is told that its lease is lost, and nothing it wrote is there', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await take(jobId)
    const before = status === 'deleted' ? undefined : await jobRow(database, jobId)
    await expect(write(run)).rejects.toBeInstanceOf(LeaseLost)
    expect(await statusOf(database, jobId)).toBe(status)
    if (before) expect(await jobRow(database, jobId)).toEqual(before)
    expect(await outputRows(database, jobId)).toEqual([])
    await expectNoOrphans()
  })

  test('both at once, while the row is locked: one wins and the other loses its lease', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    if (taking === 'reclaim') await passed(database, 'lease_expires_at', jobId)
    const letGo = await holding('SELECT id FROM vision_jobs WHERE id = ? FOR UPDATE', [jobId])
    const taken = (taking === 'reclaim' ? reclaimVisionJobs(database, noBackoff) : take(jobId)).then(
      () => 'took',
      (error) => error.code,
    )
    const written = write(run).then(
      () => 'wrote',
      (error) => error,
    )
    await delay(30)
    await letGo()
    const [first, second] = await Promise.all([taken, written])
    const row = await statusOf(database, jobId)
    const outcomes = await outcomesOf(database, jobId)
    if (second === 'wrote') {
      // Where the row had not ended, the one who takes it away came second and has it now.
      if (taking === 'delete') expect(row).toBe('deleted')
      else if (taking === 'cancel' && first === 'took') expect(row).toBe('cancelled')
      else if (taking === 'cancel') expect(first).toBe('job.not_cancellable')
      else expect(['completed', 'scheduled', 'failed', 'pending', 'processing']).toContain(row)
    } else {
      expect(second).toBeInstanceOf(LeaseLost)
      expect(row).toBe(status)
      expect(await outputRows(database, jobId)).toEqual([])
    }
    expect(outcomes.filter((outcome) => outcome === 'running')).toHaveLength(row === 'processing' ? 1 : 0)
    await expectNoOrphans()
  })
})

describe.each(['saveAnalysis', 'complete'])(
  'a delete that comes while a worker is in the middle of its %s',
  (writing) => {
    test('leaves no output, and of the run nothing once it has told what it spent', async () => {
      const jobId = await makeJob(database)
      const run = await claimOne(database)
      // Holds the worker between its fenced UPDATE and its COMMIT: its own row in the attempts is locked.
      const letGo = await holding('SELECT id FROM vision_job_attempts WHERE job_id = ? FOR UPDATE', [jobId])
      const written = writes[writing]?.(run)
      await delay(50)
      const deleted = deleteVisionJob(database, owned(jobId))
      await delay(30)
      await letGo()
      await Promise.all([written, deleted])
      expect(await statusOf(database, jobId)).toBe('deleted')
      expect(await outputRows(database, jobId)).toEqual([])
      await recordSpending(database, run, nothingSpent)
      expect(await attemptRows(database, jobId)).toEqual([])
    })

    test('and a cancel in the same place is acknowledged and stands, or is refused', async () => {
      const jobId = await makeJob(database)
      const run = await claimOne(database)
      const letGo = await holding('SELECT id FROM vision_job_attempts WHERE job_id = ? FOR UPDATE', [jobId])
      const written = writes[writing]?.(run)
      await delay(50)
      const cancelled = cancelVisionJob(database, owned(jobId)).then(
        () => 'acknowledged',
        (error) => error.code,
      )
      await delay(30)
      await letGo()
      await written
      if (writing === 'complete') {
        expect(await cancelled).toBe('job.not_cancellable')
        expect(await statusOf(database, jobId)).toBe('completed')
      } else {
        expect(await cancelled).toBe('acknowledged')
        expect(await statusOf(database, jobId)).toBe('cancelled')
        await expect(completeVisionJob(database, run, contentOutput, nothingSpent)).rejects.toBeInstanceOf(LeaseLost)
        expect(await statusOf(database, jobId)).toBe('cancelled')
      }
    })
  },
)

test('workers, owners and the reclaimer at once leave every job in one piece', async () => {
  const ids = await makeJobs(database, 60)
  const runs = [...(await claim(database, { limit: 60 }))]
  await passed(database, 'lease_expires_at', ...ids.slice(40))
  const acknowledged = new Set<number>()
  const quietly = (work: Promise<unknown>) => work.catch((error) => error)
  await Promise.all([
    ...runs.map(async (run, index) => {
      await quietly(saveAnalysis(database, run, analysisOutput, nothingSpent))
      const [, write] = Object.entries(writes)[1 + (index % 4)] ?? []
      await quietly(write?.(run) ?? Promise.resolve())
    }),
    ...ids.slice(0, 20).map(async (jobId) => {
      const error = await quietly(cancelVisionJob(database, owned(jobId)))
      if (error === undefined) acknowledged.add(jobId)
    }),
    ...ids.slice(20, 40).map((jobId) => deleteVisionJob(database, owned(jobId))),
    reclaimVisionJobs(database, noBackoff),
    reclaimVisionJobs(database, noBackoff),
  ])
  for (const jobId of acknowledged) expect(await statusOf(database, jobId)).toBe('cancelled')
  for (const jobId of ids.slice(20, 40)) expect(await statusOf(database, jobId)).toBe('deleted')
  await expectNoOrphans()
  const running = await database.sql("SELECT job_id FROM vision_job_attempts WHERE outcome = 'running'")
  const processing = await database.sql("SELECT id FROM vision_jobs WHERE status = 'processing'")
  expect(running.map((row) => row.job_id).sort()).toEqual(processing.map((row) => row.id).sort())
  const halves = await database.sql(
    `SELECT j.id FROM vision_jobs j LEFT JOIN vision_job_outputs o ON o.job_id = j.id AND o.kind = 'content'
     WHERE j.status = 'completed' AND o.id IS NULL`,
  )
  expect(halves, 'completed only where there is content').toEqual([])
})

test('a run of before a redrive cannot write into the new life', async () => {
  const jobId = await makeJob(database)
  const stale = await claimOne(database)
  await failVisionJob(database, stale, badAnswer, nothingSpent)
  await redriveVisionJob(database, owned(jobId), { lifeMs: hour })
  await promoteDueVisionJobs(database, noCap)
  const fresh = await claimOne(database, { workerId: 'worker-2' })
  expect(fresh.attempt).toBe(stale.attempt + 1)
  for (const [name, write] of Object.entries(writes)) {
    if (name !== 'fail') await expect(write(stale), name).rejects.toBeInstanceOf(LeaseLost)
  }
  // It failed before, so failing again is what it did already, and changes nothing.
  await failVisionJob(database, stale, badAnswer, nothingSpent)
  await completeVisionJob(database, fresh, contentOutput, nothingSpent)
  expect(await jobRow(database, jobId)).toMatchObject({ status: 'completed', attempt: 2, failures: 0 })
})

test('two reclaimers at once count one crash', async () => {
  const ids = await makeJobs(database, 20)
  await claim(database, { limit: 20 })
  await passed(database, 'lease_expires_at', ...ids)
  const taken = await Promise.all([1, 2, 3].map(() => reclaimVisionJobs(database, noBackoff)))
  expect(taken.reduce((sum, count) => sum + count)).toBe(20)
  const rows = await database.sql('SELECT DISTINCT status, crashes, failures, version FROM vision_jobs')
  expect(rows).toEqual([{ status: 'scheduled', crashes: 1, failures: 0, version: 3 }])
})

test('a job that expires is either claimed or failed, never both', async () => {
  const ids = await makeJobs(database, 40)
  await passed(database, 'expires_at', ...ids)
  const [runs, expired] = await Promise.all([claim(database, { limit: 40 }), expireVisionJobs(database)])
  expect(runs).toEqual([])
  expect(expired).toBeLessThanOrEqual(40)
  expect(await database.sql('SELECT DISTINCT status, version FROM vision_jobs')).toEqual([
    { status: 'failed', version: 2 },
  ])
})

describe('a worker that lost its lease', () => {
  const spent = {
    analysis: spending({ inputTokens: 11, outputTokens: 22, milliseconds: 33 }),
    possiblyBilled: { content: 1 },
  }

  test('can still record what it spent, on its own run and no other', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await passed(database, 'lease_expires_at', jobId)
    await reclaimVisionJobs(database, noBackoff)
    await promoteDueVisionJobs(database, noCap)
    await claimOne(database, { workerId: 'worker-2' })
    await recordSpending(database, run, spent)
    expect(await attemptRows(database, jobId)).toMatchObject([
      {
        attempt: 1,
        outcome: 'lost',
        error_code: 'worker.lost',
        analysis_input_tokens: 11,
        analysis_output_tokens: 22,
        analysis_ms: 33,
        possibly_billed: 'content',
      },
      { attempt: 2, outcome: 'running', analysis_input_tokens: null, possibly_billed: null },
    ])
  })

  test('leaves nothing behind when it has recorded what it spent on a deleted job', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await deleteVisionJob(database, owned(jobId))
    await recordSpending(database, run, spent)
    expect(await attemptRows(database, jobId)).toEqual([])
  })
})

describe('renewing leases', () => {
  test('tells exactly which are lost, and revives none of them', async () => {
    const ids = await makeJobs(database, 6)
    const runs = await claim(database, { limit: 6 })
    const [kept, cancelled, deleted, reclaimed, completed, retaken] = ids as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    await cancelVisionJob(database, owned(cancelled))
    await deleteVisionJob(database, owned(deleted))
    await passed(database, 'lease_expires_at', reclaimed, retaken)
    await reclaimVisionJobs(database, noBackoff)
    await database.sql('UPDATE vision_jobs SET available_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR WHERE id = ?', [
      reclaimed,
    ])
    await promoteDueVisionJobs(database, noCap)
    expect((await claimOne(database)).jobId, 'the same worker has it again, in another run').toBe(retaken)
    const done = runs.find((run) => run.jobId === completed) as Run
    await completeVisionJob(database, done, contentOutput, nothingSpent)
    const before = await Promise.all([cancelled, reclaimed, completed, retaken].map((id) => jobRow(database, id)))

    const lost = await renewLeases(database, 'worker-1', runs, 2 * hour)

    // What the run itself has completed is not lost.
    expect(lost.map((run) => run.jobId)).toEqual([cancelled, deleted, reclaimed, retaken])
    expect(await Promise.all([cancelled, reclaimed, completed, retaken].map((id) => jobRow(database, id)))).toEqual(
      before,
    )
    const [row] = await database.sql(
      'SELECT lease_expires_at > UTC_TIMESTAMP(3) + INTERVAL 1 HOUR AS renewed, version FROM vision_jobs WHERE id = ?',
      [kept],
    )
    expect(row).toEqual({ renewed: 1, version: 2 })
  })

  test('of nothing asks nothing, and of a lease that is past but not yet taken back keeps it', async () => {
    expect(await renewLeases(database, 'worker-1', [], hour)).toEqual([])
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await passed(database, 'lease_expires_at', jobId)
    expect(await renewLeases(database, 'worker-1', [run], hour)).toEqual([])
    expect(await reclaimVisionJobs(database, noBackoff)).toBe(0)
  })

  test('against a reclaim at once, either the lease is kept or the next renewal tells it to be lost', async () => {
    const ids = await makeJobs(database, 30)
    const runs = await claim(database, { limit: 30 })
    await passed(database, 'lease_expires_at', ...ids)
    const [early, reclaimed] = await Promise.all([
      renewLeases(database, 'worker-1', runs, hour),
      reclaimVisionJobs(database, noBackoff),
    ])
    const lost = await renewLeases(database, 'worker-1', runs, hour)
    expect(lost).toEqual(expect.arrayContaining([...early]))
    expect(lost).toHaveLength(reclaimed)
    for (const run of runs) {
      expect(await statusOf(database, run.jobId)).toBe(lost.includes(run) ? 'scheduled' : 'processing')
    }
  })
})

test("the database's clock decides about a lease, to the moment it was given", async () => {
  await makeJob(database)
  const { jobId } = await claimOne(database, { leaseMs: 1_500 })
  const [row] = await database.sql(
    `SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), lease_expires_at) / 1000 AS left_ms,
       TIMESTAMPDIFF(MICROSECOND, updated_at, lease_expires_at) / 1000 AS given_ms FROM vision_jobs WHERE id = ?`,
    [jobId],
  )
  expect(Number(row?.given_ms)).toBe(1_500)
  expect(await reclaimVisionJobs(database, noBackoff)).toBe(0)
  await database.sql('UPDATE vision_jobs SET lease_expires_at = UTC_TIMESTAMP(3) WHERE id = ?', [jobId])
  expect(await reclaimVisionJobs(database, noBackoff)).toBe(1)
})

test('a delete that overtakes the claim leaves nothing, and one that comes second takes the run with it', async () => {
  const { jobId } = await jobIn(database, 'pending')
  const [runs] = await Promise.all([claim(database), deleteVisionJob(database, owned(jobId))])
  expect(runs.length).toBeLessThanOrEqual(1)
  expect(await statusOf(database, jobId)).toBe('deleted')
  await expectNoOrphans()
})

describe('in a small queue, where every index looks good, no statement waits for the jobs of others', () => {
  const others = async (): Promise<() => Promise<void>> => {
    const ids = await makeJobs(database, 4)
    await claim(database, { workerId: 'worker-2' })
    await database.sql('ANALYZE TABLE vision_jobs, vision_job_attempts')
    return holding(
      `SELECT j.id FROM vision_jobs j JOIN vision_job_attempts a ON a.job_id = j.id WHERE j.id IN (?) FOR UPDATE`,
      [ids],
    )
  }
  const works: Record<string, (runs: readonly Run[]) => Promise<unknown>> = {
    renew: (runs) => renewLeases(database, 'worker-1', runs, hour),
    'find lost leases': ([run]) => renewLeases(database, 'worker-1', [{ ...(run as Run), attempt: 9 }], hour),
    'save and complete': async ([run]) => {
      await saveAnalysis(database, run as Run, analysisOutput, nothingSpent)
      await completeVisionJob(database, run as Run, contentOutput, nothingSpent)
    },
    'retry and promote': async ([run]) => {
      await writes.retry?.(run as Run)
      await promoteDueVisionJobs(database, noCap)
    },
    'release and claim': async ([run]) => {
      await writes.release?.(run as Run)
      await claim(database)
    },
    'fail and redrive': async ([run]) => {
      await writes.fail?.(run as Run)
      await redriveVisionJob(database, run as Run, { lifeMs: hour })
    },
    'record spending': ([run]) => recordSpending(database, run as Run, nothingSpent),
    reclaim: () => reclaimVisionJobs(database, noBackoff),
    expire: () => expireVisionJobs(database),
    cancel: ([run]) => cancelVisionJob(database, run as Run),
    delete: ([run]) => deleteVisionJob(database, run as Run),
    create: () => makeJob(database, { idempotency: { key: 'k', requestHash: 'a'.repeat(64) } }),
  }

  test.each(Object.keys(works))('%s', async (name) => {
    await makeJobs(database, 8)
    const mine = await claim(database)
    const letGo = await others()
    try {
      const waited = delay(5_000, 'waited', { ref: false })
      expect(await Promise.race([works[name]?.(mine).then(() => 'went on'), waited])).toBe('went on')
    } finally {
      await letGo()
    }
  })
})
