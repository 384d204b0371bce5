import { sql } from 'drizzle-orm'
import { visionJobDeletions } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable } from '../../database/sql.ts'

/** How long deletions are remembered for watchers of many jobs, in days. */
const deletionsKeptDays = 7
const sweepBatch = 500

/** A job that is being deleted. */
export interface DeletedJob {
  readonly jobId: number
  readonly userId: string
  readonly batchId: number | null
  readonly version: number
}

/** Records the deletion of jobs, in the transaction that deletes them and holds their locks. */
export async function noteDeletions(tx: Queryable, jobs: readonly DeletedJob[]): Promise<void> {
  if (jobs.length === 0) return
  await tx.insert(visionJobDeletions).values(
    jobs.map(({ jobId, userId, batchId, version }) => ({
      jobId,
      userId,
      batchId,
      // A watcher of the single job counts the deletion as a version, too.
      version: version + 1,
      deletedAt: sql`UTC_TIMESTAMP(3)`,
    })),
  )
}

/** Removes deletions after a week, in small batches: one long transaction would hold up the purge of the whole server. */
export async function sweepDeletions(database: Database, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted) {
    const swept = await database.run((on) =>
      matchedBy(
        on,
        sql`DELETE FROM vision_job_deletions
          WHERE deleted_at <= UTC_TIMESTAMP(3) - INTERVAL ${deletionsKeptDays} DAY ORDER BY deleted_at LIMIT ${sweepBatch}`,
      ),
    )
    if (swept < sweepBatch) return
  }
}
