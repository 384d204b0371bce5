import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { LimitExceeded, type Quota } from '../usage/quotas.ts'
import type { OwnedEndpoint } from './endpoints.ts'

/** The most trial calls and resent deliveries of an endpoint in a minute. */
export const requestsPerMinute = 60
const minuteSeconds = 60

/**
 * Counts a request to send something to an endpoint, by the database's clock and over all processes. A minute begins with the
 * first request after the end of the previous one.
 *
 * @returns the rest of the minute's quota
 * @throws VisionError `webhook.not_found` or `webhook.disabled`
 * @throws LimitExceeded
 */
export async function consumeRequest(
  database: Database,
  { endpointId, userId }: OwnedEndpoint,
): Promise<{ readonly quotas: readonly Quota[] }> {
  const isOwned = sql`id = ${endpointId} AND user_id = ${userId}`
  const isOver = sql`(requests_since IS NULL OR requests_since <= UTC_TIMESTAMP(3) - INTERVAL ${minuteSeconds} SECOND)`
  // The start comes last: the assignments before it still see the old value.
  const counted = await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_webhook_endpoints SET requests = IF(${isOver}, 0, requests) + 1,
          requests_since = IF(${isOver}, UTC_TIMESTAMP(3), requests_since)
        WHERE ${isOwned} AND disabled_reason IS NULL AND (${isOver} OR requests < ${requestsPerMinute})`,
    ),
  )
  const [row] = await database.run((on) =>
    rowsOf<{ disabled: string | null; used: number; left: number | null }>(
      on,
      sql`SELECT disabled_reason AS disabled, requests AS used,
          TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), requests_since) + ${minuteSeconds} AS \`left\`
        FROM vision_webhook_endpoints WHERE ${isOwned}`,
    ),
  )
  if (row === undefined) throw new VisionError('webhook.not_found')
  if (row.disabled !== null) throw new VisionError('webhook.disabled')
  const quota: Quota = {
    code: 'limit.webhook_requests_per_minute',
    limit: requestsPerMinute,
    left: Math.max(0, requestsPerMinute - Number(row.used)),
    resetSeconds: Math.max(1, Number(row.left ?? 0)),
    windowSeconds: minuteSeconds,
  }
  if (counted === 0) throw new LimitExceeded(quota, [quota])
  return { quotas: [quota] }
}
