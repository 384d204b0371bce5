import { type SQL, sql } from 'drizzle-orm'
import type { Status } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { hasEnded } from '../domain/job.ts'
import { unlinkImages } from '../images/snapshots.ts'
import { addBatchCounts, deleted, uncounted } from '../usage/batch-counts.ts'
import type { OwnedRun } from '../usage/ledger.ts'
import { callsOut } from './calls-out.ts'
import { deleteRows } from './delete-rows.ts'
import { noteDeletions } from './deletions.ts'
import { endJobs } from './end-jobs.ts'
import { countWaiting, deleteTexts, retryTexts } from './texts.ts'

/** How long a worker may report the usage of a run that was taken from it, in milliseconds. */
const tellingMs = 300_000

/** A job as its owner names it: another user's job does not exist. */
export interface OwnedJob {
  readonly jobId: number
  readonly userId: string
}

/**
 * Cancels a job that has not ended, and closes the run it may have, whose worker learns of it by losing its fence.
 * Doing it twice is no error. Once it is acknowledged nothing can overwrite it.
 *
 * @throws VisionError `job.not_found`, or `job.not_cancellable` when it has ended otherwise
 */
export async function cancelVisionJob(database: Database, { jobId, userId }: OwnedJob): Promise<void> {
  await requireJob(database, { jobId, userId })
  await database.transact(
    async (tx) => {
      const job = await lockJob(tx, { jobId, userId })
      if (job === undefined) throw new VisionError('job.not_found')
      if (job.status === 'cancelled') return true
      if (hasEnded(job)) throw new VisionError('job.not_cancellable')
      await matchedBy(
        tx,
        sql`UPDATE vision_jobs SET status = 'cancelled', version = version + 1, worker_id = NULL,
            lease_expires_at = NULL, available_at = NULL, finished_at = UTC_TIMESTAMP(3),
            updated_at = UTC_TIMESTAMP(3)
          WHERE id = ${jobId}`,
      )
      const runs = await cutOffRun(tx, job)
      await endJobs(tx, { runs, jobs: [{ jobId, userId, batchId: job.batchId, status: 'cancelled' }] })
      return true
    },
    async (on) => ((await statusOf(on, { jobId, userId })) === 'cancelled' ? true : undefined),
  )
}

/**
 * Deletes a job in any status with its outputs and attempts, and gives up its image. The row of a run that is under way, or
 * was taken from it lately, goes when the run notices: until then it tells what of the run the ledger has.
 *
 * @throws VisionError `job.not_found`
 */
export async function deleteVisionJob(database: Database, { jobId, userId }: OwnedJob): Promise<void> {
  await requireJob(database, { jobId, userId })
  await database.transact(
    async (tx) => {
      // The job first: its row lock holds off a worker that would save an output under it.
      const job = await lockJob(tx, { jobId, userId })
      if (job === undefined) throw new VisionError('job.not_found')
      const { batchId } = job
      await matchedBy(tx, sql`DELETE FROM vision_jobs WHERE id = ${jobId}`)
      await noteDeletions(tx, [job])
      await deleteRows(tx, 'vision_job_outputs', sql`job_id = ${jobId}`)
      const runs = await cutOffRun(tx, job)
      await deleteTexts(tx, [jobId])
      await deleteRows(tx, 'vision_job_attempts', sql`job_id = ${jobId} AND NOT ${isOfWatchedRun()}`)
      if (job.imageId !== null) await unlinkImages(tx, [job.imageId])
      if (hasEnded(job)) await addBatchCounts(tx, deleted([job]))
      else await endJobs(tx, { runs, jobs: [{ jobId, userId, batchId, status: 'deleted' }] })
      return true
    },
    async (on) => ((await statusOf(on, { jobId, userId })) === undefined ? true : undefined),
  )
}

/**
 * Gives a failed job a new life: due at once, failures and crashes zeroed, the attempt and what was saved kept. A job that is
 * under way has it already: doing it twice is no error.
 *
 * @param lifeMs until it expires again, in milliseconds of the database's clock
 * @returns whether it was this call that did it
 * @throws VisionError `job.not_found` or `job.not_retryable`
 */
