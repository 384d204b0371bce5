import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { describeCode } from '../../domain/errors.ts'
import type { RunIdentity } from '../../domain/run.ts'
import { type Outbox, openOutbox } from '../../webhooks/outbox.ts'
import { attemptsOf } from '../rows/attempts-of.ts'
import { callsOut } from '../rows/calls-out.ts'
import { endJobs, withFreeOwners } from '../rows/end-jobs.ts'
import { countWaiting } from '../rows/texts.ts'
import { type BackoffOptions, backoff } from './backoff.ts'

/** The number of crashes at which a job fails: by then it has been run alone several times. */
export const crashesUntilFailed = 6

interface Row extends RunIdentity {
  readonly userId: string
  readonly batchId: number | null
  readonly crashes: number
  readonly traceId: string | null
  /** No call can have gone out: its first step had no image yet. */
  readonly unpaid: 0 | 1
}

/** A run whose worker died. */
export interface LostRun extends RunIdentity {
  readonly userId: string
  readonly traceId: string | null
  /** It was the last one allowed: the job has failed. */
  readonly failed: boolean
}

/** Must match the lease index: see `claimQuery`. */
function reclaimQuery(limit: number): SQL {
  return sql`SELECT id AS jobId, user_id AS userId, batch_id AS batchId, attempt, crashes, trace_id AS traceId,
      (next_step = 'analysis' AND image_id IS NULL) AS unpaid
    FROM vision_jobs FORCE INDEX (lease)
    WHERE status = 'processing' AND lease_expires_at <= UTC_TIMESTAMP(3)
    ORDER BY lease_expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
}

/**
 * Reclaims up to 100 jobs whose lease has expired because their worker died: this counts as a crash, not as a failure, and
 * the job is scheduled again, or fails at the sixth crash. Never part of the claim, which would have to scan for them. The
 * number of statements does not depend on the number of jobs, and none waits for rows that a dead worker may hold: such a
 * job is reclaimed later.
 *
 * @param onLost called with each lost run, once the transaction has committed
 * @returns how many
 */
export async function reclaimVisionJobs(
  database: Database,
  options: BackoffOptions,
  onLost: (run: LostRun) => void = () => undefined,
): Promise<number> {
  const lost = await database.transact(async (tx) => {
    const found = await withFreeRuns(tx, await rowsOf<Row>(tx, reclaimQuery(100)))
    const last = found.filter(({ crashes }) => isLast(crashes))
    const outbox = last.length === 0 ? undefined : await openOutbox(tx, last, last, false)
    const lost = await withFreeOwners(tx, found, ['lost', 'failed'], outbox, ({ crashes }) => isLast(crashes))
    await takeBack(tx, lost, options, outbox)
    return lost
  })
  for (const { jobId, attempt, userId, crashes, traceId } of lost) {
    onLost({ jobId, attempt, userId, traceId, failed: isLast(crashes) })
  }
  return lost.length
}

/** Finds the runs whose attempt rows are not locked, and locks those. */
async function withFreeRuns(tx: Queryable, runs: readonly Row[]): Promise<readonly Row[]> {
  if (runs.length === 0) return []
  const query = sql`SELECT a.job_id AS jobId FROM ${attemptsOf(runs)}`
  const free = new Set((await rowsOf<RunIdentity>(tx, sql`${query} FOR UPDATE SKIP LOCKED`)).map(({ jobId }) => jobId))
  if (free.size === runs.length) return runs
  const there = new Set((await rowsOf<RunIdentity>(tx, query)).map(({ jobId }) => jobId))
  return runs.filter(({ jobId }) => free.has(jobId) || !there.has(jobId))
}

async function takeBack(
  tx: Queryable,
  lost: readonly Row[],
  options: BackoffOptions,
  outbox: Outbox | undefined,
): Promise<void> {
  if (lost.length === 0) return
  const { message } = describeCode('worker.lost')
  const last = lost.filter(({ crashes }) => isLast(crashes))
  const change = async (jobs: readonly Row[], changes: SQL, said: string): Promise<void> => {
    if (jobs.length === 0) return
    await matchedBy(
      tx,
      sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET ${changes}, crashes = crashes + 1, version = version + 1,
          worker_id = NULL, lease_expires_at = NULL, error_code = 'worker.lost', error_message = ${said},
          updated_at = UTC_TIMESTAMP(3)
        WHERE id IN ${jobs.map(({ jobId }) => jobId)}`,
    )
  }
  const again = lost.filter(({ crashes }) => !isLast(crashes))
  const waits = again.map(
    ({ jobId, crashes }) => sql`WHEN ${jobId} THEN ${inMilliseconds(backoff(crashes + 1, options))}`,
  )
  await change(again, sql`status = 'scheduled', available_at = CASE id ${sql.join(waits, sql` `)} END`, message)
  await change(
    last,
    sql`status = 'failed', finished_at = UTC_TIMESTAMP(3)`,
    `${message} It was the last of ${crashesUntilFailed} times.`,
  )
  // The dead worker may have had answers that it could not save: up to as many as it could have calls in flight.
  const unpaid = lost.filter((row) => row.unpaid === 1).map(({ jobId }) => jobId)
  const isUnpaid = unpaid.length > 0 ? sql`a.job_id IN ${unpaid}` : sql`FALSE`
  const waiting = await countWaiting(
    tx,
    lost.map(({ jobId }) => jobId),
  )
  const calls = lost.map(({ jobId }) => sql`WHEN ${jobId} THEN ${callsOut(waiting.get(jobId))}`)
  await matchedBy(
    tx,
    sql`UPDATE ${attemptsOf(lost)} SET a.possibly_billed_calls = a.possibly_billed_calls
          + IF(${isUnpaid}, 0, CASE a.job_id ${sql.join(calls, sql` `)} END),
        a.outcome = 'lost', a.error_code = 'worker.lost',
        a.error_message = ${message}, a.ended_at = UTC_TIMESTAMP(3),
        a.possibly_billed = IF(${isUnpaid}, a.possibly_billed, a.step)`,
  )
  const ended = last.map(({ jobId, userId, batchId }) => {
    return { jobId, userId, batchId, status: 'failed' as const, code: 'worker.lost' }
  })
  await endJobs(tx, { runs: lost, jobs: ended }, outbox)
}

function isLast(crashesBefore: number): boolean {
  return crashesBefore + 1 >= crashesUntilFailed
}
