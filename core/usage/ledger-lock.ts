import { sql } from 'drizzle-orm'
import type { Outcome } from '../../drizzle/schema.ts'
import { type Queryable, rowsOf, tableOfUsers } from '../database/sql.ts'

/**
 * Finds the users whose ledger rows of today are not locked, and locks those. A transaction that ends the runs of many
 * users leaves the others for later: a connection that died between its last statement and its COMMIT holds their rows, and
 * all users would wait with that one.
 *
 * @param statuses the statuses of the rows to be updated
 */
export async function withFreeLedger(
  tx: Queryable,
  userIds: readonly string[],
  statuses: readonly Outcome[],
): Promise<ReadonlySet<string>> {
  const users = [...new Set(userIds)]
  if (users.length === 0) return new Set()
  const which = sql`FROM ${tableOfUsers(users)} wanted STRAIGHT_JOIN vision_usage u FORCE INDEX (PRIMARY)
    ON u.user_id = wanted.user_id AND u.day = UTC_DATE() WHERE u.status IN ${[...statuses]}`
  const keysOf = async (query: ReturnType<typeof sql>) =>
    (await rowsOf<{ userId: string; model: string; status: string }>(tx, query)).map(
      ({ userId, model, status }) => [userId, JSON.stringify([userId, model, status])] as const,
    )
  const locked = new Set(
    (await keysOf(sql`SELECT u.user_id AS userId, u.model, u.status ${which} FOR UPDATE SKIP LOCKED`)).map(
      ([, key]) => key,
    ),
  )
  const all = await keysOf(sql`SELECT u.user_id AS userId, u.model, u.status ${which}`)
  const held = new Set(all.filter(([, key]) => !locked.has(key)).map(([userId]) => userId))
  return new Set(users.filter((userId) => !held.has(userId)))
}
