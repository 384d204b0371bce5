import { sql } from 'drizzle-orm'
import type { Status, Step } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { type Queryable, rowsOf } from '../../database/sql.ts'
import { VisionError } from '../../domain/errors.ts'

/** A job as its owner names it: another user's job does not exist. */
export interface OwnedJob {
  readonly jobId: number
  readonly userId: string
}

/** The columns of a locked job that a change of the whole job depends on. */
export interface LockedJob extends OwnedJob {
  readonly status: Status
  readonly nextStep: Step
  readonly attempt: number
  readonly version: number
  readonly batchId: number | null
  readonly brandId: number | null
  readonly imageId: number | null
  readonly errorCode: string | null
}

/**
 * Fails where a job does not exist, before its row is locked: in REPEATABLE READ a locking read of a missing row locks the
 * gap, which blocks the creation of jobs.
 *
 * @throws VisionError `job.not_found`
 */
export async function requireJob(database: Database, { jobId, userId }: OwnedJob): Promise<void> {
  const query = sql`SELECT 1 FROM vision_jobs WHERE id = ${jobId} AND user_id = ${userId}`
  if ((await database.run((on) => rowsOf(on, query))).length === 0) throw new VisionError('job.not_found')
}

/**
 * Locks a user's job, and waits for a worker that is writing to it.
 *
 * @throws VisionError `job.not_found`
 */
export async function lockOwnedJob(tx: Queryable, { jobId, userId }: OwnedJob): Promise<LockedJob> {
  const [job] = await lockOwnedJobs(tx, userId, [jobId])
  if (job === undefined) throw new VisionError('job.not_found')
  return job
}

/** Locks those of the jobs that the user owns, by the primary key and in the order of their ids, as everywhere. */
export function lockOwnedJobs(tx: Queryable, userId: string, ids: readonly number[]): Promise<readonly LockedJob[]> {
  return rowsOf<LockedJob>(
    tx,
    sql`SELECT id AS jobId, user_id AS userId, status, next_step AS nextStep, attempt, version, batch_id AS batchId,
        brand_id AS brandId, image_id AS imageId, error_code AS errorCode
      FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${[...ids]} AND user_id = ${userId} ORDER BY id FOR UPDATE`,
  )
}

/**
 * Locks those of the jobs that still have the status, by the primary key and in the order of their ids. It does not wait for
 * those that another connection, perhaps a dead one, has locked.
 *
 * @returns the ids of those that are locked
 */
export async function lockJobs(tx: Queryable, status: Status, ids: readonly number[]): Promise<readonly number[]> {
  if (ids.length === 0) return []
  const rows = await rowsOf<{ id: number }>(
    tx,
    sql`SELECT id FROM vision_jobs FORCE INDEX (PRIMARY)
      WHERE id IN ${[...ids]} AND status = ${status} ORDER BY id FOR UPDATE SKIP LOCKED`,
  )
  return rows.map(({ id }) => id)
}
