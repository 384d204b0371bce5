import { check, index, int, mysqlTable, tinyint, uniqueIndex } from 'drizzle-orm/mysql-core'
import { count, id, json, key, oneOf, text, time, word } from './columns.ts'

/** The events of webhooks; `webhook.test` is the test call that their owner requests. */
export const webhookEvents = [
  'job.completed',
  'job.failed',
  'job.cancelled',
  'text.completed',
  'batch.completed',
] as const
export type WebhookEvent = (typeof webhookEvents)[number]

export type DeliveryType = WebhookEvent | 'webhook.test'

/** Why an endpoint is disabled: by its owner; it answered 410; or it failed for five days. */
export const disabledReasons = ['owner', 'gone', 'failing'] as const
export type DisabledReason = (typeof disabledReasons)[number]

/** The status of a delivery: to be sent or retried; accepted; or given up. */
export const deliveryStatuses = ['pending', 'delivered', 'failed'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

/** A secret that deliveries are signed with: `whsec_` and base64. */
export interface SigningSecret {
  readonly secret: string
  /** In milliseconds since the epoch; null: until it is rotated out. */
  readonly validUntil: number | null
}

/** The webhook endpoints of users, at most ten each. */
export const visionWebhookEndpoints = mysqlTable(
  'vision_webhook_endpoints',
  {
    id: id('id').autoincrement().primaryKey(),
    /** Empty once it is deleted: its row goes when its deliveries are swept. */
    userId: key('user_id', { length: 255 }).notNull(),
    /** As a URL is serialised: in ASCII. */
    url: key('url', { length: 2048 }).notNull(),
    description: text('description', { length: 200 }),
    /** Those of `webhookEvents` that it receives, separated by spaces. */
    events: key('events', { length: 120 }).notNull(),
    /** Newest first; every valid one signs. They are used, so no hash would do: see docs/decisions/0021-webhooks.md. */
    secrets: json<readonly SigningSecret[]>('secrets').notNull(),
    /** Null while it is enabled. */
    disabledReason: word<DisabledReason>('disabled_reason'),
    /** Attempts that failed since one succeeded, and since when. */
    failures: count('failures'),
    failingSince: time('failing_since'),
    /** Nothing is sent to it before this moment. */
    retryAt: time('retry_at'),
    /** Its last answer took longer than two seconds, or did not come: it is served apart from the quick ones. */
    slow: tinyint('slow', { unsigned: true }).notNull().default(0),
    /** One worker at a time serves it: the fencing token, and until when it holds. */
    lease: count('lease'),
    leaseExpiresAt: time('lease_expires_at'),
    /** When it was last served: the one that has waited longest is next. */
    servedAt: time('served_at').notNull(),
    /** When its deliveries were last looked through for what is too old or too much. */
    sweptAt: time('swept_at').notNull(),
    /** How many trial calls were asked for. */
    tests: count('tests'),
    /** How many trial calls and resent deliveries were requested in the current minute, and when that began. */
    requests: count('requests'),
    requestsSince: time('requests_since'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (endpoint) => [
    index('owner').on(endpoint.userId, endpoint.id),
    // How many are enabled, and how many of them fail.
    index('failing').on(endpoint.disabledReason, endpoint.failures),
    index('sweep').on(endpoint.sweptAt),
  ],
)

/** The outbox of webhooks: one row for each event and endpoint, written in the transaction of the change that it tells of. */
export const visionWebhookDeliveries = mysqlTable(
  'vision_webhook_deliveries',
  {
    id: id('id').autoincrement().primaryKey(),
    endpointId: id('endpoint_id').notNull(),
    type: word<DeliveryType>('type').notNull(),
    /** The job that the event is of, 0 for a batch or a trial call; its batch, or the batch that the event is of, 0 for none. */
    jobId: id('job_id').notNull().default(0),
    batchId: id('batch_id').notNull().default(0),
    /** The text that the event is of; 0 for none. */
    text: tinyint('text', { unsigned: true }).notNull().default(0),
    /** Of the job; of a batch, how often it has ended; of an endpoint, how many trial calls. Later ones wait for earlier ones. */
    version: count('version'),
    /** What the payload says: the same with every attempt. */
    data: json<Record<string, unknown>>('data').notNull(),
    status: word<DeliveryStatus>('status').notNull(),
    attempts: count('attempts'),
    /** When it is sent next; of one that has ended, when it was last due: it is deleted a week later. */
    dueAt: time('due_at').notNull(),
    /** When it is given up. */
    expiresAt: time('expires_at').notNull(),
    /** The HTTP status of the last answer; null where there was none. */
    answerStatus: int('answer_status', { unsigned: true }),
    /** The first 256 bytes of that answer: untrusted data. */
    answer: text('answer', { length: 256 }),
    /** Why the last attempt failed. */
    error: key('error', { length: 30 }),
    createdAt: time('created_at').notNull(),
    /** When it was last sent. */
    sentAt: time('sent_at'),
    /** When it was delivered or given up. */
    endedAt: time('ended_at'),
  },
  (delivery) => [
    // Also what of the same job comes before.
    uniqueIndex('subject').on(
      delivery.endpointId,
      delivery.jobId,
      delivery.batchId,
      delivery.version,
      delivery.type,
      delivery.text,
    ),
    // The status comes first: the endpoints that something waits for are found by one lookup each, and no others.
    index('due').on(delivery.status, delivery.endpointId, delivery.dueAt),
    index('listed').on(delivery.endpointId, delivery.status, delivery.id),
    // Whether anything is due, and since when; and what is old.
    index('waiting').on(delivery.status, delivery.dueAt),
    check('vision_webhook_deliveries_status', oneOf('status', deliveryStatuses)),
  ],
)
