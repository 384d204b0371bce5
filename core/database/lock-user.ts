import { sql } from 'drizzle-orm'
import { matchedBy, type Queryable } from './sql.ts'

/** Locks the row of a user, and makes it if there is none: of that user's calls one goes after the other, so that bounds hold. */
export async function lockUserRow(tx: Queryable, userId: string): Promise<void> {
  await matchedBy(
    tx,
    sql`INSERT INTO vision_users (user_id) VALUES (${userId}) ON DUPLICATE KEY UPDATE user_id = VALUES(user_id)`,
  )
}
