/**
 * The class of an error, which decides the outcome of the job.
 *
 * - `request`: the caller's fault; the call is refused and nothing was changed.
 * - `permanent`: the job's fault; another run would end the same way, so the job fails at once.
 * - `retryable`: it counts as a failure of the job, which is retried while it has retries left.
 * - `provider`: a provider's or the operator's fault; the job waits and is retried at no cost to it.
 */
export type ErrorClass = 'request' | 'permanent' | 'retryable' | 'provider'

interface Code {
  readonly errorClass: ErrorClass
  /** Shown to clients: no internals, and what to change where there is something to change. */
  readonly message: string
  /** The HTTP status of a refused request. */
  readonly status?: number
}

/** Every error code. Codes are stable: clients and alarms match on them. */
export const errorCodes = {
  'request.invalid': { errorClass: 'request', status: 400, message: 'The request does not fit the schema.' },
  'request.unauthenticated': { errorClass: 'request', status: 401, message: 'Send a valid bearer token.' },
  'request.forbidden': { errorClass: 'request', status: 403, message: 'This token may not do that.' },
  'request.not_found': { errorClass: 'request', status: 404, message: 'There is nothing at this path.' },
  'request.method_not_allowed': { errorClass: 'request', status: 405, message: 'This path does not take that method.' },
  'request.too_large': {
    errorClass: 'request',
    status: 413,
    message:
      'The body is larger than 5.5 MiB. Name an image over 4 MB by an https URL or by an upload (POST /v1/uploads), and split a large batch.',
  },
  'request.unsupported_type': { errorClass: 'request', status: 415, message: 'Send the body as application/json.' },
  'request.precondition_failed': {
    errorClass: 'request',
    status: 412,
    message: 'It was changed since you read it. Read it again, and send its new ETag as If-Match.',
  },
  'request.precondition_required': {
    errorClass: 'request',
    status: 428,
    message: 'Say what you change: send the ETag of what you read as If-Match, or its version.',
  },
  'auth.unavailable': {
    errorClass: 'request',
    status: 503,
    message: 'The keys that tokens are checked with could not be fetched. Try again.',
  },
  'job.not_found': { errorClass: 'request', status: 404, message: 'There is no such job.' },
  'job.not_cancellable': {
    errorClass: 'request',
    status: 409,
    message: 'Only a job that has not ended can be cancelled.',
  },
  'job.not_retryable': { errorClass: 'request', status: 409, message: 'Only a failed job can be retried.' },
  'idempotency.mismatch': {
    errorClass: 'request',
    status: 409,
    message: 'This idempotency key was used with another request. Use a new key, or send the same request.',
  },
  'brand.not_found': { errorClass: 'request', status: 404, message: 'There is no such brand, or it is archived.' },
  'brand.too_many': {
    errorClass: 'request',
    status: 409,
    message: 'This would be more than 100 brands. Archive one that is not needed any more.',
  },
  'brand.too_many_versions': {
    errorClass: 'request',
    status: 409,
    message:
      'A brand may have 1,000 versions, and all brands of a user 5,000 together, archived ones included. No more can be created: each is kept for the jobs that used it.',
  },
  'key.not_found': {
    errorClass: 'request',
    status: 404,
    message: 'There is no such API key: it may be revoked already.',
  },
  'key.too_many': {
    errorClass: 'request',
    status: 409,
    message: 'A user has at most 50 API keys, expired ones included. Revoke one that is not needed any more.',
  },
  'webhook.not_found': { errorClass: 'request', status: 404, message: 'There is no such webhook.' },
  'webhook.too_many': {
    errorClass: 'request',
    status: 409,
    message: 'A user has at most 10 webhooks, disabled ones included. Delete one that is not needed any more.',
  },
  'webhook.invalid_url': { errorClass: 'request', status: 400, message: 'The URL of the webhook cannot be used.' },
  'webhook.too_many_secrets': {
    errorClass: 'request',
    status: 409,
    message:
      'Four secrets of this webhook are valid. Wait until an old one is not, or rotate with `previousValidHours: 0`, which ends all old ones.',
  },
  'webhook.disabled': {
    errorClass: 'request',
    status: 409,
    message: 'The webhook is disabled, so that nothing is sent to it. Enable it first: PATCH with `status: "enabled"`.',
  },
  'webhook.delivery_not_found': {
    errorClass: 'request',
    status: 404,
    message: 'The webhook has no such delivery: it may be older than a week.',
  },
  'text.not_found': { errorClass: 'request', status: 404, message: 'The job has no such text.' },
  'text.not_ready': {
    errorClass: 'request',
    status: 409,
    message:
      'The text is being made, or its job has not ended, or has no analysis to write from. Wait until the job has completed or failed.',
  },
  'text.too_many': { errorClass: 'request', status: 409, message: 'A job has at most 24 texts, and at least one.' },
  'text.too_many_revisions': {
    errorClass: 'request',
    status: 409,
    message: 'A text has at most 100 revisions, each of which is kept. Ask for a new text instead.',
  },
  'batch.not_found': { errorClass: 'request', status: 404, message: 'There is no such batch.' },
  'batch.closed': {
    errorClass: 'request',
    status: 409,
    message: 'The batch takes no more jobs: it was cancelled, or is older than a week. Create another.',
  },
  'batch.full': {
    errorClass: 'request',
    status: 409,
    message: 'This would be more than 10,000 jobs in one batch. Create another for those that are left.',
  },
  'batch.too_many': {
    errorClass: 'request',
    status: 409,
    message: 'A user may have 1,000 batches that take jobs. Delete one, or wait until one is a week old.',
  },
  'limit.jobs_per_day': {
    errorClass: 'request',
    status: 429,
    message: 'This would be more jobs than a user may create in a day (UTC). Try again tomorrow, or send fewer.',
  },
  'limit.jobs_waiting': {
    errorClass: 'request',
    status: 429,
    message: 'This would be more jobs than a user may have waiting. Try again when some have run, or send fewer.',
  },
  'limit.spend_per_day': {
    errorClass: 'request',
    status: 429,
    message: 'Today’s jobs (UTC) have cost as much as a user may spend in a day. Try again tomorrow.',
  },
  'limit.uploads_per_day': {
    errorClass: 'request',
    status: 429,
    message: 'This would be more uploads than a user may be granted in a day (UTC). Try again tomorrow.',
  },
  'limit.upload_bytes_per_day': {
    errorClass: 'request',
    status: 429,
    message: 'This would be more bytes than a user may upload in a day (UTC). Try again tomorrow, or upload less.',
  },
  'limit.estimates_per_minute': {
    errorClass: 'request',
    status: 429,
    message: 'This would be more estimates than a user may ask for in a minute. Put more jobs into each.',
  },
  'limit.webhook_requests_per_minute': {
    errorClass: 'request',
    status: 429,
    message:
      'This would be more trial calls and resent deliveries of this webhook than may be requested in a minute. Try again in the next one.',
  },
  'upload.not_found': { errorClass: 'request', status: 404, message: 'There is no such upload.' },
  'database.unavailable': {
    errorClass: 'request',
    status: 503,
    message: 'The database did not answer. Try again; with an idempotency key nothing is done twice.',
  },

  'job.expired': { errorClass: 'permanent', message: 'The job was not finished before it expired.' },
  'worker.lost': { errorClass: 'retryable', message: 'The worker that ran this job died.' },
  'internal.error': { errorClass: 'retryable', message: 'Something went wrong on our side.' },

  'image.invalid_url': { errorClass: 'permanent', message: 'The image URL cannot be used.', status: 400 },
  'image.forbidden_address': {
    errorClass: 'permanent',
    message: 'The image URL leads to an address that is not public.',
    status: 400,
  },
  'image.unknown_host': {
    errorClass: 'permanent',
    message: 'The host name of the image URL does not exist, or has no address.',
  },
  'image.not_found': { errorClass: 'permanent', message: 'The image server says that there is no such image.' },
  'image.upload_missing': {
    errorClass: 'permanent',
    message:
      'There is no such upload: the form of its grant was not sent, or the storage refused it (too late, too large, of another type) and answered with the reason.',
  },
  'image.refused': { errorClass: 'permanent', message: 'The image server refuses to serve the image.' },
  'image.too_large': { errorClass: 'permanent', message: 'The image is larger than allowed.', status: 400 },
  'image.unsupported_type': {
    errorClass: 'permanent',
    message: 'The file is not a PNG, JPEG, WebP, HEIC or HEIF image.',
    status: 400,
  },
  'image.malformed': { errorClass: 'permanent', message: 'The image file is broken.', status: 400 },
  'image.truncated': { errorClass: 'permanent', message: 'The image file is cut off.', status: 400 },
  'image.too_many_pixels': { errorClass: 'permanent', message: 'The image has more pixels than allowed.', status: 400 },
  'image.unsupported_encoding': {
    errorClass: 'permanent',
    message: 'The image server uses a Content-Encoding that cannot be decoded.',
  },
  'image.invalid_response': {
    errorClass: 'permanent',
    message: 'The response of the image server is not valid HTTP, or has headers of more than 64 KiB.',
  },
  'image.untrusted_server': { errorClass: 'permanent', message: 'The image server has no valid certificate.' },
  'image.too_many_redirects': { errorClass: 'permanent', message: 'The image URL redirects too often.' },
  'image.unreachable': { errorClass: 'retryable', message: 'The image server could not be reached or failed.' },
  'image.timed_out': { errorClass: 'retryable', message: 'The image did not arrive in time.' },
  'storage.unavailable': { errorClass: 'provider', message: 'The image store did not answer. Try again.', status: 503 },

  'analysis.blocked': { errorClass: 'permanent', message: 'The vision model declined to describe this image.' },
  'analysis.rejected': { errorClass: 'permanent', message: 'The vision model could not take this image or purpose.' },
  'analysis.refused': {
    errorClass: 'retryable',
    message: 'The vision model refused the request without a clear reason.',
  },
  'analysis.misfit': {
    errorClass: 'retryable',
    message: 'The answer of the vision model could not be used; the model will be asked once more.',
  },
  'analysis.invalid_answer': {
    errorClass: 'permanent',
    message:
      'The vision model was asked twice, and neither answer could be used. Retry the job, or word the purpose differently.',
  },
  'analysis.blank_answer': { errorClass: 'retryable', message: 'The answer of the vision model was empty.' },
  'analysis.cut_off': {
    errorClass: 'retryable',
    message: 'The answer of the vision model was cut off at its maximum length.',
  },
  'analysis.recited': {
    errorClass: 'retryable',
    message: 'The vision model stopped because its answer would have repeated an existing text.',
  },
  'analysis.timed_out': { errorClass: 'retryable', message: 'The vision model did not answer in time.' },
  'analysis.unavailable': { errorClass: 'retryable', message: 'The vision model failed or could not be reached.' },
  'analysis.overloaded': { errorClass: 'provider', message: 'The vision model is overloaded; the job waits.' },
  'analysis.rate_limited': { errorClass: 'provider', message: 'The vision model is at its limit; the job waits.' },
  'analysis.quota_exhausted': {
    errorClass: 'provider',
    message: 'The quota of the vision model is used up until it is renewed; the job waits.',
  },
  'analysis.insufficient_balance': {
    errorClass: 'provider',
    message: 'The vision model is not available at the moment.',
  },
  'analysis.misconfigured': { errorClass: 'provider', message: 'The vision model is not available at the moment.' },

  'content.blocked': { errorClass: 'permanent', message: 'The text model declined to write this.' },
  'content.rejected': { errorClass: 'permanent', message: 'The text model could not take this analysis or purpose.' },
  'content.refused': {
    errorClass: 'retryable',
    message: 'The text model refused the request without a clear reason.',
  },
  'content.misfit': {
    errorClass: 'retryable',
    message: 'The answer of the text model could not be used; the model will be asked once more.',
  },
  'content.invalid_answer': {
    errorClass: 'permanent',
    message:
      'The text model was asked twice, and neither answer could be used. Retry the job, or word the purpose differently.',
  },
  'content.blank_answer': { errorClass: 'retryable', message: 'The answer of the text model was empty.' },
  'content.cut_off': {
    errorClass: 'retryable',
    message: 'The answer of the text model was cut off at its maximum length.',
  },
  'content.recited': {
    errorClass: 'retryable',
    message: 'The text model stopped because its answer would have repeated an existing text.',
  },
  'content.timed_out': { errorClass: 'retryable', message: 'The text model did not answer in time.' },
  'content.unavailable': { errorClass: 'retryable', message: 'The text model failed or could not be reached.' },
  'content.overloaded': { errorClass: 'provider', message: 'The text model is overloaded; the job waits.' },
  'content.rate_limited': { errorClass: 'provider', message: 'The text model is at its limit; the job waits.' },
  'content.quota_exhausted': {
    errorClass: 'provider',
    message: 'The quota of the text model is used up until it is renewed; the job waits.',
  },
  'content.insufficient_balance': { errorClass: 'provider', message: 'The text model is not available at the moment.' },
  'content.misconfigured': { errorClass: 'provider', message: 'The text model is not available at the moment.' },
} as const satisfies Record<string, Code>

