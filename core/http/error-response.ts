import { TRPCError } from '@trpc/server'
import type * as z from 'zod'
import { describeCode, type ErrorCode, VisionError } from '../domain/errors.ts'
import { InsufficientScope, InvalidToken } from '../platform/auth.ts'
import { type FieldProblem, fieldProblemsOf, InvalidInput } from './invalid-input.ts'
import { maxBatchCalls } from './trpc/trpc-batch.ts'

/** A body with an unsupported content coding (RFC 9110, section 12.5.3). */
export class UnsupportedEncoding extends VisionError {
  constructor() {
    super('request.unsupported_type', { message: 'Send the body as it is, without a Content-Encoding.' })
  }
}

/** The response to a failed call, in either protocol. */
export interface ErrorResponse {
  readonly code: ErrorCode
  readonly status: number
  /** Public: never an internal message. */
  readonly message: string
  readonly fields: readonly FieldProblem[]
  readonly headers: Readonly<Record<string, string>>
}

/** Headers that an application adds to one of its errors. */
export type ErrorHeaders = (error: VisionError) => Readonly<Record<string, string>>

const retryAfterSeconds = 5

/**
 * Maps anything thrown to a response. An error other than a VisionError becomes `internal.error`, and its text is not sent.
 *
 * @param errorHeaders what the application adds
 */
export function toErrorResponse(error: unknown, errorHeaders: ErrorHeaders = () => ({})): ErrorResponse {
  const known = knownErrorOf(error) ?? new VisionError('internal.error')
  const status = describeCode(known.code).status ?? 500
  // A code without a status is not meant for API callers.
  const shown = status === 500 ? new VisionError('internal.error') : known
  return {
    code: shown.code,
    status,
    message: shown.message,
    fields: shown instanceof InvalidInput ? shown.fields : [],
    headers: { ...headersOf(status, known), ...(status !== 500 && errorHeaders(known)) },
  }
}

function headersOf(status: number, error: VisionError): Record<string, string> {
  if (status === 401 || status === 403) return { 'www-authenticate': challengeOf(error) }
  if (error instanceof UnsupportedEncoding) return { 'accept-encoding': 'identity' }
  if (status !== 503 && status !== 429) return {}
  const { retryAfterMs } = error
  return { 'retry-after': String(retryAfterMs === undefined ? retryAfterSeconds : Math.ceil(retryAfterMs / 1000)) }
}

/** The challenge of RFC 6750, section 3. */
function challengeOf(error: VisionError): string {
  const parts = ['realm="vision-pipeline"']
  // Without a token the challenge names no error (section 3.1).
  if (error instanceof InvalidToken)
    parts.push('error="invalid_token"', `error_description="${quotable(error.message)}"`)
  if (error instanceof InsufficientScope) {
    parts.push('error="insufficient_scope"', `error_description="${quotable(error.message)}"`, `scope="${error.scope}"`)
  }
  return `Bearer ${parts.join(', ')}`
}

/** The characters allowed in an `error_description`. */
function quotable(text: string): string {
  return text.replaceAll('’', "'").replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
}

function knownErrorOf(error: unknown): VisionError | undefined {
  if (error instanceof VisionError) return error
  if (!(error instanceof TRPCError)) return undefined
  if (error.cause instanceof VisionError) return error.cause
  switch (error.code) {
    case 'BAD_REQUEST':
    case 'PARSE_ERROR':
      return badRequest(error)
    case 'NOT_FOUND':
      return new VisionError('request.not_found', { message: 'There is no such procedure.' })
    case 'METHOD_NOT_SUPPORTED':
      return new VisionError('request.method_not_allowed', { message: 'Queries take GET, mutations take POST.' })
    case 'UNSUPPORTED_MEDIA_TYPE':
      return new VisionError('request.unsupported_type')
    default:
      return undefined
  }
}

/** tRPC uses BAD_REQUEST both for invalid input and for a request that it could not parse. */
function badRequest({ cause, message }: TRPCError): VisionError {
  if (cause && 'issues' in cause) return new InvalidInput(fieldProblemsOf(cause.issues as readonly z.core.$ZodIssue[]))
  if (!cause && message === 'Batch call exceeds maximum size')
    return new VisionError('request.invalid', { message: longBatch })
  // Only texts that tRPC writes itself; a parser's would quote the body.
  return new VisionError('request.invalid', { message: cause ? malformedJson : message })
}

const longBatch = `A batch may hold ${maxBatchCalls} calls: split it, or set \`maxItems\` of httpBatchLink.`
export const malformedJson = 'The input is not valid JSON.'
