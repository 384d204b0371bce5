import { randomBytes } from 'node:crypto'
import { createEndpoint } from '../../../core/webhooks/endpoints.ts'
import { type WebhookEvent, webhookEvents } from '../../../drizzle/schema.ts'
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
