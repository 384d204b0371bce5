import { TRPCError } from '@trpc/server'
import type * as z from 'zod'
import { describeCode, type ErrorCode, innermost, reasonOf, VisionError } from '../domain/errors.ts'
import { InsufficientScope, InvalidToken } from '../platform/auth.ts'
import type { Log } from '../platform/log.ts'
import { LimitExceeded } from '../usage/quotas.ts'
import { rateLimitHeaders } from './rate-limit.ts'
import { maxBatchCalls } from './trpc-batch.ts'
import { isMissing } from './validation.ts'

/** What can be wrong with a part of an input, beside what has an error code of its own. Stable, as error codes are. */
export const fieldCodes = [
  'field.missing',
  'field.unknown',
  'field.wrong_type',
  'field.not_allowed',
  'field.too_small',
  'field.too_large',
  'field.malformed',
  'field.conflict',
  'json.duplicate_name',
  'json.forbidden_name',
  'json.inexact_number',
  'json.lone_surrogate',
  'json.too_deep',
] as const
export type FieldCode = (typeof fieldCodes)[number] | ErrorCode

/** One part of an input that is wrong. */
export interface FieldProblem {
  /** Where in the input, as a JSON pointer in URI fragment form (RFC 6901): `#/jobs/3/imageUrl`. */
  readonly pointer: string
  readonly code: FieldCode
  readonly detail: string
}

/** The caller is told of so many problems at most, or the answer could be larger than a function may send. */
export const maxFieldProblems = 100

/** A refusal that says which parts of the input it is about. */
export class RefusedInput extends VisionError {
  readonly fields: readonly FieldProblem[]

  constructor(fields: readonly FieldProblem[], code: ErrorCode = 'request.invalid') {
    super(code)
    this.fields = fields.slice(0, maxFieldProblems)
  }
}

/** A body in a coding that is not taken (RFC 9110, section 12.5.3). */
export class UnsupportedEncoding extends VisionError {
  constructor() {
    super('request.unsupported_type', { message: 'Send the body as it is, without a Content-Encoding.' })
  }
}

/** What a caller is told of a call that failed, in either protocol. */
export interface Failure {
  readonly code: ErrorCode
  readonly status: number
  /** Public: never an internal message. */
  readonly message: string
  readonly fields: readonly FieldProblem[]
  readonly headers: Readonly<Record<string, string>>
}

const retryAfterSeconds = 5

/** What to tell of anything thrown. What is not an error of ours becomes `internal.error`, and its text stays here. */
export function failureOf(error: unknown): Failure {
  const known = knownErrorOf(error) ?? new VisionError('internal.error')
  const status = describeCode(known.code).status ?? 500
  // A code without a status was never meant for a caller of the API.
  const shown = status === 500 ? new VisionError('internal.error') : known
  return {
    code: shown.code,
    status,
    message: shown.message,
    fields: shown instanceof RefusedInput ? shown.fields : [],
    headers: headersOf(status, known),
  }
}

function headersOf(status: number, error: VisionError): Record<string, string> {
  if (status === 401 || status === 403) return { 'www-authenticate': challengeOf(error) }
  if (error instanceof UnsupportedEncoding) return { 'accept-encoding': 'identity' }
  if (status !== 503 && status !== 429) return {}
  const { retryAfterMs } = error
  const seconds = retryAfterMs === undefined ? retryAfterSeconds : Math.ceil(retryAfterMs / 1000)
  return { 'retry-after': String(seconds), ...(error instanceof LimitExceeded && rateLimitHeaders(error.allowance)) }
}

/** What RFC 6750, section 3, wants to be said to whoever may not call, or not this. */
function challengeOf(error: VisionError): string {
  const parts = ['realm="vision-pipeline"']
  // Who sent no token is told of no error (section 3.1).
  if (error instanceof InvalidToken)
    parts.push('error="invalid_token"', `error_description="${quotable(error.message)}"`)
  if (error instanceof InsufficientScope) {
    parts.push('error="insufficient_scope"', `error_description="${quotable(error.message)}"`, `scope="${error.scope}"`)
  }
  return `Bearer ${parts.join(', ')}`
}

