import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'
import { createMinuteQuota, isMinuteOver, type MinuteRow } from './minute-quota.ts'
import type { Quota } from './quotas.ts'

/** The most estimates of a user in a minute. */
export const estimatesPerMinute = 60

const begun = sql`begun_at`
const minute = createMinuteQuota('limit.estimates_per_minute', estimatesPerMinute, {
  used: sql`estimates`,
  begun,
  isOver: isMinuteOver(begun),
})

/**
 * Counts an estimate.
 *
 * @returns the rest of the minute's quota
 * @throws LimitExceeded
 */
export async function consumeEstimate(
  database: Database,
  userId: string,
): Promise<{ readonly quotas: readonly Quota[] }> {
  const count = () =>
    database.run((on) =>
      matchedBy(
        on,
        sql`UPDATE vision_estimate_quotas SET ${minute.count}
          WHERE user_id = ${userId} AND ${minute.hasRoom}`,
      ),
    )
  let counted = await count()
  if (counted === 0) {
    await database.run((on) =>
      matchedBy(
        on,
        sql`INSERT INTO vision_estimate_quotas (user_id, begun_at) VALUES (${userId}, UTC_TIMESTAMP(3))
          ON DUPLICATE KEY UPDATE user_id = VALUES(user_id)`,
      ),
    )
    counted = await count()
  }
  const [row] = await database.run((on) =>
    rowsOf<MinuteRow>(
      on,
      sql`SELECT ${minute.columns}
        FROM vision_estimate_quotas WHERE user_id = ${userId}`,
    ),
  )
  return minute.rest(row, counted > 0)
}
