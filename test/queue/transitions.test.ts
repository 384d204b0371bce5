import { describe, expect } from 'vitest'
import type { Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { renewLeases } from '../../core/queue/claim/lease.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import {
  completeVisionJob,
  failVisionJob,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import { type Status, statuses } from '../../drizzle/schema.ts'
import {
  analysisOutput,
  attemptRows,
  badAnswer,
  claim,
  contentOutput,
  hour,
  jobIn,
  jobRow,
  makeJob,
  noBackoff,
  noCap,
  nothingSpent,
  outputRows,
  owned,
  passed,
  type RawRow,
  statusOf,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

interface Operation {
  /** Does it to the job, whatever its status is; everything that could be due is due. */
  readonly run: (jobId: number, run: Run) => Promise<unknown>
  /** The status that follows, or the error; what is not named here stays as it is, without an error. */
  readonly leads: Partial<Record<Status, Status | 'deleted' | 'lost' | `job.${string}`>>
  /** The columns that may change, `version` and `updated_at` aside. */
  readonly changes: readonly string[]
  /** The outcome of the run that it ends, if it ends one. */
  readonly outcome?: string
}

const toEveryOther = <T>(of: Status | readonly Status[], value: T): Partial<Record<Status, T>> =>
  Object.fromEntries(statuses.filter((status) => !of.includes(status)).map((status) => [status, value]))
const settled = ['status', 'worker_id', 'lease_expires_at', 'error_code', 'error_message']

const operations: Record<string, Operation> = {
  promote: {
    run: async (jobId) => {
      await passed(database, 'available_at', jobId)
      await promoteDueVisionJobs(database, noCap)
    },
    leads: { scheduled: 'pending' },
    changes: ['status', 'available_at', 'start_tag'],
  },
  'promote without room': {
    run: async (jobId) => {
      await passed(database, 'available_at', jobId)
      await promoteDueVisionJobs(database, 0)
    },
    leads: { scheduled: 'blocked' },
    changes: ['status', 'available_at', 'start_tag'],
  },
  admit: {
    run: () => admitVisionJobs(database, 'user-1', noCap),
    leads: { blocked: 'pending' },
    changes: ['status', 'start_tag'],
  },
  preempt: {
    run: async () => {
      await blockedContent()
      await admitVisionJobs(database, 'user-1', 1)
    },
    leads: { pending: 'blocked' },
    changes: ['status', 'start_tag'],
  },
  claim: {
    run: () => claim(database, { workerId: 'worker-2' }),
    leads: { pending: 'processing' },
    changes: ['status', 'attempt', 'worker_id', 'lease_expires_at', 'started_at'],
  },
  saveAnalysis: {
    run: (_, run) => saveAnalysis(database, run, analysisOutput, nothingSpent),
    // The completed job has this run's analysis already.
    leads: { ...toEveryOther(['processing', 'completed'], 'lost' as const), processing: 'processing' },
    changes: ['next_step'],
  },
  complete: {
    run: (_, run) => completeVisionJob(database, run, contentOutput, nothingSpent),
    leads: { ...toEveryOther(['processing', 'completed'], 'lost' as const), processing: 'completed' },
    changes: [...settled, 'finished_at', 'texts_completed'],
    outcome: 'completed',
  },
  retry: {
    run: (_, run) => retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: hour, costsRetry: true }),
    leads: { ...toEveryOther(['processing', 'scheduled'], 'lost' as const), processing: 'scheduled' },
    changes: [...settled, 'available_at', 'failures'],
    outcome: 'retried',
  },
  fail: {
    run: (_, run) => failVisionJob(database, run, badAnswer, nothingSpent),
    leads: { ...toEveryOther(['processing', 'failed'], 'lost' as const), processing: 'failed' },
    changes: [...settled, 'finished_at', 'failures'],
    outcome: 'failed',
  },
  release: {
    run: (_, run) => releaseVisionJob(database, run, 'analysis', nothingSpent),
    leads: { ...toEveryOther('processing', 'lost' as const), processing: 'pending' },
    changes: ['status', 'worker_id', 'lease_expires_at', 'start_tag'],
    outcome: 'released',
  },
  reclaim: {
    run: async (jobId) => {
      await passed(database, 'lease_expires_at', jobId)
      await reclaimVisionJobs(database, noBackoff)
    },
    leads: { processing: 'scheduled' },
    changes: [...settled, 'available_at', 'crashes'],
    outcome: 'lost',
  },
  cancel: {
    run: (jobId) => cancelVisionJob(database, owned(jobId)),
    leads: {
      scheduled: 'cancelled',
      blocked: 'cancelled',
      pending: 'cancelled',
      processing: 'cancelled',
      completed: 'job.not_cancellable',
      failed: 'job.not_cancellable',
    },
    changes: ['status', 'worker_id', 'lease_expires_at', 'available_at', 'finished_at'],
    outcome: 'cancelled',
  },
  delete: {
    run: (jobId) => deleteVisionJob(database, owned(jobId)),
    leads: toEveryOther([], 'deleted'),
    changes: [],
  },
  redrive: {
    run: (jobId) => redriveVisionJob(database, owned(jobId), { lifeMs: 48 * hour }),
    // One that is under way is as its owner wants it.
    leads: { failed: 'scheduled', completed: 'job.not_retryable', cancelled: 'job.not_retryable' },
    changes: [
      'status',
      'failures',
      'crashes',
      'available_at',
      'finished_at',
      'error_code',
      'error_message',
      'expires_at',
    ],
  },
  expire: {
    run: async (jobId) => {
      await passed(database, 'expires_at', jobId)
      await expireVisionJobs(database)
    },
    leads: { scheduled: 'failed', blocked: 'failed', pending: 'failed' },
    changes: ['status', 'available_at', 'finished_at', 'error_code', 'error_message', 'expires_at'],
  },
  renew: {
    run: async (_, run) => {
      const lost = await renewLeases(database, run.workerId, [run], 2 * hour)
      if (lost.length > 0) throw new Error('the lease is lost')
    },
    // The run that has settled itself has lost nothing.
    leads: {
      ...toEveryOther(['processing', 'completed', 'failed', 'scheduled'], 'lost' as const),
      processing: 'processing',
    },
    changes: ['lease_expires_at'],
  },
}
/** These move a clock themselves, which is no change of the operation's. */
const movesClock: Record<string, string> = {
  promote: 'available_at',
  'promote without room': 'available_at',
  reclaim: 'lease_expires_at',
  expire: 'expires_at',
}

