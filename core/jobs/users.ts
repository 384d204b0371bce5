import { sql } from 'drizzle-orm'
import { matchedBy, type Queryable, rowsOf } from '../database/sql.ts'

/** A user whose row the transaction has locked. */
export interface LockedUser {
  readonly userId: string
  /** Whether any of the user's jobs may be held. */
  readonly mayHaveHeld: boolean
}

/**
 * Locks a user's row, which is made when it is first needed. Whoever adds to the user's jobs in flight holds it, and takes
 * it before any job's row and one user's alone: in another order two transactions may each wait for the other.
 */
export async function lockUser(tx: Queryable, userId: string): Promise<LockedUser> {
  const query = sql`SELECT held_at IS NOT NULL AS held FROM vision_users WHERE user_id = ${userId} FOR UPDATE`
  let [row] = await rowsOf<{ held: 0 | 1 }>(tx, query)
  if (row === undefined) {
    // Not IGNORE, which leaves each of several with a shared lock that it cannot trade for its own while the others wait.
    await matchedBy(
      tx,
      sql`INSERT INTO vision_users (user_id) VALUES (${userId}) ON DUPLICATE KEY UPDATE user_id = user_id`,
    )
    ;[row] = await rowsOf<{ held: 0 | 1 }>(tx, query)
  }
  return { userId, mayHaveHeld: row?.held === 1 }
}

/**
 * The same without waiting: undefined while somebody else holds the row, who may have died with it. For what serves all
 * users one after the other, and comes again.
 */
export async function tryLockUser(tx: Queryable, userId: string): Promise<LockedUser | undefined> {
  const [row] = await rowsOf<{ held: 0 | 1 }>(
    tx,
    sql`SELECT held_at IS NOT NULL AS held FROM vision_users WHERE user_id = ${userId} FOR UPDATE SKIP LOCKED`,
  )
  if (row !== undefined) return { userId, mayHaveHeld: row.held === 1 }
  const taken = await rowsOf(tx, sql`SELECT 1 FROM vision_users WHERE user_id = ${userId}`)
  return taken.length > 0 ? undefined : lockUser(tx, userId)
}
