import type { DeliveryView, WebhookPayloadView, WebhookView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

export const exampleWebhook: WebhookView = {
  webhookId: 3,
  url: 'https://shop.example/hooks/vision',
  description: 'Shop server',
  events: ['job.completed', 'job.failed', 'batch.completed'],
  status: 'enabled',
  disabledReason: null,
  failures: 0,
  failingSince: null,
  previousSecretUntil: null,
  createdAt: '2026-11-20T09:00:00.000Z',
  updatedAt: '2026-11-20T09:00:00.000Z',
}

const timestamp = '2026-11-23T12:00:09.000Z'
const job = { jobId: 1, batchId: 5, version: 5 }

/** What is posted, by its type. */
export const examplePayloads = {
  'job.completed': {
    type: 'job.completed',
    payloadVersion: 1,
    timestamp,
    data: { ...job, status: 'completed', error: null },
  },
  'job.failed': {
    type: 'job.failed',
    payloadVersion: 1,
    timestamp,
    data: {
      ...job,
      status: 'failed',
      error: { code: 'image.not_found', message: 'The image server says that there is no such image.' },
    },
  },
  'job.cancelled': {
    type: 'job.cancelled',
    payloadVersion: 1,
    timestamp,
    data: { ...job, status: 'cancelled', error: null },
  },
  'text.completed': {
    type: 'text.completed',
    payloadVersion: 1,
    timestamp,
    data: { ...job, version: 4, text: 1, revision: 1 },
  },
  'batch.completed': {
    type: 'batch.completed',
    payloadVersion: 1,
    timestamp,
    data: { batchId: 5, version: 1, jobs: { completed: 498, failed: 2, cancelled: 0 } },
  },
  'webhook.test': { type: 'webhook.test', payloadVersion: 1, timestamp, data: { webhookId: 3, version: 1 } },
} as const satisfies Record<string, WebhookPayloadView>

export const exampleDelivery: DeliveryView = {
  deliveryId: 12,
  messageId: 'msg_12_mib5r7mg',
  status: 'pending',
  attempts: 1,
  nextAttemptAt: '2026-11-23T12:00:14.500Z',
  answer: { status: 503, text: 'down for maintenance' },
  error: 'The server answered with another status than 200 to 299.',
  createdAt: timestamp,
  sentAt: '2026-11-23T12:00:09.400Z',
  endedAt: null,
  payload: examplePayloads['job.completed'],
}
