import { sql } from 'drizzle-orm'
import { matchedBy, type Queryable, rowsOf } from '../db.ts'

/**
 * Locks a user's row, which is made when it is first needed. Taken before any job's row, and one user's alone: in another
 * order two transactions may each wait for the other.
 */
export async function lockUser(tx: Queryable, userId: string): Promise<void> {
  const query = sql`SELECT 1 FROM vision_users WHERE user_id = ${userId} FOR UPDATE`
  if ((await rowsOf(tx, query)).length > 0) return
  await matchedBy(
    tx,
    sql`INSERT INTO vision_users (user_id) VALUES (${userId}) ON DUPLICATE KEY UPDATE user_id = user_id`,
  )
}
