import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import type { Queryable } from '../../database/sql.ts'
import { hasEnded } from '../../domain/job.ts'
import { unlinkImages } from '../../images/snapshots.ts'
import { deleted } from '../../usage/batch-counts.ts'
import { addRuns } from '../../usage/ledger.ts'
import { deleteByIds, deleteRows } from '../prune/delete-rows.ts'
import { noteDeletions } from '../prune/deletions.ts'
import { cutOffRuns, isOfWatchedRun } from '../rows/cut-off-runs.ts'
import { type Ends, endJobs } from '../rows/end-jobs.ts'
import type { LockedJob, OwnedJob } from '../rows/lock-jobs.ts'
import { deleteTexts } from '../rows/texts.ts'
import { changeJob, changeJobs, type JobChange } from './change-jobs.ts'

/**
 * Deletes a job in any status with its outputs and attempts, and gives up its image. The row of a run that is under way, or
 * was taken from its worker a short while ago, is kept until the worker has reported its usage.
 *
 * @throws VisionError `job.not_found`
 */
export async function deleteVisionJob(database: Database, owned: OwnedJob): Promise<void> {
  await changeJob(database, deleting, owned)
}

/** Deletes jobs in any status, and tells the owner of a batch that has ended by it: see `deleteVisionJob`. */
export const deleting: JobChange = {
  verdictOn: () => 'change',
  apply: (tx, jobs) => deleteLocked(tx, jobs, endJobs),
  isUndone: sql`TRUE`,
}

/** Sends no event of the end of a batch, as where the batch itself or its owner is deleted. */
const deletingSilently: JobChange = {
  ...deleting,
  apply: (tx, jobs) => deleteLocked(tx, jobs, (on, ends) => addRuns(on, ends.runs, ends.jobs, ends.counts)),
}

/**
 * Deletes jobs of a user in any status, in one transaction, and sends no event: see `deleteVisionJob`.
 *
 * @param ids at most a few hundred
 * @returns how many
 */
export async function deleteJobsSilently(database: Database, userId: string, ids: readonly number[]): Promise<number> {
  return (await changeJobs(database, deletingSilently, { userId, ids })).get('change')?.length ?? 0
}

/** The jobs are locked first: their row locks hold off a worker that would save an output under them. */
async function deleteLocked(
  tx: Queryable,
  jobs: readonly LockedJob[],
  end: (tx: Queryable, ends: Required<Omit<Ends, 'texts' | 'usage'>>) => Promise<void>,
): Promise<void> {
  const ids = jobs.map(({ jobId }) => jobId)
  await deleteByIds(tx, 'vision_jobs', ids)
  await noteDeletions(tx, jobs)
  await deleteRows(tx, 'vision_job_outputs', sql`job_id IN ${ids}`)
  const runs = await cutOffRuns(tx, jobs)
  await deleteTexts(tx, ids)
  await deleteRows(tx, 'vision_job_attempts', sql`job_id IN ${ids} AND NOT ${isOfWatchedRun()}`)
  await unlinkImages(
    tx,
    jobs.flatMap(({ imageId }) => imageId ?? []),
  )
  const unended = jobs.filter((job) => !hasEnded(job))
  await end(tx, {
    runs,
    jobs: unended.map(({ jobId, userId, batchId }) => ({ jobId, userId, batchId, status: 'deleted' })),
    // Before it is seen whether a batch has ended.
    counts: deleted(jobs.filter(hasEnded)),
  })
}
