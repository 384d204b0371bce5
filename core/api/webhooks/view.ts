import { type AttemptError, attemptErrors } from '../../webhooks/attempt.ts'
import { type DeliveryRow, messageIdOf, payloadOf } from '../../webhooks/deliveries.ts'
import { type EndpointRow, eventsOf } from '../../webhooks/endpoints.ts'
import type { DeliveryView, WebhookPayloadView, WebhookView } from './schema.ts'

/** An endpoint as its owner sees it. */
export function viewWebhook(row: EndpointRow): WebhookView {
  const { id, url, description, disabledReason, failures } = row
  return {
    webhookId: id,
    url,
    description,
    events: eventsOf(row),
    status: disabledReason === null ? 'enabled' : 'disabled',
    disabledReason,
    failures,
    failingSince: row.failingSince?.toISOString() ?? null,
    previousSecretUntil: row.previousSecretUntil?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  }
}

/** A delivery as the owner of its endpoint sees it. */
export function viewDelivery(row: DeliveryRow): DeliveryView {
  const { id, status, attempts, dueAt, answerStatus, answer, error, createdAt, sentAt, endedAt } = row
  return {
    deliveryId: id,
    messageId: messageIdOf(row),
    status,
    attempts,
    nextAttemptAt: status === 'pending' ? dueAt.toISOString() : null,
    answer: answerStatus === null ? null : { status: answerStatus, text: answer ?? '' },
    error: error === null ? null : sayError(error),
    createdAt: createdAt.toISOString(),
    sentAt: sentAt?.toISOString() ?? null,
    endedAt: endedAt?.toISOString() ?? null,
    payload: payloadOf(row) as WebhookPayloadView,
  }
}

/** Rows may be of a later release. */
function sayError(error: string): string {
  return Object.hasOwn(attemptErrors, error) ? attemptErrors[error as AttemptError] : error
}
