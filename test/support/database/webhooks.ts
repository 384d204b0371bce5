import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { createEndpoint } from '../../../core/webhooks/endpoints.ts'
import { newSecret } from '../../../core/webhooks/secrets.ts'
import { visionWebhookEndpoints, type WebhookEvent, webhookEvents } from '../../../drizzle/schema.ts'
import type { TestDatabase } from './test-database.ts'

interface WantedEndpoint {
  readonly userId?: string
  readonly url?: string
  readonly events?: readonly WebhookEvent[]
}

/** Makes an endpoint, of `user-1` and told of everything unless a test says otherwise. */
export async function makeEndpoint(
  on: TestDatabase,
  { userId = 'user-1', url = 'https://shop.example/hook', events = webhookEvents }: WantedEndpoint = {},
): Promise<{ readonly endpointId: number; readonly userId: string; readonly secret: string }> {
  const { row, secret } = await createEndpoint(on, userId, { url, events, description: null }, randomBytes)
  return { endpointId: row.id, userId, secret }
}

/** Makes as many endpoints, each of a user of its own, in one statement. */
export async function makeEndpoints(
  on: TestDatabase,
  count: number,
  { url = 'https://shop.example/hook', prefix = 'many' } = {},
): Promise<void> {
  const now = sql`UTC_TIMESTAMP(3)`
  const values = {
    url,
    events: webhookEvents.join(' '),
    secrets: [{ secret: newSecret(randomBytes), validUntil: null }],
    servedAt: now,
    sweptAt: now,
    createdAt: now,
    updatedAt: now,
  }
  const rows = Array.from({ length: count }, (_, index) => ({ userId: `${prefix}-${index}`, ...values }))
  await on.run((db) => db.insert(visionWebhookEndpoints).values(rows))
}

/** Has as many deliveries wait for each endpoint whose URL ends so, in one statement; those that do already are among them. */
export async function makeDeliveries(on: TestDatabase, urlEnd: string, each: number): Promise<void> {
  await on.sql(
    `INSERT INTO vision_webhook_deliveries (endpoint_id, type, version, data, status, due_at, expires_at, created_at)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
      SELECT e.id, 'webhook.test', 1000 + n.i, '{}', 'pending', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY, UTC_TIMESTAMP(3)
      FROM n STRAIGHT_JOIN vision_webhook_endpoints e WHERE e.url LIKE ?
      ON DUPLICATE KEY UPDATE version = vision_webhook_deliveries.version`,
    [each, `%${urlEnd}`],
  )
}

/** What the outbox holds, in the order in which it was written: the event, of which job or batch, at which version. */
export async function outboxOf(on: TestDatabase, endpointId?: number): Promise<readonly string[]> {
  const rows = await on.sql(
    `SELECT type, job_id, batch_id, version FROM vision_webhook_deliveries
      WHERE ${endpointId === undefined ? '1 = 1' : 'endpoint_id = ?'} ORDER BY id`,
    [endpointId],
  )
  return rows.map(({ type, job_id, batch_id, version }) => {
    const subject = Number(job_id) === 0 ? `batch ${batch_id}` : `job ${job_id}`
    return `${type} of ${subject} at ${version}`
  })
}

export async function emptyWebhooks(on: TestDatabase): Promise<void> {
  await on.sql('DELETE FROM vision_webhook_deliveries')
  await on.sql('DELETE FROM vision_webhook_endpoints')
}
