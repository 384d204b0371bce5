import type { ErrorCode, FieldProblem } from './types.ts'

/** The errors of the client itself, which no response of the API causes. */
export type ClientErrorCode =
  | 'client.unreachable'
  | 'client.invalid_answer'
  | 'client.timed_out'
  | 'client.unreadable_file'
  | 'client.no_images'
  | 'client.invalid_options'
  | 'client.invalid_webhook'

export interface VisionErrorOptions {
  readonly status?: number
  readonly requestId?: string
  readonly errors?: readonly FieldProblem[]
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** A call that failed. `code` is stable and for programs, `message` a sentence for people. */
export class VisionError extends Error {
  override readonly name = 'VisionError'
  readonly code: ErrorCode | ClientErrorCode
  /** The HTTP status of the response; 0 where there was none. */
  readonly status: number
  /** The id of the call in the API's log; name it when you report a problem. */
  readonly requestId: string | undefined
  /** What is wrong with each field. */
  readonly errors: readonly FieldProblem[]
  /** How long to wait before trying again, in milliseconds, where the API says so. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode | ClientErrorCode,
    message: string,
    { status = 0, requestId, errors = [], retryAfterMs, cause }: VisionErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.requestId = requestId
    this.errors = errors
    this.retryAfterMs = retryAfterMs
  }
}

/** Whether an error is one of these codes: `isVisionError(error, 'limit.jobs_waiting', 'limit.jobs_per_day')`; of any, if none is named. */
export function isVisionError(
  error: unknown,
  ...codes: readonly (ErrorCode | ClientErrorCode)[]
): error is VisionError {
  return error instanceof VisionError && (codes.length === 0 || codes.includes(error.code))
}
