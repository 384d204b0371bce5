import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'

/** A number, counted up to `countLimit`. */
export interface Bounded {
  readonly count: number
  /** There are more. */
  readonly atLeast: boolean
}

/** How the delivery of webhooks is. */
export interface WebhookHealth {
  /** Deliveries that are to be sent to enabled endpoints, now or later; and those of them whose endpoint took nothing last time. */
  readonly waiting: Bounded
  readonly failing: Bounded
  /** How long the oldest delivery has waited that could be sent, in seconds of the database's clock; 0 if none waits. */
  readonly oldestDueSeconds: number
  readonly endpoints: {
    readonly enabled: Bounded
    /** Those of the enabled ones whose last attempt failed. */
    readonly failing: Bounded
    /** Disabled by their owners, by a 410, or by five days of failures. */
    readonly disabled: Bounded
  }
}

/** Bounds the cost of a count over a table of any size. */
const countLimit = 1_000
/** The number of endpoints whose oldest delivery is read: those that were served longest ago. */
const mostAsked = 10_000

/** Reads all of it in two statements, along indices and with a limit on each part. */
export async function readWebhookHealth(on: Queryable): Promise<WebhookHealth> {
  const upTo = (which: SQL) => sql`(SELECT COUNT(*) FROM (SELECT 1 FROM ${which} LIMIT ${countLimit + 1}) AS counted)`
  const endpoints = (which: SQL) => upTo(sql`vision_webhook_endpoints FORCE INDEX (turn) WHERE ${which}`)
  // The endpoints come first: one that is disabled may have ten thousand deliveries that are not sent.
  const deliveries = (which: SQL) =>
    upTo(sql`vision_webhook_endpoints e FORCE INDEX (turn) STRAIGHT_JOIN vision_webhook_deliveries d FORCE INDEX (due)
      ON d.endpoint_id = e.id AND d.status = 'pending' WHERE e.disabled_reason IS NULL AND ${which}`)
  const [row] = await rowsOf<Record<'waiting' | 'retried' | 'enabled' | 'failing' | 'disabled', number>>(
    on,
    sql`SELECT ${deliveries(sql`TRUE`)} AS waiting, ${deliveries(sql`e.failures > 0`)} AS retried,
      ${endpoints(sql`disabled_reason IS NULL`)} AS enabled,
      ${endpoints(sql`disabled_reason IS NULL AND failures > 0`)} AS failing,
      ${endpoints(sql`disabled_reason IS NOT NULL AND user_id <> ''`)} AS disabled`,
  )
  return {
    waiting: bounded(row?.waiting),
    failing: bounded(row?.retried),
    oldestDueSeconds: await oldestDelivery(on),
    endpoints: {
      enabled: bounded(row?.enabled),
      failing: bounded(row?.failing),
      disabled: bounded(row?.disabled),
    },
  }
}

/** How long the oldest delivery has waited that could be sent, in seconds of the database's clock; 0 if none waits. */
export function oldestDeliverySeconds(database: Database): Promise<number> {
  return database.run(oldestDelivery)
}

async function oldestDelivery(on: Queryable): Promise<number> {
  const [row] = await rowsOf<{ seconds: string | number }>(
    on,
    sql`SELECT GREATEST(0, COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(since), UTC_TIMESTAMP(3)) / 1000000, 0)) AS seconds
      FROM (SELECT GREATEST(COALESCE(e.retry_at, e.created_at), (SELECT MIN(d.due_at) FROM vision_webhook_deliveries d FORCE INDEX (due)
          WHERE d.endpoint_id = e.id AND d.status = 'pending')) AS since
        FROM (SELECT id, retry_at, created_at FROM vision_webhook_endpoints FORCE INDEX (turn) WHERE disabled_reason IS NULL
          ORDER BY served_at LIMIT ${mostAsked}) e) waiting
      WHERE since <= UTC_TIMESTAMP(3)`,
  )
  return Number(row?.seconds ?? 0)
}

function bounded(counted: number | undefined): Bounded {
  const count = Number(counted ?? 0)
  return { count: Math.min(count, countLimit), atLeast: count > countLimit }
}
