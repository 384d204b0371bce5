import { and, eq, sql } from 'drizzle-orm'
import { type DeliveryStatus, deliveryStatuses, visionWebhookDeliveries } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { getEndpoint, type OwnedEndpoint } from './endpoints.ts'
import { newDelivery } from './outbox.ts'
import { keepTryingMs } from './schedule.ts'

/** A row of `vision_webhook_deliveries`. */
export type DeliveryRow = typeof visionWebhookDeliveries.$inferSelect

export interface DeliveryFilter {
  readonly status: DeliveryStatus | undefined
  readonly limit: number
  /** Only those before this one. */
  readonly before: number | undefined
}

/**
 * The deliveries of an endpoint, newest first: one more than asked for where there are more.
 *
 * @throws VisionError `webhook.not_found`
 */
export async function listDeliveries(
  database: Database,
  owned: OwnedEndpoint,
  { status, limit, before }: DeliveryFilter,
): Promise<readonly DeliveryRow[]> {
  await getEndpoint(database, owned)
  const earlier = before === undefined ? sql`` : sql` AND id < ${before}`
  // A page of each status, along the one index of all three.
  const pages = (status === undefined ? deliveryStatuses : [status]).map(
    (one) => sql`(SELECT id FROM vision_webhook_deliveries FORCE INDEX (listed)
      WHERE endpoint_id = ${owned.endpointId} AND status = ${one}${earlier} ORDER BY id DESC LIMIT ${limit + 1})`,
  )
  return database.run(async (on) => {
    const found = await rowsOf<{ id: number }>(
      on,
      sql`SELECT id FROM (${sql.join(pages, sql` UNION ALL `)}) AS pages ORDER BY id DESC LIMIT ${limit + 1}`,
    )
    const ids = found.map(({ id }) => Number(id))
    if (ids.length === 0) return []
    const rows = await on.select().from(visionWebhookDeliveries).where(sql`id IN ${ids}`)
    return rows.toSorted((one, other) => other.id - one.id)
  })
}

/** A delivery of a user's. */
export interface OwnedDelivery extends OwnedEndpoint {
  readonly deliveryId: number
}

/**
 * Has a delivery sent once more, as itself, and tried for another three days: one that was delivered or given up, or that waits. To
 * come after `consumeRequest`.
 *
 * @throws VisionError `webhook.delivery_not_found`
 */
export async function resendDelivery(database: Database, owned: OwnedDelivery): Promise<DeliveryRow> {
  const row = await database.run(async (on) => {
    await matchedBy(
      on,
      sql`UPDATE vision_webhook_deliveries SET status = 'pending', attempts = 0, due_at = UTC_TIMESTAMP(3),
          expires_at = ${inMilliseconds(keepTryingMs)}, error = NULL, ended_at = NULL
        WHERE id = ${owned.deliveryId} AND endpoint_id = ${owned.endpointId}`,
    )
    return find(on, owned)
  })
  if (row === undefined) throw new VisionError('webhook.delivery_not_found')
  return row
}

/**
 * Sends an endpoint a trial call, `webhook.test`, as any other delivery. To come after `consumeRequest`.
 *
 * @throws VisionError `webhook.not_found`
 */
export async function testEndpoint(database: Database, owned: OwnedEndpoint): Promise<DeliveryRow> {
  const { endpointId, userId } = owned
  let deliveryId = 0
  const row = await database.transact(
    async (tx) => {
      const [endpoint] = await rowsOf<{ tests: number }>(
        tx,
        sql`SELECT tests FROM vision_webhook_endpoints WHERE id = ${endpointId} AND user_id = ${userId} FOR UPDATE`,
      )
      if (endpoint === undefined) throw new VisionError('webhook.not_found')
      await matchedBy(tx, sql`UPDATE vision_webhook_endpoints SET tests = tests + 1 WHERE id = ${endpointId}`)
      const version = endpoint.tests + 1
      const data = { webhookId: endpointId, version }
      const event = { type: 'webhook.test' as const, jobId: 0, batchId: null, version, data }
      const [{ insertId }] = await tx.insert(visionWebhookDeliveries).values(newDelivery(endpointId, event))
      deliveryId = insertId
      return find(tx, { ...owned, deliveryId })
    },
    async (on) => find(on, { ...owned, deliveryId }),
  )
  if (row === undefined) throw new Error('the delivery that was made is gone')
  return row
}

/** The id of the message, the same with every attempt. It says when it was made, since ids may begin anew after a restore. */
export function messageIdOf({ id, createdAt }: Pick<DeliveryRow, 'id' | 'createdAt'>): string {
  return `msg_${id}_${createdAt.getTime().toString(36)}`
}

/** What is sent. */
export function payloadOf({ type, createdAt, data }: Pick<DeliveryRow, 'type' | 'createdAt' | 'data'>) {
  return { type, payloadVersion: 1, timestamp: createdAt.toISOString(), data }
}

async function find(on: Queryable, { deliveryId, endpointId }: OwnedDelivery): Promise<DeliveryRow | undefined> {
  const { id, endpointId: ofEndpoint } = visionWebhookDeliveries
  const [row] = await on
    .select()
    .from(visionWebhookDeliveries)
    .where(and(eq(id, deliveryId), eq(ofEndpoint, endpointId)))
  return row
}
