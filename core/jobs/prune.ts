import { setTimeout as delay } from 'node:timers/promises'
import { type SQL, sql } from 'drizzle-orm'
import type { Status } from '../../drizzle/schema.ts'
import { type Database, matchedBy, type Queryable, rowsOf } from '../db.ts'
import { unlinkImages } from '../images/snapshots.ts'
import { depthOf, upTo } from './depth.ts'

export interface PruneOptions {
  /** Jobs that ended longer ago than this, in days of the database's clock. */
  readonly olderThanDays: number
  /** At most about so many jobs. */
  readonly limit: number
  /** Aborted when it must end; what it has done stays done. */
  readonly signal?: AbortSignal | undefined
  /** Called in the transaction of each batch, with what has been done by its end. */
  readonly note?: ((tx: Queryable, soFar: Pruned) => Promise<void>) | undefined
}

export interface Pruned {
  /** How many jobs there are, or were deleted. */
  readonly jobs: number
  /** There may be more: the limit or the time was reached. */
  readonly more: boolean
}

const ended = ['completed', 'failed', 'cancelled'] as const satisfies Status[]
const batch = 100
/** Between two batches, in milliseconds: the server purges what was deleted, and others get their turn. */
const pauseMs = 100

/** How many jobs there are to prune, counted no further than a few thousand of each status. */
export async function countPrunable(on: Queryable, olderThanDays: number): Promise<Pruned> {
  const counts = ended.map((status) => sql`(${upTo(sql`FORCE INDEX (ended) WHERE ${isOld(status, olderThanDays)}`)})`)
  const [row] = await rowsOf<Record<string, number>>(
    on,
    sql`SELECT ${sql.join(
      counts.map((count, index) => sql`${count} AS ${sql.raw(`\`${ended[index]}\``)}`),
      sql`, `,
    )}`,
  )
  const depths = ended.map((status) => depthOf(row?.[status]))
  return { jobs: depths.reduce((sum, { jobs }) => sum + jobs, 0), more: depths.some(({ atLeast }) => atLeast) }
}

/**
 * Deletes jobs that ended long ago with their outputs and attempts, and gives up their images: a hundred in a short
 * transaction, the oldest first. Only rows of ended jobs are locked, and those that somebody else holds are passed over, so
 * claims neither wait for it nor meet it.
 */
export async function pruneVisionJobs(
  database: Database,
  { olderThanDays, limit, signal, note }: PruneOptions,
): Promise<Pruned> {
  let jobs = 0
  for (const status of ended) {
    for (;;) {
      if (jobs >= limit || signal?.aborted) return { jobs, more: true }
      const before = jobs
      const found = await pruneBatch(
        database,
        isOld(status, olderThanDays),
        Math.min(batch, limit - jobs),
        (tx, more) => (note ? note(tx, { jobs: before + more, more: true }) : Promise.resolve()),
      )
      jobs += found
      if (found < batch) break
      await delay(pauseMs, undefined, { ...(signal && { signal }) }).catch(() => undefined)
    }
  }
  return { jobs, more: false }
}

function isOld(status: Status, days: number): SQL {
  return sql`status = ${status} AND finished_at < UTC_TIMESTAMP(3) - INTERVAL ${days} DAY`
}

/** @returns how many were deleted */
function pruneBatch(
  database: Database,
  which: SQL,
  limit: number,
  note: (tx: Queryable, jobs: number) => Promise<void>,
): Promise<number> {
  let ids: readonly number[] = []
  return database.transact(
    async (tx) => {
      const rows = await rowsOf<{ id: number; imageId: number | null }>(
        tx,
        sql`SELECT id, image_id AS imageId FROM vision_jobs FORCE INDEX (ended) WHERE ${which}
          ORDER BY finished_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED`,
      )
      ids = rows.map(({ id }) => id)
      if (rows.length === 0) return 0
      // By their keys whatever a server makes of a small table: a scan would wait for jobs that workers hold.
      await matchedBy(tx, sql`DELETE vision_jobs FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${ids}`)
      await matchedBy(
        tx,
        sql`DELETE vision_job_outputs FROM vision_job_outputs FORCE INDEX (job_kind) WHERE job_id IN ${ids}`,
      )
      await matchedBy(
        tx,
        sql`DELETE vision_job_attempts FROM vision_job_attempts FORCE INDEX (job_attempt) WHERE job_id IN ${ids}`,
      )
      await unlinkImages(
        tx,
        rows.flatMap(({ imageId }) => imageId ?? []),
      )
      await note(tx, rows.length)
      return rows.length
    },
    async (on) => {
      if (ids.length === 0) return 0
      const left = await rowsOf(on, sql`SELECT 1 FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${ids} FOR UPDATE`)
      return left.length === 0 ? ids.length : undefined
    },
  )
}
