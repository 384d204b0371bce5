import { sql } from 'drizzle-orm'
import { matchedBy, type Queryable } from './sql.ts'

/**
 * Locks the row of a user, and makes it if there is none: that user's calls run one after another, so that bounds hold for all of
 * them together. In REPEATABLE READ a locking read of a missing row would lock the gap.
 */
export async function lockUserRow(tx: Queryable, userId: string): Promise<void> {
  await matchedBy(
    tx,
    sql`INSERT INTO vision_users (user_id) VALUES (${userId}) ON DUPLICATE KEY UPDATE user_id = VALUES(user_id)`,
  )
}
