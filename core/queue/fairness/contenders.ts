import { sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from '../../database/sql.ts'

/** How far ahead to look: fair queueing gives each user one of the next turns, so these jobs cover nearly all users. */
const looked = 200

/** The number of other users with jobs among the next 200 to be claimed. */
export async function countContenders(on: Queryable, userId: string): Promise<number> {
  const [row] = await rowsOf<{ users: number }>(
    on,
    sql`SELECT COUNT(DISTINCT user_id) AS users FROM (SELECT user_id FROM vision_jobs FORCE INDEX (claim)
        WHERE waiting_as = 'pending' AND lane = 'analysis' ORDER BY start_tag, id LIMIT ${looked}) AS next_jobs
      WHERE user_id <> ${userId}`,
  )
  return Number(row?.users ?? 0)
}
