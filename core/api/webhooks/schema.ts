import * as z from 'zod'
import { deliveryStatuses, disabledReasons, webhookEvents } from '../../../drizzle/schema.ts'
import { pageFields } from '../../http/page-fields.ts'
import { maxUrlLength } from '../../webhooks/url.ts'
import { batchId, count, ErrorCodes, jobId, textId, time } from '../fields.ts'

export const webhookId = z
  .int()
  .min(1)
  .meta({ description: 'The id of a webhook.', examples: [3] })
const deliveryId = z
  .int()
  .min(1)
  .meta({ description: 'The id of a delivery.', examples: [12] })
const url = z
  .string()
  .trim()
  .min(1)
  // Percent-encoded it may be longer, and is checked again.
  .max(maxUrlLength)
  .meta({
    description: 'Where events are posted: https, at a public address, port 443 or one from 1024 up.',
    examples: ['https://shop.example/hooks/vision'],
  })
const description = z.string().trim().max(200).meta({ description: 'For people, up to 200 characters.' })
export const WebhookEvent = z.enum(webhookEvents).meta({
  id: 'WebhookEvent',
  description:
    'job.completed, job.failed, job.cancelled: a job has ended so · text.completed: a text was made, or made anew · batch.completed: every job of a batch has ended',
})
const events = z
  .array(WebhookEvent)
  .min(1)
  .max(webhookEvents.length)
  .refine((list) => new Set(list).size === list.length, { error: 'Name each event once.' })
  .meta({ description: 'The events that it receives.' })
const webhookStatus = z.enum(['enabled', 'disabled'])
export const DeliveryStatus = z.enum(deliveryStatuses).meta({
  id: 'DeliveryStatus',
  description: 'pending: is to be sent, or sent again · delivered: was answered with 200 to 299 · failed: was given up',
})
const limit = z.int().min(1).max(100).default(20).meta({ description: 'The most on a page.' })

// --- input ---

export const CreateWebhook = z
  .strictObject({
    url,
    events: events.optional().meta({ description: 'The events that it receives; all if left out.' }),
    description: description.optional(),
  })
  .meta({ id: 'CreateWebhook' })

export const ListWebhooks = z.strictObject({}).prefault({})

export const OneWebhook = z.strictObject({ webhookId })

export const UpdateWebhook = z
  .strictObject({
    webhookId,
    url: url.optional(),
    events: events.optional(),
    description: description.nullable().optional(),
    status: webhookStatus.optional().meta({
      description: 'Enabled again it begins anew: its failures are forgotten, and what still waits is sent.',
    }),
  })
  .meta({ id: 'UpdateWebhook' })

export const RotateWebhookSecret = z
  .strictObject({
    webhookId,
    previousValidHours: z.int().min(0).max(168).default(24).meta({
      description: 'For how long the secrets from before sign as well; 0: not any more.',
    }),
  })
  .meta({ id: 'RotateWebhookSecret' })

export const ListDeliveries = z.strictObject({
  webhookId,
  status: DeliveryStatus.optional().meta({ description: 'Only those.' }),
  limit,
  ...pageFields,
})

export const OneDelivery = z.strictObject({ webhookId, deliveryId })

// --- output ---

export const Webhook = z
  .object({
    webhookId,
    url,
    description: z.string().nullable(),
    events: z.array(WebhookEvent),
    status: webhookStatus,
    disabledReason: z.enum(disabledReasons).nullable().meta({
      description:
        'owner: by its owner · gone: it answered 410 · failing: it took nothing for five days · null while it is enabled',
    }),
    failures: count.meta({ description: 'How many attempts have failed since one succeeded.' }),
    failingSince: time.nullable().meta({ description: 'Since when; null if the last one succeeded.' }),
    previousSecretUntil: time.nullable().meta({ description: 'Until when a secret from before a rotation signs too.' }),
    createdAt: time,
    updatedAt: time.meta({ description: 'When its owner last changed it.' }),
  })
  .meta({ id: 'Webhook' })

export const WebhookWithSecret = Webhook.extend({
  secret: z
    .string()
    .meta({ description: 'What its deliveries are signed with. It is shown this once.', examples: ['whsec_…'] }),
}).meta({ id: 'WebhookWithSecret' })

export const Webhooks = z.object({ webhooks: z.array(Webhook) }).meta({ id: 'Webhooks' })

