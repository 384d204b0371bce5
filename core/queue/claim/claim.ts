import { type SQL, sql } from 'drizzle-orm'
import { type Step, visionJobAttempts } from '../../../drizzle/schema.ts'
import { isDuplicate } from '../../database/classify-error.ts'
import type { Database } from '../../database/client.ts'
import { insertRows } from '../../database/insert-rows.ts'
import { inMilliseconds, listOf, matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import type { Run } from '../../domain/run.ts'
import { type ProviderStates, readProviderStates } from '../../providers/availability/provider-state.ts'
import { defaultStepProviders, type StepProviders } from '../../providers/registry.ts'
import { advanceVirtualTime } from '../fairness/fair-queue.ts'
import { clearFormerRuns } from '../prune/orphans.ts'
import { failExpired } from './expire.ts'
import { expiryMoments } from './expiry-moments.ts'

export interface ClaimOptions {
  readonly workerId: string
  /** The most jobs to claim. */
  readonly limit: number
  /** The most concurrent calls of a run; one if left out. */
  readonly callsAtOnce?: number | undefined
  /** How long the lease lasts, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** The lane: jobs that wait for this step. */
  readonly lane: Step
  /** The providers whose outages stop the jobs' clocks; the default configuration's if left out. */
  readonly stepProviders?: StepProviders | undefined
  /** The providers' states, if they have just been read. */
  readonly providerStates?: ProviderStates | undefined
  /** Called with the owner of each expired job, who may have a free place now. */
  readonly onExpired?: (userId: string) => void
}

/** The result of a claim. */
export interface Claimed {
  readonly runs: readonly Run[]
  /** How many jobs had expired; they have failed. */
  readonly expired: number
}

interface Row extends Omit<Run, 'attempt' | 'workerId' | 'step' | 'facts'> {
  readonly attempt: number
  /** As JSON. */
  readonly facts: string | null
  readonly expired: 0 | 1
  readonly tag: number
}

/** The largest value of the column, 49 days: a longer wait must not block the claims of the whole lane. */
const longestWaitMs = 2 ** 32 - 1

/** After this many crashes a job runs alone, so that it takes no other run down with it. */
export const crashesUntilAlone = 2

/**
 * Claims the next jobs of a lane in the order of their start tags, in one short transaction, and inserts a row into
 * `vision_job_attempts` for each. Concurrent workers never claim the same job. A claim ends at a job that must run alone,
 * so there is at most one of those, and it comes last.
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
    // Ids that were used before a restore must not block the claims of their lane for good.
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
  const { workerId, limit, lane, stepProviders = defaultStepProviders, providerStates, onExpired } = options
  let expected: readonly Run[] = []
  let dead: readonly { readonly userId: string }[] = []
  let reached = 0
  const claimed = await database.transact(
    async (tx) => {
      const { [lane]: expiry } = expiryMoments(providerStates ?? (await readProviderStates(tx)), stepProviders)
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
    // The answer to the COMMIT was lost: read which runs are held.
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
 * @param expiry see `expiryMoments`
 */
export function claimQuery(lane: Step, limit: number, expiry: SQL): SQL {
  return sql`SELECT id AS jobId, user_id AS userId, batch_id AS batchId, attempt, failures, crashes, max_retries AS maxRetries,
      image_url AS imageUrl, image_id AS imageId, analysis_purpose AS analysisPurpose, output_format AS outputFormat,
      language, platform, facts, brand_id AS brandId, brand_version AS brandVersion, answer_issue AS answerIssue,
      trace_id AS traceId, start_tag AS tag, error_code AS lastErrorCode,
      LEAST(GREATEST(0, TIMESTAMPDIFF(MICROSECOND, updated_at, UTC_TIMESTAMP(3)) DIV 1000), ${longestWaitMs}) AS waitingMs,
      COALESCE(expires_at <= ${expiry}, 0) AS expired
    FROM vision_jobs FORCE INDEX (claim) WHERE waiting_as = 'pending' AND lane = ${lane}
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
  const jobs = matchedBy(
    tx,
    sql`UPDATE vision_jobs SET status = 'processing', attempt = attempt + 1, version = version + 1,
        worker_id = ${workerId}, lease_expires_at = ${inMilliseconds(leaseMs)},
        started_at = COALESCE(started_at, UTC_TIMESTAMP(3)), updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${listOf(ids)}`,
  )
  const attempts = insertRows(
    tx,
    visionJobAttempts,
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
  await Promise.all([jobs, attempts])
}

/**
 * The runs that the worker still holds, by the condition of every fenced write. Waits for a COMMIT that is under way.
 */
async function heldBy(on: Queryable, workerId: string, runs: readonly Run[]): Promise<readonly Run[]> {
  if (runs.length === 0) return []
  const rows = await rowsOf<{ jobId: number; attempt: number }>(
    on,
    sql`SELECT id AS jobId, attempt FROM vision_jobs FORCE INDEX (PRIMARY)
      WHERE id IN ${listOf(runs.map((run) => run.jobId))} AND status = 'processing' AND worker_id = ${workerId} FOR UPDATE`,
  )
  const attempts = new Map(rows.map((row) => [row.jobId, row.attempt]))
  return runs.filter((run) => attempts.get(run.jobId) === run.attempt)
}
