import { type SQL, sql } from 'drizzle-orm'
import { type Status, statuses } from '../../drizzle/schema.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'

/** The number of jobs of a kind, counted up to `countLimit`. */
export interface Depth {
  readonly status: Status
  readonly jobs: number
  /** There are more. */
  readonly atLeast: boolean
}

/** Bounds the cost of a count over a table of any size: about a millisecond. */
export const countLimit = 1_000

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

/** A count of jobs that stops one beyond the limit; `depthOf` interprets it. */
export function upTo(which: SQL): SQL {
  return sql`SELECT COUNT(*) FROM (SELECT 1 FROM vision_jobs ${which} LIMIT ${countLimit + 1}) AS counted`
}

/** Interprets a count by `upTo`. */
export function depthOf(counted: number | undefined): Omit<Depth, 'status'> {
  const jobs = Number(counted ?? 0)
  return { jobs: Math.min(jobs, countLimit), atLeast: jobs > countLimit }
}
