import { type SQL, sql } from 'drizzle-orm'
import { type Status, type Step, statuses, steps } from '../../drizzle/schema.ts'
import { type Queryable, rowsOf } from '../db.ts'

/** How many jobs there are of a kind, counted no further than `countLimit`. */
export interface Depth {
  readonly status: Status
  readonly jobs: number
  /** There are more. */
  readonly atLeast: boolean
}

/** Nothing is counted beyond, so that a count costs the same over any table: about a millisecond. */
export const countLimit = 1_000
/** So many of the waiting jobs that expire first are looked at for the one that waits longest. */
const oldestOf = 100

/** How many jobs are in each status. */
export async function getQueueDepth(on: Queryable): Promise<readonly Depth[]> {
  const counted = statuses.map((status) => sql`(${upTo(sql`FORCE INDEX (claim) WHERE status = ${status}`)})`)
  const [row] = await rowsOf<Record<string, number>>(
    on,
    sql`SELECT ${sql.join(
      counted.map((count, index) => sql`${count} AS ${sql.raw(`\`${statuses[index]}\``)}`),
      sql`, `,
    )}`,
  )
  return statuses.map((status) => ({ status, ...depthOf(row?.[status]) }))
}

/** A count of jobs that ends one beyond the limit; the number is `depthOf`’s to read. */
export function upTo(which: SQL): SQL {
  return sql`SELECT COUNT(*) FROM (SELECT 1 FROM vision_jobs ${which} LIMIT ${countLimit + 1}) AS counted`
}

/** What a count by `upTo` means. */
export function depthOf(counted: number | undefined): Omit<Depth, 'status'> {
  const jobs = Number(counted ?? 0)
  return { jobs: Math.min(jobs, countLimit), atLeast: jobs > countLimit }
}

/**
 * For how long the oldest job waits that a worker could have taken, in milliseconds of the database's clock, or null where
 * none waits. Of the pending ones it is the oldest among those that expire first, since nothing else orders them by time.
 */
export async function getOldestDueMs(on: Queryable): Promise<number | null> {
  const pending = steps.map(
    (lane: Step) => sql`(SELECT MIN(updated_at) FROM (SELECT updated_at FROM vision_jobs FORCE INDEX (expiry)
      WHERE status = 'pending' AND next_step = ${lane} ORDER BY expires_at, id LIMIT ${oldestOf}) AS first_of_lane)`,
  )
  const due = sql`(SELECT available_at FROM vision_jobs FORCE INDEX (due)
    WHERE status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3) ORDER BY available_at, id LIMIT 1)`
  const never = sql`CAST('9999-12-31' AS DATETIME(3))`
  const [row] = await rowsOf<{ ageMs: number | null }>(
    on,
    sql`SELECT CAST(TIMESTAMPDIFF(MICROSECOND, NULLIF(LEAST(${sql.join(
      [...pending, due].map((moment) => sql`COALESCE(${moment}, ${never})`),
      sql`, `,
    )}), ${never}), UTC_TIMESTAMP(3)) DIV 1000 AS SIGNED) AS ageMs`,
  )
  return row?.ageMs === null || row?.ageMs === undefined ? null : Math.max(0, Number(row.ageMs))
}
