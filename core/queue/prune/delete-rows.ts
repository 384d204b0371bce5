import { type SQL, sql } from 'drizzle-orm'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { wanted } from '../../database/sql-text.ts'

type Table = 'vision_jobs' | 'vision_job_outputs' | 'vision_job_attempts'

/**
 * Deletes the rows that match a condition in two steps: a plain read, then a deletion by primary key. In REPEATABLE READ, a
 * deletion along a secondary index also locks the gap behind the rows, and so blocks inserts for other jobs.
 *
 * The caller holds the lock of the rows' job, so no row is added meanwhile.
 */
export async function deleteRows(tx: Queryable, table: Table, condition: SQL): Promise<void> {
  const rows = await rowsOf<{ id: number }>(tx, sql`SELECT id FROM ${sql.raw(table)} WHERE ${condition}`)
  await deleteByIds(
    tx,
    table,
    rows.map(({ id }) => id),
  )
}

/**
 * Deletes rows by a join: given a list of ids, either server scans a small table despite the index hint, and so waits for
 * jobs that workers hold.
 */
export async function deleteByIds(tx: Queryable, table: Table, ids: readonly number[]): Promise<number> {
  if (ids.length === 0) return 0
  const doomed = wanted(
    ['id'],
    ids.map((id) => [id]),
  )
  const from = sql.raw(table)
  return matchedBy(
    tx,
    sql`DELETE ${from} FROM ${doomed} STRAIGHT_JOIN ${from} FORCE INDEX (PRIMARY) ON ${from}.id = wanted.id`,
  )
}
