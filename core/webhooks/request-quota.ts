import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { createMinuteQuota, isMinuteOver, type MinuteRow } from '../usage/minute-quota.ts'
import type { Quota } from '../usage/quotas.ts'
import type { OwnedEndpoint } from './endpoints.ts'

/** The most trial calls and resent deliveries of an endpoint in a minute. */
export const requestsPerMinute = 60

const begun = sql`requests_since`
const minute = createMinuteQuota('limit.webhook_requests_per_minute', requestsPerMinute, {
  used: sql`requests`,
  begun,
  isOver: sql`(requests_since IS NULL OR ${isMinuteOver(begun)})`,
})

/**
 * Counts a request to send something to an endpoint.
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
  const counted = await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_webhook_endpoints SET ${minute.count}
        WHERE ${isOwned} AND disabled_reason IS NULL AND ${minute.hasRoom}`,
    ),
  )
  const [row] = await database.run((on) =>
    rowsOf<MinuteRow & { readonly disabled: string | null }>(
      on,
      sql`SELECT disabled_reason AS disabled, ${minute.columns}
        FROM vision_webhook_endpoints WHERE ${isOwned}`,
    ),
  )
  if (row === undefined) throw new VisionError('webhook.not_found')
  if (row.disabled !== null) throw new VisionError('webhook.disabled')
  return minute.rest(row, counted > 0)
}