export async function redriveVisionJob(
  database: Database,
  { jobId, userId }: OwnedJob,
  { lifeMs }: { readonly lifeMs: number },
): Promise<boolean> {
  await requireJob(database, { jobId, userId })
  return database.transact(
    async (tx) => {
      const job = await lockJob(tx, { jobId, userId })
      if (job === undefined) throw new VisionError('job.not_found')
      if (job.status !== 'failed') {
        if (hasEnded(job)) throw new VisionError('job.not_retryable')
        return false
      }
      await matchedBy(tx, sql`UPDATE vision_jobs SET ${redriven(lifeMs)} WHERE id = ${jobId}`)
      await retryTexts(tx, [jobId])
      await addBatchCounts(tx, uncounted([job]))
      return true
    },
    async (on) => ((await statusOf(on, { jobId, userId })) === 'failed' ? undefined : true),
  )
}

interface LockedJob extends OwnedJob {
  readonly batchId: number | null
  readonly errorCode: string | null
  readonly imageId: number | null
  readonly status: Status
  readonly attempt: number
  readonly version: number
}

/**
 * Before a job is locked: the lock of a row that is not there is a lock of the gap, where the isolation is REPEATABLE READ,
 * and keeps others from creating jobs.
 *
 * @throws VisionError `job.not_found`
 */
async function requireJob(database: Database, { jobId, userId }: OwnedJob): Promise<void> {
  const query = sql`SELECT 1 FROM vision_jobs WHERE id = ${jobId} AND user_id = ${userId}`
  if ((await database.run((on) => rowsOf(on, query))).length === 0) throw new VisionError('job.not_found')
}

async function lockJob(tx: Queryable, { jobId, userId }: OwnedJob): Promise<LockedJob | undefined> {
  const [job] = await rowsOf<Omit<LockedJob, keyof OwnedJob>>(
    tx,
    sql`SELECT batch_id AS batchId, image_id AS imageId, status, attempt, version, error_code AS errorCode
      FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id = ${jobId} AND user_id = ${userId} FOR UPDATE`,
  )
  return job && { ...job, jobId, userId }
}

/** Closes the run that a locked job may have: the one of its attempt, by the whole key, which locks no gap. */
async function cutOffRun(
  tx: Queryable,
  { jobId, userId, batchId, attempt, status }: LockedJob,
): Promise<readonly OwnedRun[]> {
  if (status !== 'processing') return []
  const waiting = (await countWaiting(tx, [jobId])).get(jobId)
  const matched = await matchedBy(
    tx,
    // Until its worker reports their outcome, which a dead one never does, its calls may have been billed.
    sql`UPDATE vision_job_attempts a SET a.outcome = 'cancelled', a.possibly_billed = a.step,
        a.possibly_billed_calls = a.possibly_billed_calls + ${callsOut(waiting)}, a.ended_at = UTC_TIMESTAMP(3)
      WHERE a.job_id = ${jobId} AND a.attempt = ${attempt} AND a.outcome = 'running'`,
  )
  return matched === 0 ? [] : [{ jobId, userId, batchId, attempt }]
}

/** Whether the row of a run that was taken from its worker is kept, so that the worker can report its usage. */
export function isOfWatchedRun(): SQL {
  return sql`(outcome IN ('cancelled', 'lost') AND ended_at > ${inMilliseconds(-tellingMs)})`
}

/** What makes a failed job live again. */
export function redriven(lifeMs: number): SQL {
  return sql`status = 'scheduled', failures = 0, crashes = 0, version = version + 1,
    available_at = UTC_TIMESTAMP(3), finished_at = NULL, error_code = NULL, error_message = NULL,
    answer_issue = NULL, expires_at = ${inMilliseconds(lifeMs)}, updated_at = UTC_TIMESTAMP(3)`
}

/** Waits for a COMMIT that is still under way. */
async function statusOf(on: Queryable, { jobId, userId }: OwnedJob): Promise<Status | undefined> {
  const [row] = await rowsOf<{ status: Status }>(
    on,
    sql`SELECT status FROM vision_jobs WHERE id = ${jobId} AND user_id = ${userId} FOR UPDATE`,
  )
  return row?.status
}