/** What may stand in an `error_description`. */
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

/** tRPC says BAD_REQUEST of an input that the schema refused, and of a request that it could not take apart. */
function badRequest({ cause, message }: TRPCError): VisionError {
  if (cause && 'issues' in cause) return new RefusedInput(fieldsOf(cause.issues as readonly z.core.$ZodIssue[]))
  if (!cause && message === 'Batch call exceeds maximum size')
    return new VisionError('request.invalid', { message: longBatch })
  // Only the texts that tRPC writes itself; a parser's would quote the body.
  return new VisionError('request.invalid', { message: cause ? malformedJson : message })
}

const longBatch = `A batch may hold ${maxBatchCalls} calls: split it, or set \`maxItems\` of httpBatchLink.`
export const malformedJson = 'The input is not valid JSON.'

/** A schema's first complaint about each field; a field that is not known is named by its own pointer. */
function fieldsOf(issues: readonly z.core.$ZodIssue[]): readonly FieldProblem[] {
  const problems = issues.flatMap((issue): FieldProblem[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.slice(0, maxFieldProblems).map((key) => unknownField([...issue.path, key]))
      : [{ pointer: pointerTo(issue.path), code: fieldCodeOf(issue), detail: issue.message }],
  )
  return [...Map.groupBy(problems, ({ pointer }) => pointer).values()].flatMap(([first]) => first ?? [])
}

/** What is said of a field or a parameter that is not known. */
export function unknownField(path: readonly PropertyKey[]): FieldProblem {
  return { pointer: pointerTo(path), code: 'field.unknown', detail: 'There is no such field.' }
}

function fieldCodeOf(issue: z.core.$ZodIssue): FieldCode {
  if (issue.message === isMissing) return 'field.missing'
  switch (issue.code) {
    case 'invalid_type':
      return 'field.wrong_type'
    case 'invalid_value':
      return 'field.not_allowed'
    case 'too_small':
      return 'field.too_small'
    case 'too_big':
      return 'field.too_large'
    case 'custom':
      return (issue.params?.code as FieldCode | undefined) ?? 'field.malformed'
    default:
      return 'field.malformed'
  }
}

/** Whoever sends a longer name knows it by its beginning. */
const maxTokenLength = 200

/** A JSON pointer as a URI fragment (RFC 6901, section 6). A name that is very long is cut off. */
export function pointerTo(path: readonly PropertyKey[]): string {
  const escaped = path.map((part) => {
    const name = String(part)
    const short = name.length > maxTokenLength ? `${name.slice(0, maxTokenLength)}…` : name
    const token = short.replaceAll('~', '~0').replaceAll('/', '~1')
    // A lone surrogate has no UTF-8 to be percent-encoded in.
    return `/${encodeURIComponent(token.toWellFormed())}`
  })
  return `#${escaped.join('')}`
}

/**
 * Logs a call that was not served: our failures with what led to them.
 *
 * @param log puts the id into the line that the caller has of the call
 */
export function logFailure(log: Log, error: unknown, operation: string): void {
  const { status, code: shownCode } = failureOf(error)
  const known = error instanceof VisionError || !(error instanceof Error) ? error : (error.cause ?? error)
  if (status < 500) {
    const detail = known instanceof VisionError ? known.detail : undefined
    log('info', 'a call was refused', { operation, status, code: shownCode, ...(detail && { detail }) })
    return
  }
  const code = known instanceof VisionError ? known.code : 'internal.error'
  log('error', 'a call failed', {
    operation,
    status,
    code,
    reason: reasonOf(error),
    at: framesOf(error).slice(0, 5),
  })
}

/** Where the innermost error was thrown. */
function framesOf(error: unknown): readonly string[] {
  const inner = innermost(error)
  const lines = inner instanceof Error ? (inner.stack?.split('\n') ?? []) : []
  return lines.filter((line) => /^\s+at /.test(line)).map((line) => line.trim())
}
