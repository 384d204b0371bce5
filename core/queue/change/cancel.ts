import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable } from '../../database/sql.ts'
import { hasEnded } from '../../domain/job.ts'
import { cutOffRuns } from '../rows/cut-off-runs.ts'
import { endJobs } from '../rows/end-jobs.ts'
import type { LockedJob, OwnedJob } from '../rows/lock-jobs.ts'
import { changeJob, changeJobs, type JobChange } from './change-jobs.ts'

/**
 * Cancels a job that has not ended, and closes its run, whose worker then fails its fence. Idempotent. Nothing can
 * overwrite an acknowledged cancellation.
 *
 * @throws VisionError `job.not_found`, or `job.not_cancellable` when it has ended otherwise
 */
export async function cancelVisionJob(database: Database, owned: OwnedJob): Promise<void> {
  await changeJob(database, cancelling, owned)
}

/** Cancels jobs that have not ended: see `cancelVisionJob`. */
export const cancelling: JobChange = {
  verdictOn: (job) => (job.status === 'cancelled' ? 'leave' : hasEnded(job) ? 'job.not_cancellable' : 'change'),
  apply: cancelLocked,
  isUndone: sql`status <> 'cancelled'`,
}

/**
 * Cancels those of a user's jobs that have not ended, in one transaction: see `cancelVisionJob`.
 *
 * @param ids at most a few hundred
 * @param note called in the transaction, with the ids of those that it cancels
 * @returns how many
 */
export async function cancelVisionJobs(
  database: Database,
  userId: string,
  ids: readonly number[],
  note?: (tx: Queryable, cancelled: readonly number[]) => Promise<void>,
): Promise<number> {
  return (await changeJobs(database, cancelling, { userId, ids }, note)).get('change')?.length ?? 0
}

async function cancelLocked(tx: Queryable, jobs: readonly LockedJob[]): Promise<void> {
  await matchedBy(
    tx,
    sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET status = 'cancelled', version = version + 1, worker_id = NULL,
        lease_expires_at = NULL, available_at = NULL, finished_at = UTC_TIMESTAMP(3), updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${jobs.map(({ jobId }) => jobId)}`,
  )
  const ended = jobs.map(({ jobId, userId, batchId }) => ({ jobId, userId, batchId, status: 'cancelled' as const }))
  await endJobs(tx, { runs: await cutOffRuns(tx, jobs), jobs: ended })
}
