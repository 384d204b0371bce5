import { sql } from 'drizzle-orm'
import type { Status } from '../../drizzle/schema.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'

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
