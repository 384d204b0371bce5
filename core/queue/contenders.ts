import { sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from '../database/sql.ts'

/** Each user has one of the next turns, so that among so many jobs nearly all are. */
const looked = 200

/** How many other users have jobs among the next 200 to be claimed: with whom the workers are shared. */
export async function countContenders(on: Queryable, userId: string): Promise<number> {
  const [row] = await rowsOf<{ users: number }>(
    on,
    sql`SELECT COUNT(DISTINCT user_id) AS users FROM (SELECT user_id FROM vision_jobs FORCE INDEX (claim)
        WHERE status = 'pending' AND next_step = 'analysis' ORDER BY start_tag, id LIMIT ${looked}) AS next_jobs
      WHERE user_id <> ${userId}`,
  )
  return Number(row?.users ?? 0)
}
