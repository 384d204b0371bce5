import { type SQL, sql } from 'drizzle-orm'
import { type BoundedCount, countRows } from '../database/bounded-counts.ts'
import type { Database } from '../database/client.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'
import { earliestPending } from './due.ts'

/** How the delivery of webhooks is. */
export interface WebhookHealth {
  /** Deliveries that are to be sent to enabled endpoints, now or later; and those of them whose endpoint took nothing last time. */
  readonly waiting: BoundedCount
  readonly failing: BoundedCount
  /** How long the oldest delivery has waited that could be sent, in seconds of the database's clock; 0 if none waits. */
  readonly oldestDueSeconds: number
  readonly endpoints: {
    readonly enabled: BoundedCount
    /** Those of the enabled ones whose last attempt failed. */
    readonly failing: BoundedCount
    /** Disabled by their owners, by a 410, or by five days of failures. */
    readonly disabled: BoundedCount
  }
}

/** The most endpoints that are looked at, of those that something waits for. */
const mostAsked = 10_000

/** Reads all of it in two statements, along indices and with a limit on each part: however many endpoints there are. */
export async function readWebhookHealth(on: Queryable): Promise<WebhookHealth> {
  const endpoints = (which: SQL) => sql`vision_webhook_endpoints FORCE INDEX (failing) WHERE ${which}`
  // The endpoints come first that something waits for: of those that are disabled ten thousand deliveries each may not be sent.
  const deliveries = (which: SQL) =>
    sql`${earliestPending(mostAsked)} STRAIGHT_JOIN vision_webhook_endpoints e FORCE INDEX (PRIMARY) ON e.id = earliest.endpoint_id
      STRAIGHT_JOIN vision_webhook_deliveries d FORCE INDEX (due) ON d.endpoint_id = e.id AND d.status = 'pending'
      WHERE e.disabled_reason IS NULL AND ${which}`
  const { waiting, retried, ...counts } = await countRows(on, [
    ['waiting', deliveries(sql`TRUE`)],
    ['retried', deliveries(sql`e.failures > 0`)],
    ['enabled', endpoints(sql`disabled_reason IS NULL`)],
    ['failing', endpoints(sql`disabled_reason IS NULL AND failures > 0`)],
    ['disabled', endpoints(sql`disabled_reason IS NOT NULL AND user_id <> ''`)],
  ])
  return { waiting, failing: retried, oldestDueSeconds: await oldestDelivery(on), endpoints: counts }
}

/** How long the oldest delivery has waited that could be sent, in seconds of the database's clock; 0 if none waits. */
export function oldestDeliverySeconds(database: Database): Promise<number> {
  return database.run(oldestDelivery)
}

async function oldestDelivery(on: Queryable): Promise<number> {
  const [row] = await rowsOf<{ seconds: string | number }>(
    on,
    sql`SELECT GREATEST(0, COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(since), UTC_TIMESTAMP(3)) / 1000000, 0)) AS seconds
      FROM (SELECT GREATEST(COALESCE(e.retry_at, e.created_at), earliest.due_at) AS since FROM ${earliestPending(mostAsked)}
        STRAIGHT_JOIN vision_webhook_endpoints e FORCE INDEX (PRIMARY) ON e.id = earliest.endpoint_id
        WHERE e.disabled_reason IS NULL) waiting
      WHERE since <= UTC_TIMESTAMP(3)`,
  )
  return Number(row?.seconds ?? 0)
}
