import { type SQL, sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from './sql.ts'

/** Bounds the cost of a count over a table of any size: about a millisecond. */
export const countLimit = 1_000

/** A number of rows, counted up to `countLimit`. */
export interface BoundedCount {
  readonly count: number
  /** There are more. */
  readonly atLeast: boolean
}

/**
 * Counts rows of several kinds in one statement, each up to `countLimit`.
 *
 * @param kinds names, constants of ours, each with what follows FROM: a table, its index and a condition
 */
export async function countRows<Name extends string>(
  on: Queryable,
  kinds: readonly (readonly [Name, SQL])[],
): Promise<Readonly<Record<Name, BoundedCount>>> {
  const counts = kinds.map(
    ([name, from]) =>
      sql`(SELECT COUNT(*) FROM (SELECT 1 FROM ${from} LIMIT ${countLimit + 1}) AS counted) AS ${sql.raw(`\`${name}\``)}`,
  )
  const [row] = await rowsOf<Record<string, number>>(on, sql`SELECT ${sql.join(counts, sql`, `)}`)
  const bounded = kinds.map(([name]) => {
    const count = Number(row?.[name] ?? 0)
    return [name, { count: Math.min(count, countLimit), atLeast: count > countLimit }] as const
  })
  return Object.fromEntries(bounded) as Record<Name, BoundedCount>
}