async function outcomeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof Error && /lease is lost/.test(error.message)) return 'lost'
    return String((error as { code?: unknown }).code ?? error)
  }
}

function changedColumns(before: RawRow, after: RawRow): string[] {
  return Object.keys(before).filter((column) => before[column] !== after[column])
}

describe.each(Object.entries(operations))('%s', (name, { run: operate, leads, changes, outcome }) => {
  test.each(statuses)('on a %s job', async (status) => {
    const { jobId, run } = await jobIn(database, status)
    const neighbour = await neighbourOf(jobId)
    // Where there was no run, that of somebody who thinks there was.
    const identity = run ?? (await foreignRun(jobId))
    const before = await jobRow(database, jobId)
    const runsBefore = await attemptRows(database, jobId)
    const outputsBefore = await outputRows(database, jobId)

    const error = await outcomeOf(operate(jobId, identity))

    const expected = leads[status]
    if (expected === 'lost' || expected?.startsWith('job.')) expect(error).toBe(expected)
    else expect(error).toBeUndefined()
    expect(await jobRow(database, Number(neighbour.id)), 'another job is left alone').toEqual(neighbour)

    if (expected === 'deleted') {
      expect(await statusOf(database, jobId)).toBe('deleted')
      // Of a run that may be under way the row stays until the run has told what it spent.
      const oneCall = { possibly_billed: 'analysis', possibly_billed_calls: 1 }
      const kept = ['processing', 'cancelled'].includes(status)
        ? [{ ...runsBefore[0], outcome: 'cancelled', ...oneCall, ended_at: expect.any(String) }]
        : []
      expect(await attemptRows(database, jobId)).toEqual(kept)
      expect(await outputRows(database, jobId)).toEqual([])
      return
    }
    const after = await jobRow(database, jobId)
    const runsAfter = await attemptRows(database, jobId)
    const outputsAfter = await outputRows(database, jobId)
    const effective = expected !== undefined && statuses.includes(expected as Status)
    if (!effective) {
      expect(changedColumns(before, after).filter((column) => column !== movesClock[name])).toEqual([])
      expect(runsAfter).toEqual(runsBefore)
      expect(outputsAfter).toEqual(outputsBefore)
      return
    }
    expect(after.status).toBe(expected)
    const visible = name !== 'renew'
    const derived = derivedOf(after)
    const allowed = [...changes, ...(visible ? ['version', 'updated_at'] : []), ...Object.keys(derived)]
    expect(changedColumns(before, after).filter((column) => !allowed.includes(column))).toEqual([])
    // A version for the text, and one for the job.
    const versions = name === 'complete' ? 2 : 1
    expect(after.version).toBe(Number(before.version) + (visible ? versions : 0))
    expect(after.attempt).toBe(Number(before.attempt) + (name === 'claim' ? 1 : 0))
    expect(runsAfter.map((row) => row.attempt)).toEqual(Array.from({ length: Number(after.attempt) }, (_, n) => n + 1))
    expect(runsAfter.filter((row) => row.outcome === 'running')).toHaveLength(after.status === 'processing' ? 1 : 0)
    if (outcome && status === 'processing')
      expect(runsAfter.at(-1)).toMatchObject({ outcome, ended_at: expect.any(String) })
    expect(after).toMatchObject(derived)
    // What belongs to a status, and to no other.
    expect(after.worker_id !== null, 'worker').toBe(after.status === 'processing')
    expect(after.lease_expires_at !== null, 'lease').toBe(after.status === 'processing')
    expect(after.available_at !== null, 'due').toBe(after.status === 'scheduled')
    expect(after.finished_at !== null, 'finished').toBe(
      ['completed', 'failed', 'cancelled'].includes(String(after.status)),
    )
    if (after.status === 'failed') expect(after.error_code).not.toBeNull()
    if (after.status === 'completed') expect(after.error_code).toBeNull()
    const saved = { saveAnalysis: ['analysis'], complete: ['content'] }[name] ?? []
    const added = outputsAfter.slice(outputsBefore.length)
    expect(added.map((row) => row.kind)).toEqual(saved)
    for (const row of added)
      expect(row).toMatchObject({ attempt: after.attempt, version: Number(after.version) - (versions - 1) })
  })
})

