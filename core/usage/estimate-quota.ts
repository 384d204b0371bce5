import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'
import { LimitExceeded, type Quota } from './quotas.ts'

/** The most estimates of a user in a minute. */
export const estimatesPerMinute = 60
const minuteSeconds = 60

/**
 * Counts an estimate, by the database's clock and over all processes. A minute begins with the first estimate after the end
 * of the previous one.
 *
 * @returns the rest of the minute's quota
 * @throws LimitExceeded
 */
export async function consumeEstimate(
  database: Database,
  userId: string,
): Promise<{ readonly quotas: readonly Quota[] }> {
  const isOver = sql`begun_at <= UTC_TIMESTAMP(3) - INTERVAL ${minuteSeconds} SECOND`
  // The start comes last: the assignments before it still see the old value.
  const count = () =>
    database.run((on) =>
      matchedBy(
        on,
        sql`UPDATE vision_estimate_quotas SET estimates = IF(${isOver}, 0, estimates) + 1,
            begun_at = IF(${isOver}, UTC_TIMESTAMP(3), begun_at)
          WHERE user_id = ${userId} AND (${isOver} OR estimates < ${estimatesPerMinute})`,
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
    rowsOf<Record<'used' | 'left', number>>(
      on,
      sql`SELECT estimates AS used, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), begun_at) + ${minuteSeconds} AS \`left\`
        FROM vision_estimate_quotas WHERE user_id = ${userId}`,
    ),
  )
  const quota: Quota = {
    code: 'limit.estimates_per_minute',
    limit: estimatesPerMinute,
    left: Math.max(0, estimatesPerMinute - Number(row?.used ?? 0)),
    resetSeconds: Math.max(1, Number(row?.left ?? 0)),
    windowSeconds: minuteSeconds,
  }
  if (counted === 0) throw new LimitExceeded(quota, [quota])
  return { quotas: [quota] }
}
