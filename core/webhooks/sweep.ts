import { type SQL, sql } from 'drizzle-orm'
import { type DeliveryStatus, deliveryStatuses } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { wanted } from '../database/sql-text.ts'

/** How long deliveries are kept once they were last due, in days. */
const keptDays = 7
/** The most deliveries of an endpoint that wait, and the most that are kept of those that have ended so. */
export const mostKept = 10_000
/** How many rows are swept at a time, and how many endpoints are read. */
const batch = 1_000
const endpointsATime = 20
const everyMinutes = 10

/**
 * Deletes deliveries that were last due a week ago or whose endpoint is deleted, and looks through the endpoints that were not looked
 * through for ten minutes for what is too much: of more than 10,000 that wait the oldest are given up, and of those that have ended
 * the oldest are deleted.
 */
export async function sweepWebhooks(database: Database, signal?: AbortSignal): Promise<void> {
  await sweepDeletedEndpoints(database, signal)
  // By when they were last due, so that none that is kept stands before one that goes: deliveries that are resent keep their ids. One that
  // is pending so long is of no endpoint any more, written by a transaction after the deletion: others are given up after three days.
  const old = sql.join(
    deliveryStatuses.map(
      (status) => sql`(SELECT id FROM vision_webhook_deliveries FORCE INDEX (waiting)
        WHERE status = ${status} AND due_at < UTC_TIMESTAMP(3) - INTERVAL ${keptDays} DAY ORDER BY due_at LIMIT ${batch})`,
    ),
    sql` UNION ALL `,
  )
  await changeFound(database, old, deleted, signal)
  await forEach(
    database,
    sql`SELECT id FROM vision_webhook_endpoints FORCE INDEX (sweep)
      WHERE swept_at < UTC_TIMESTAMP(3) - INTERVAL ${everyMinutes} MINUTE ORDER BY swept_at LIMIT ${endpointsATime}`,
    (id) => sweepEndpoint(database, id, signal),
    signal,
  )
}

/** Deletes what is left of deleted endpoints: their deliveries, and then their rows. */
export function sweepDeletedEndpoints(database: Database, signal?: AbortSignal): Promise<void> {
  return forEach(
    database,
    sql`SELECT id FROM vision_webhook_endpoints FORCE INDEX (owner) WHERE user_id = '' LIMIT ${endpointsATime}`,
    async (id) => {
      const all = deliveryStatuses.map(
        (status) => sql`(SELECT id FROM vision_webhook_deliveries FORCE INDEX (listed)
          WHERE endpoint_id = ${id} AND status = ${status} LIMIT ${batch})`,
      )
      for (const some of all) await changeFound(database, some, deleted, signal)
      if (signal?.aborted) return
      await database.run((on) =>
        matchedBy(on, sql`DELETE FROM vision_webhook_endpoints WHERE id = ${id} AND user_id = ''`),
      )
    },
    signal,
  )
}

/** Looks through what is kept of one endpoint. */
async function sweepEndpoint(database: Database, id: number, signal?: AbortSignal): Promise<void> {
  await database.run((on) =>
    matchedBy(on, sql`UPDATE vision_webhook_endpoints SET swept_at = UTC_TIMESTAMP(3) WHERE id = ${id}`),
  )
  const expired = sql`SELECT id FROM vision_webhook_deliveries FORCE INDEX (listed)
    WHERE endpoint_id = ${id} AND status = 'pending' AND expires_at <= UTC_TIMESTAMP(3) ORDER BY id LIMIT ${batch}`
  await changeFound(database, expired, givenUp('expired'), signal)
  const beyond = (status: DeliveryStatus) => sql`SELECT id FROM vision_webhook_deliveries FORCE INDEX (listed)
    WHERE endpoint_id = ${id} AND status = ${status} ORDER BY id DESC LIMIT ${batch} OFFSET ${mostKept}`
  await changeFound(database, beyond('pending'), givenUp('too_many'), signal)
  await changeFound(database, beyond('delivered'), deleted, signal)
  await changeFound(database, beyond('failed'), deleted, signal)
}

/** Does something for each id that a query finds, until it finds no more or time is over. */
async function forEach(
  database: Database,
  found: SQL,
  one: (id: number) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    const rows = await database.run((on) => rowsOf<{ id: number }>(on, found))
    for (const { id } of rows) {
      if (signal?.aborted) return
      await one(Number(id))
    }
    if (rows.length < endpointsATime) return
  }
}

const deleted = (rows: SQL) => sql`DELETE d FROM ${rows}`
const givenUp = (error: 'expired' | 'too_many') => (rows: SQL) =>
  sql`UPDATE ${rows} SET d.status = 'failed', d.error = ${error}, d.ended_at = UTC_TIMESTAMP(3)`

/** A plain read, and then row by row: so no gap is locked, and no row that is not meant. */
async function changeFound(
  database: Database,
  found: SQL,
  change: (rows: SQL) => SQL,
  signal: AbortSignal | undefined,
): Promise<void> {
  while (!signal?.aborted) {
    const rows = await database.run((on) => rowsOf<{ id: number }>(on, found))
    if (rows.length === 0) return
    await database.run((on) => changeRows(on, rows, change))
    if (rows.length < batch) return
  }
}

function changeRows(
  on: Queryable,
  rows: readonly { readonly id: number }[],
  change: (rows: SQL) => SQL,
): Promise<number> {
  const ids = rows.map(({ id }) => [id])
  return matchedBy(
    on,
    change(
      sql`${wanted(['id'], ids)} STRAIGHT_JOIN vision_webhook_deliveries d FORCE INDEX (PRIMARY)
        ON d.id = wanted.id`,
    ),
  )
}
