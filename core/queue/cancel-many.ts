import { sql } from 'drizzle-orm'
import { endedStatuses, type Status } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { hasEnded } from '../domain/job.ts'
import type { RunIdentity } from '../domain/run.ts'
import { unlinkImages } from '../images/snapshots.ts'
import { addBatchCounts, deleted } from '../usage/batch-counts.ts'
import { addRuns, type OwnedRun } from '../usage/ledger.ts'
import { attemptsOf } from './attempts-of.ts'
import { callsOut } from './calls-out.ts'
import { isOfWatchedRun } from './cancel.ts'
import { deleteByIds, deleteRows } from './delete-rows.ts'
import { noteDeletions } from './deletions.ts'
import { endJobs } from './end-jobs.ts'
import { countWaiting, deleteTexts } from './texts.ts'

interface Row extends RunIdentity {
  readonly batchId: number | null
  readonly imageId: number | null
  readonly status: Status
  readonly errorCode: string | null
  readonly version: number
}

/**
 * Cancels those of a user's jobs that have not ended, in one transaction: see `cancelVisionJob`.
 *
 * @param ids at most a few hundred
 * @returns how many
 */
export function cancelVisionJobs(database: Database, userId: string, ids: readonly number[]): Promise<number> {
  return database.transact(
    async (tx) => {
      const jobs = (await lockAll(tx, userId, ids)).filter((job) => !hasEnded(job))
      if (jobs.length === 0) return 0
      await matchedBy(
        tx,
        sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET status = 'cancelled', version = version + 1, worker_id = NULL,
            lease_expires_at = NULL, available_at = NULL, finished_at = UTC_TIMESTAMP(3), updated_at = UTC_TIMESTAMP(3)
          WHERE id IN ${jobs.map(({ jobId }) => jobId)}`,
      )
      const ended = jobs.map(({ jobId, batchId }) => ({ jobId, userId, batchId, status: 'cancelled' as const }))
      await endJobs(tx, { runs: await cutOffRuns(tx, userId, jobs), jobs: ended })
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

/**
 * Deletes jobs of a user's in any status, in one transaction: see `deleteVisionJob`.
 *
 * @param ids at most a few hundred
 * @returns how many
 */
export function deleteVisionJobs(database: Database, userId: string, ids: readonly number[]): Promise<number> {
  return database.transact(
    async (tx) => {
      const jobs = await lockAll(tx, userId, ids)
      if (jobs.length === 0) return 0
      const locked = jobs.map(({ jobId }) => jobId)
      await deleteByIds(tx, 'vision_jobs', locked)
      await noteDeletions(
        tx,
        jobs.map((job) => ({ ...job, userId })),
      )
      await deleteRows(tx, 'vision_job_outputs', sql`job_id IN ${locked}`)
      const runs = await cutOffRuns(tx, userId, jobs)
      await deleteTexts(tx, locked)
      await deleteRows(tx, 'vision_job_attempts', sql`job_id IN ${locked} AND NOT ${isOfWatchedRun()}`)
      await unlinkImages(
        tx,
        jobs.flatMap(({ imageId }) => imageId ?? []),
      )
      const unended = jobs.filter((job) => !hasEnded(job))
      // Nobody is told that a batch has ended while its owner deletes it.
      await addRuns(
        tx,
        runs,
        unended.map(({ batchId }) => ({ userId, batchId, status: 'deleted' })),
      )
      await addBatchCounts(tx, deleted(jobs.filter(hasEnded)))
      return jobs.length
    },
    async (on) => {
      const rows = await rowsOf(
        on,
        sql`SELECT 1 FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${[...ids]} AND user_id = ${userId} LIMIT 1`,
      )
      return rows.length === 0 ? ids.length : undefined
    },
  )
}

/** In the order of their ids, as everywhere. */
function lockAll(tx: Queryable, userId: string, ids: readonly number[]): Promise<Row[]> {
  return rowsOf<Row>(
    tx,
    sql`SELECT id AS jobId, attempt, batch_id AS batchId, image_id AS imageId, status, version, error_code AS errorCode
      FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${[...ids]} AND user_id = ${userId} ORDER BY id FOR UPDATE`,
  )
}

/** Closes the runs that locked jobs have: see `cancelVisionJob`. */
async function cutOffRuns(tx: Queryable, userId: string, jobs: readonly Row[]): Promise<readonly OwnedRun[]> {
  const running = jobs.filter(({ status }) => status === 'processing')
  if (running.length === 0) return []
  const waiting = await countWaiting(
    tx,
    running.map(({ jobId }) => jobId),
  )
  const calls = running.map(({ jobId }) => sql`WHEN ${jobId} THEN ${callsOut(waiting.get(jobId))}`)
  await matchedBy(
    tx,
    sql`UPDATE ${attemptsOf(running)} SET a.outcome = 'cancelled', a.possibly_billed = a.step,
        a.possibly_billed_calls = a.possibly_billed_calls + CASE a.job_id ${sql.join(calls, sql` `)} END,
        a.ended_at = UTC_TIMESTAMP(3) WHERE a.outcome = 'running'`,
  )
  return running.map(({ jobId, attempt, batchId }) => ({ jobId, attempt, batchId, userId }))
}
