import { sql } from 'drizzle-orm'
import { endedStatuses } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { VisionError } from '../../domain/errors.ts'
import { hasEnded } from '../../domain/job.ts'
import { cutOffRuns } from '../rows/cut-off-runs.ts'
import { endJobs } from '../rows/end-jobs.ts'
import { type LockedJob, lockOwnedJob, lockOwnedJobs, type OwnedJob, requireJob, statusOf } from '../rows/lock-jobs.ts'

/**
 * Cancels a job that has not ended, and closes its run, whose worker then fails its fence. Idempotent. Nothing can
 * overwrite an acknowledged cancellation.
 *
 * @throws VisionError `job.not_found`, or `job.not_cancellable` when it has ended otherwise
 */
export async function cancelVisionJob(database: Database, owned: OwnedJob): Promise<void> {
  await requireJob(database, owned)
  await database.transact(
    async (tx) => {
      const job = await lockOwnedJob(tx, owned)
      if (job.status === 'cancelled') return true
      if (hasEnded(job)) throw new VisionError('job.not_cancellable')
      await cancelLocked(tx, [job])
      return true
    },
    async (on) => ((await statusOf(on, owned)) === 'cancelled' ? true : undefined),
  )
}

/**
 * Cancels those of a user's jobs that have not ended, in one transaction: see `cancelVisionJob`.
 *
 * @param ids at most a few hundred
 * @param note called in the transaction, with the ids of those that it cancels
 * @returns how many
 */
export function cancelVisionJobs(
  database: Database,
  userId: string,
  ids: readonly number[],
  note?: (tx: Queryable, cancelled: readonly number[]) => Promise<void>,
): Promise<number> {
  return database.transact(
    async (tx) => {
      const jobs = (await lockOwnedJobs(tx, userId, ids)).filter((job) => !hasEnded(job))
      await note?.(
        tx,
        jobs.map(({ jobId }) => jobId),
      )
      if (jobs.length > 0) await cancelLocked(tx, jobs)
      return jobs.length
    },
    async (on) => {
      const rows = await rowsOf(
        on,
        sql`SELECT 1 FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${[...ids]} AND user_id = ${userId}
          AND status NOT IN ${[...endedStatuses]} LIMIT 1`,
      )
      return rows.length === 0 ? ids.length : undefined
    },
  )
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