export type ErrorCode = keyof typeof errorCodes

/** Optional details of an error. */
export interface ErrorExtras {
  /** Replaces the code's message; still public. */
  readonly message?: string
  /** The raw reason, for the operator alone. */
  readonly detail?: string
  /** The wait that the other side asked for, in milliseconds. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** The project's one error type: a stable code, its class, and a message that is safe to show. */
export class VisionError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, extras: ErrorExtras = {}) {
    super(extras.message ?? errorCodes[code].message, extras.cause === undefined ? undefined : { cause: extras.cause })
    this.name = 'VisionError'
    this.code = code
    this.detail = extras.detail
    this.retryAfterMs = extras.retryAfterMs
  }

  get errorClass(): ErrorClass {
    return errorCodes[this.code].errorClass
  }
}

/** The code's entry in the table, with its optional parts. */
export function describeCode(code: ErrorCode): Code {
  return errorCodes[code]
}

/** Converts anything thrown to a VisionError: another error becomes `internal.error`, with its reason as the detail. */
export function asVisionError(error: unknown): VisionError {
  if (error instanceof VisionError) return error
  return new VisionError('internal.error', { detail: reasonOf(error), cause: error })
}

/** The innermost cause of an error: drizzle's outer one quotes the statement with its values, which are the user's. */
export function innermost(error: unknown): unknown {
  let inner = error
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause
  return inner
}

/**
 * The innermost error's name and message, for the operator only, at most 1,000 characters.
 *
 * @param clean removes secrets, before the text is cut off
 */
export function reasonOf(error: unknown, clean: (text: string) => string = (text) => text): string {
  const inner = innermost(error)
  if (!(inner instanceof Error)) return `something thrown that is no Error: ${typeof inner}`
  const detail = inner instanceof VisionError && inner.detail ? ` (${inner.detail})` : ''
  return clean(`${inner.name}: ${inner.message}${detail}`).slice(0, 1000)
}