// --- what is sent ---

const version = z.int().min(1).meta({
  description:
    'Of the job: grows with every change. What has a lower one than something received before is out of date.',
})
const ofJob = { jobId, batchId: batchId.nullable(), version }
const endedJob = <Status extends string>(status: Status) =>
  z.object({ ...ofJob, status: z.literal(status), error: z.null() })
const timestamp = time.meta({ description: 'When it happened; the same with every attempt.' })
const payload = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.object({
    type: z.literal(type),
    payloadVersion: z.literal(1).meta({ description: 'Of this form: another one is another number.' }),
    timestamp,
    data,
  })

/** What is posted, by its type. */
export const payloads = {
  'job.completed': payload('job.completed', endedJob('completed')).meta({
    id: 'JobCompletedPayload',
    description: 'The analysis and all texts of a job are there.',
  }),
  'job.failed': payload(
    'job.failed',
    z.object({
      ...ofJob,
      status: z.literal('failed'),
      error: z.object({ code: ErrorCodes, message: z.string() }),
    }),
  ).meta({ id: 'JobFailedPayload', description: 'A job was ended by an error. It may be retried.' }),
  'job.cancelled': payload('job.cancelled', endedJob('cancelled')).meta({
    id: 'JobCancelledPayload',
    description: 'A job was cancelled by its owner.',
  }),
  'text.completed': payload(
    'text.completed',
    z.object({
      ...ofJob,
      text: textId,
      revision: z.int().min(1).meta({ description: 'Counts how often this text was made.' }),
    }),
  ).meta({ id: 'TextCompletedPayload', description: 'A text of a job was made, or made anew.' }),
  'batch.completed': payload(
    'batch.completed',
    z.object({
      batchId,
      version: z
        .int()
        .min(1)
        .meta({ description: 'How often the batch has ended: it can be retried, or get more jobs.' }),
      jobs: z
        .object({ completed: count, failed: count, cancelled: count })
        .meta({ description: 'What has become of its jobs.' }),
    }),
  ).meta({ id: 'BatchCompletedPayload', description: 'Every job of a batch has ended.' }),
  'webhook.test': payload('webhook.test', z.object({ webhookId, version: count })).meta({
    id: 'WebhookTestPayload',
    description: 'A trial call, which the owner of the webhook asked for.',
  }),
} as const

export const WebhookPayload = z
  .discriminatedUnion('type', [
    payloads['job.completed'],
    payloads['job.failed'],
    payloads['job.cancelled'],
    payloads['text.completed'],
    payloads['batch.completed'],
    payloads['webhook.test'],
  ])
  .meta({ id: 'WebhookPayload' })

export const Delivery = z
  .object({
    deliveryId,
    messageId: z.string().meta({
      description: 'The header `webhook-id`: the same with every attempt, so that what comes twice is known.',
      examples: ['msg_12_mih3k2v4'],
    }),
    status: DeliveryStatus,
    attempts: count.meta({ description: 'How many of this sending have failed or succeeded.' }),
    nextAttemptAt: time
      .nullable()
      .meta({ description: 'The earliest moment of the next attempt; null once it has ended.' }),
    answer: z
      .object({ status: z.int(), text: z.string() })
      .nullable()
      .meta({ description: 'The status of the last answer, and its first 256 bytes; null if there was none.' }),
    error: z.string().nullable().meta({ description: 'Why the last attempt failed, for people.' }),
    createdAt: time,
    sentAt: time.nullable().meta({ description: 'When it was last sent.' }),
    endedAt: time.nullable().meta({ description: 'When it was delivered or given up.' }),
    payload: WebhookPayload.meta({ description: 'What is sent.' }),
  })
  .meta({ id: 'WebhookDelivery' })

export const DeliveryPage = z
  .object({
    deliveries: z.array(Delivery),
    nextCursor: z.string().nullable().meta({ description: 'Asks for the next page; null on the last.' }),
  })
  .meta({ id: 'WebhookDeliveryPage' })

export type WebhookView = z.infer<typeof Webhook>
export type WebhookWithSecretView = z.infer<typeof WebhookWithSecret>
export type WebhooksView = z.infer<typeof Webhooks>
export type DeliveryView = z.infer<typeof Delivery>
export type DeliveryPageView = z.infer<typeof DeliveryPage>
export type WebhookPayloadView = z.infer<typeof WebhookPayload>
