import { setTimeout as delay } from 'node:timers/promises'
import { type SQL, sql } from 'drizzle-orm'
import { endedStatuses, type Status } from '../../../drizzle/schema.ts'
import { countRows } from '../../database/bounded-counts.ts'
import type { Database } from '../../database/client.ts'
import { type Queryable, rowsOf } from '../../database/sql.ts'
import { unlinkImages } from '../../images/snapshots.ts'
import { addBatchCounts, deleted } from '../../usage/batch-counts.ts'
import { deleteTexts } from '../rows/texts.ts'
import { deleteByIds, deleteRows } from './delete-rows.ts'
import { noteDeletions } from './deletions.ts'

export interface PruneOptions {
  /** Jobs that ended longer ago than this, in days of the database's clock. */
  readonly olderThanDays: number
  /** The approximate limit; no limit if left out. */
  readonly limit?: number | undefined
  /** Aborted when it must end; completed batches stay done. */
  readonly signal?: AbortSignal | undefined
  /** Called in the transaction of each batch, with the totals at its end. */
  readonly note?: ((tx: Queryable, soFar: Pruned) => Promise<void>) | undefined
}

export interface Pruned {
  /** How many jobs there are, or were deleted. */
  readonly jobs: number
  /** There may be more: the limit or the time was reached. */
  readonly more: boolean
}

const batch = 100
/** The pause between two batches, in milliseconds, in which the server purges deleted rows and other statements run. */
const pauseMs = 100

/** How many jobs there are to prune, counted no further than a thousand of each status. */
export async function countPrunable(on: Queryable, olderThanDays: number): Promise<Pruned> {
  const counts = await countRows(
    on,
    endedStatuses.map((status) => [status, sql`vision_jobs FORCE INDEX (ended) WHERE ${isOld(status, olderThanDays)}`]),
  )
  const each = Object.values(counts)
  return { jobs: each.reduce((sum, { count }) => sum + count, 0), more: each.some(({ atLeast }) => atLeast) }
}

/**
 * Deletes jobs that ended long ago with their outputs and attempts, and unlinks their images: a hundred in each short
 * transaction, the oldest first. It locks only rows of ended jobs and skips those that are locked, so it never blocks a
 * claim. Of several at once all but one end early.
 */
export async function pruneVisionJobs(
  database: Database,
  { olderThanDays, limit = Number.POSITIVE_INFINITY, signal, note }: PruneOptions,
): Promise<Pruned> {
  let jobs = 0
  for (const status of endedStatuses) {
    for (;;) {
      if (jobs >= limit || signal?.aborted) return { jobs, more: true }
      const wanted = Math.min(batch, limit - jobs)
      const ids = await oldIds(database, status, olderThanDays, wanted)
      if (ids.length === 0) break
      const before = jobs
      const deleted = await pruneBatch(database, ids, status, async (tx, more) => {
        await note?.(tx, { jobs: before + more, more: true })
      })
      jobs += deleted
      // Another process is pruning.
      if (deleted === 0) return { jobs, more: true }
      if (ids.length < wanted) break
      await delay(pauseMs, undefined, { ...(signal && { signal }) }).catch(() => undefined)
    }
  }
  return { jobs, more: false }
}

/**
 * The jobs of the next batch. A plain read: on MariaDB, a locking read along this index also locks the first row beyond its
 * range, which may be a pending job whose claim would have to wait.
 */
async function oldIds(database: Database, status: Status, days: number, limit: number): Promise<readonly number[]> {
  const rows = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`SELECT id FROM vision_jobs FORCE INDEX (ended) WHERE ${isOld(status, days)}
        ORDER BY finished_at, id LIMIT ${limit}`,
    ),
  )
  return rows.map(({ id }) => id)
}

function isOld(status: Status, days: number): SQL {
  return sql`ended_as = ${status} AND finished_at < UTC_TIMESTAMP(3) - INTERVAL ${days} DAY`
}

/** @returns how many were deleted: those that were neither locked nor redriven meanwhile */
function pruneBatch(
  database: Database,
  candidates: readonly number[],
  status: Status,
  note: (tx: Queryable, jobs: number) => Promise<void>,
): Promise<number> {
  let ids: readonly number[] = []
  return database.transact(
    async (tx) => {
      const rows = await rowsOf<{
        id: number
        userId: string
        version: number
        imageId: number | null
        batchId: number | null
        errorCode: string | null
      }>(
        tx,
        sql`SELECT id, user_id AS userId, version, image_id AS imageId, batch_id AS batchId, error_code AS errorCode
          FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${candidates} AND status = ${status} FOR UPDATE SKIP LOCKED`,
      )
      ids = rows.map(({ id }) => id)
      if (rows.length === 0) return 0
      await deleteByIds(tx, 'vision_jobs', ids)
      await noteDeletions(
        tx,
        rows.map((row) => ({ ...row, jobId: row.id })),
      )
      await deleteRows(tx, 'vision_job_outputs', sql`job_id IN ${ids}`)
      await deleteTexts(tx, ids)
      await deleteRows(tx, 'vision_job_attempts', sql`job_id IN ${ids}`)
      const imageIds = rows.flatMap(({ imageId }) => imageId ?? [])
      await unlinkImages(tx, imageIds)
      await note(tx, rows.length)
      const ended = rows.map((row) => ({ ...row, status }))
      await addBatchCounts(tx, deleted(ended))
      return rows.length
    },
    async (on) => {
      const left = await rowsOf(
        on,
        sql`SELECT 1 FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${candidates} FOR UPDATE`,
      )
      return left.length === candidates.length - ids.length ? ids.length : undefined
    },
  )
}
