import { type SQL, sql } from 'drizzle-orm'
import { type Step, visionJobAttempts } from '../../drizzle/schema.ts'
import { isDuplicate } from '../database/classify-error.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import type { Run } from '../domain/run.ts'
import { readProviderStates } from '../providers/provider-state.ts'
import { defaultStepProviders, type StepProviders } from '../providers/registry.ts'
import { failExpired } from './expire.ts'
import { expiryMoments } from './expiry.ts'
import { advanceVirtualTime } from './fair-queue.ts'
import { clearFormerRuns } from './orphans.ts'

export interface ClaimOptions {
  readonly workerId: string
  /** The most jobs to claim. */
  readonly limit: number
  /** How many calls of a run are out at once, at most; one if not given. */
  readonly callsAtOnce?: number | undefined
  /** How long the lease lasts, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** The lane: jobs that wait for this step. */
  readonly lane: Step
  /** Whose outages stop the jobs' clocks; those of the default configuration if left out. */
  readonly stepProviders?: StepProviders | undefined
  /** Called with the owner of each job that it found expired, who may have room for another now. */
  readonly onExpired?: (userId: string) => void
}

/** The result of a claim. */
export interface Claimed {
  readonly runs: readonly Run[]
  /** How many it met that had expired; they have failed. */
  readonly expired: number
}

interface Row extends Omit<Run, 'attempt' | 'workerId' | 'step' | 'facts'> {
  readonly attempt: number
  /** As JSON. */
  readonly facts: string | null
  readonly expired: 0 | 1
  readonly tag: number
}

/** What the column of a run holds, 49 days: a job that was stopped for longer must not keep the whole lane from being claimed. */
const longestWaitMs = 2 ** 32 - 1

/** A job whose workers have died this often runs alone, so that it can take no neighbour with it. */
export const crashesUntilAlone = 2

/**
 * Claims the next jobs of a lane in the order of their start tags, in one short transaction, and opens a row in `vision_job_attempts`
 * for each. Workers that claim at once never get the same job. The claim ends at a job that must run alone, so there is
 * at most one of those and it comes last.
 */
export async function claimPendingVisionJobs(database: Database, options: ClaimOptions): Promise<Claimed> {
  let taken: readonly Run[] = []
  const claim = () =>
    claimOnce(database, options, (runs) => {
      taken = runs
    })
  try {
    return await claim()
  } catch (error) {
    // Jobs that got the ids of former ones, after a restore, must not keep their lane from being claimed for ever.
    if (!isDuplicate(error)) throw error
    await clearFormerRuns(database, taken)
    return claim()
  }
}

async function claimOnce(
  database: Database,
  options: ClaimOptions,
  onTake: (runs: readonly Run[]) => void,
): Promise<Claimed> {
  const { workerId, limit, lane, stepProviders = defaultStepProviders, onExpired } = options
  let expected: readonly Run[] = []
  let dead: readonly { readonly userId: string }[] = []
  let reached = 0
  const claimed = await database.transact(
    async (tx) => {
      const { [lane]: expiry } = expiryMoments(await readProviderStates(tx), stepProviders)
      const due = await rowsOf<Row>(tx, claimQuery(lane, limit, expiry))
      const past = due.filter((row) => row.expired === 1)
      dead = await failExpired(
        tx,
        past.map(({ jobId, userId, batchId }) => ({ id: jobId, userId, batchId, nextStep: lane })),
      )
      const taken = upToTheFirstAlone(due.filter((row) => row.expired === 0))
      expected = taken.map(
        ({ expired: _, tag: __, attempt, facts, ...row }): Run => ({
          ...row,
          facts: facts === null ? null : JSON.parse(facts),
          attempt: attempt + 1,
          workerId,
          step: lane,
        }),
      )
      reached = Math.max(0, ...taken.map(({ tag }) => tag))
      onTake(expected)
      await take(tx, expected, options)
      return expected
    },
    // The answer to the COMMIT was lost: what of it holds?
    async (on) => {
      const held = await heldBy(on, workerId, expected)
      return held.length > 0 ? held : undefined
    },
  )
  for (const { userId } of dead) onExpired?.(userId)
  if (claimed.length > 0) await advanceVirtualTime(database, lane, reached)
  return { runs: claimed, expired: dead.length }
}

/**
 * Must match the claim index, equalities first and then its own order: a filesort would lock every due row.
 *
 * @param expiry the moment from which back jobs have expired
 */
export function claimQuery(lane: Step, limit: number, expiry: SQL): SQL {
  return sql`SELECT id AS jobId, user_id AS userId, batch_id AS batchId, attempt, failures, crashes, max_retries AS maxRetries,
      image_url AS imageUrl, image_id AS imageId, analysis_purpose AS analysisPurpose, output_format AS outputFormat,
      language, platform, facts, brand_id AS brandId, brand_version AS brandVersion, answer_issue AS answerIssue,
      trace_id AS traceId, start_tag AS tag, error_code AS lastErrorCode,
      LEAST(GREATEST(0, TIMESTAMPDIFF(MICROSECOND, updated_at, UTC_TIMESTAMP(3)) DIV 1000), ${longestWaitMs}) AS waitingMs,
      COALESCE(expires_at <= ${expiry}, 0) AS expired
    FROM vision_jobs FORCE INDEX (claim) WHERE status = 'pending' AND next_step = ${lane}
    ORDER BY start_tag, id LIMIT ${limit} FOR UPDATE SKIP LOCKED`
}

function upToTheFirstAlone(rows: readonly Row[]): readonly Row[] {
  const alone = rows.findIndex((row) => row.crashes >= crashesUntilAlone)
  return alone === -1 ? rows : rows.slice(0, alone + 1)
}

async function take(
  tx: Queryable,
  runs: readonly Run[],
  { workerId, leaseMs, callsAtOnce = 1 }: ClaimOptions,
): Promise<void> {
  if (runs.length === 0) return
  const ids = runs.map((run) => run.jobId)
  await matchedBy(
    tx,
    sql`UPDATE vision_jobs SET status = 'processing', attempt = attempt + 1, version = version + 1,
        worker_id = ${workerId}, lease_expires_at = ${inMilliseconds(leaseMs)},
        started_at = COALESCE(started_at, UTC_TIMESTAMP(3)), updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${ids}`,
  )
  await tx.insert(visionJobAttempts).values(
    runs.map((run) => ({
      jobId: run.jobId,
      attempt: run.attempt,
      workerId,
      step: run.step,
      waitingMs: run.waitingMs,
      callsAtOnce,
      startedAt: sql`UTC_TIMESTAMP(3)`,
    })),
  )
}

/**
 * Those of the runs that the worker still holds, by the same test that every write of a run carries. Waits for a COMMIT
 * that is still under way.
 */
export async function heldBy(on: Queryable, workerId: string, runs: readonly Run[]): Promise<readonly Run[]> {
  if (runs.length === 0) return []
  const rows = await rowsOf<{ jobId: number; attempt: number }>(
    on,
    sql`SELECT id AS jobId, attempt FROM vision_jobs FORCE INDEX (PRIMARY)
      WHERE id IN ${runs.map((run) => run.jobId)} AND status = 'processing' AND worker_id = ${workerId} FOR UPDATE`,
  )
  const attempts = new Map(rows.map((row) => [row.jobId, row.attempt]))
  return runs.filter((run) => attempts.get(run.jobId) === run.attempt)
}