/** What the server derives of a row's status, for the indexes. */
function derivedOf({ status, next_step }: RawRow): RawRow {
  const waits = ['scheduled', 'blocked', 'pending'].includes(String(status))
  const hasEnded = ['completed', 'failed', 'cancelled'].includes(String(status))
  return { waiting_as: waits ? status : null, lane: waits ? next_step : null, ended_as: hasEnded ? status : null }
}

/** A completed job of the same user, which no operation on another job may touch. */
async function neighbourOf(jobId: number): Promise<RawRow> {
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, max_retries, image_url, analysis_purpose, output_format, language,
       created_at, updated_at, expires_at)
     SELECT user_id, 'completed', 3, image_url, analysis_purpose, output_format, language, created_at, updated_at,
       expires_at FROM vision_jobs WHERE id = ?`,
    [jobId],
  )
  const [row] = await database.sql('SELECT * FROM vision_jobs WHERE id <> ?', [jobId])
  return row ?? {}
}

/** A blocked job of the same user whose analysis is saved. */
async function blockedContent(): Promise<void> {
  const rows = `user_id, status, next_step, max_retries, image_url, analysis_purpose, output_format, language, created_at,
    updated_at, expires_at`
  await database.sql(
    `INSERT INTO vision_jobs (${rows})
     SELECT ${rows.replace('status, next_step', "'blocked', 'content'")} FROM vision_jobs WHERE status = 'completed' LIMIT 1`,
  )
  await database.sql(
    "INSERT INTO vision_users (user_id, blocked_seen_at) VALUES ('user-1', UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE blocked_seen_at = UTC_TIMESTAMP(3)",
  )
}

async function foreignRun(jobId: number): Promise<Run> {
  return {
    jobId,
    attempt: 0,
    workerId: 'worker-1',
    userId: 'user-1',
    batchId: null,
    step: 'analysis',
    failures: 0,
    crashes: 0,
    maxRetries: 3,
    waitingMs: 0,
    imageUrl: '',
    imageId: null,
    analysisPurpose: '',
    outputFormat: '',
    language: 'en',
    platform: null,
    facts: null,
    brandId: null,
    brandVersion: null,
    answerIssue: null,
    traceId: null,
    lastErrorCode: null,
  }
}

test('the job of another user can be neither cancelled, deleted nor redriven, and is said not to exist', async () => {
  const jobId = await makeJob(database)
  const before = await jobRow(database, jobId)
  const foreign = { jobId, userId: 'User-1' }
  for (const work of [
    () => cancelVisionJob(database, foreign),
    () => deleteVisionJob(database, foreign),
    () => redriveVisionJob(database, foreign, { lifeMs: hour }),
  ]) {
    await expect(work()).rejects.toMatchObject({ code: 'job.not_found' })
  }
  expect(await jobRow(database, jobId)).toEqual(before)
})
