import type { Step } from '../../drizzle/schema.ts'
import { innermost, reasonOf, VisionError } from '../domain/errors.ts'
import type { CallMeter } from '../domain/step.ts'
import { type Fetch, type HttpRecord, recordingFetch } from './http.ts'
import type { HttpAnswer } from './http-answer.ts'
import { type CallErrorKind, codeOf } from './kinds.ts'
import { classify, isRecord, type RefusalRules, refusalOf } from './refusals.ts'

export interface CallContext {
  /** Aborted when the call must stop; the call then rejects with its reason. */
  readonly signal: AbortSignal
  readonly meter: CallMeter
  /** Says which trace the call belongs to (https://www.w3.org/TR/trace-context/). */
  readonly traceparent?: string | undefined
}

export interface ProviderCall {
  readonly step: Step
  /** For the whole call, in milliseconds. */
  readonly timeoutMs: number
  /** The key, which no error must tell: providers quote the one that they refuse. */
  readonly secret: string
  readonly rules: RefusalRules
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Lets the SDK make the call; whatever it fetches goes through the wrapper. */
  send(io: { readonly signal: AbortSignal; readonly wrap: (send: Fetch) => Fetch }): Promise<unknown>
  /** Whether a body is an answer of the API's, and not of something that stands before it. */
  isAnswer(body: Record<string, unknown>): boolean
}

/**
 * Calls a provider under one total time limit, around everything: the connection, the wait and the reading. The SDKs'
 * own limits each leave a part out. What the server said is read from the wire, since the SDKs keep parts of it.
 *
 * @returns the body of the answer, of which nothing is known but that `isAnswer` took it
 * @throws VisionError `<step>.<kind>`; or the signal's reason
 */
export async function callProvider(call: ProviderCall, context: CallContext): Promise<Record<string, unknown>> {
  const { signal, meter } = context
  signal.throwIfAborted()
  await meter.sent()
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), call.timeoutMs)
  const record: HttpRecord = { attempted: false, answer: undefined, failure: undefined }
  let thrown: unknown
  try {
    const either = AbortSignal.any([signal, limit.signal])
    await call.send({ signal: either, wrap: (send) => recordingFetch(record, send, either) })
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (limit.signal.aborted) throw failure(call, 'timed_out', error)
    thrown = error
  } finally {
    clearTimeout(timer)
  }
  const { answer } = record
  if (!answer) {
    // What never left cannot cost anything; a connection that broke may have.
    if (!record.attempted || neverConnected(record.failure)) meter.answered()
    throw failure(call, record.attempted ? 'unavailable' : 'misconfigured', record.failure ?? thrown)
  }
  const ok = answer.status >= 200 && answer.status < 300
  if (ok && isRecord(answer.json) && call.isAnswer(answer.json)) return answer.json
  // A refusal costs nothing, nor does a page of another server.
  if (!ok || !isBegun(answer)) meter.answered()
  const refusal = refusalOf(answer)
  const { kind, retryAfterMs } = classify(refusal, call.rules, call.now())
  const said = refusal.error ? [...refusal.error.names, refusal.error.message].join(' ') : pageOf(answer.text)
  throw failure(call, kind, `HTTP ${answer.status} ${said}`, retryAfterMs)
}

function failure(
  { step, secret }: ProviderCall,
  kind: CallErrorKind,
  cause: unknown,
  retryAfterMs?: number,
): VisionError {
  const clean = (text: string) => (secret ? text.replaceAll(secret, '[secret]') : text)
  const detail = typeof cause === 'string' ? clean(cause).slice(0, 1000) : reasonOf(cause, clean)
  return new VisionError(codeOf(step, kind), { detail, ...(retryAfterMs !== undefined && { retryAfterMs }) })
}

/**
 * Whether a body is what a call that was let in leaves when it ends too early, without the connection telling so: blank lines,
 * the beginning of an answer, or a stream that nobody asked for.
 */
function isBegun({ text, json }: HttpAnswer): boolean {
  return text !== '' && json === undefined && /^\s*($|[{[:]|(data|event|id|retry):)/.test(text)
}

/** Whether there is nothing to be seen in a text: also no mark, and no space of no width. */
export function isBlank(text: string): boolean {
  return !/[^\s\p{C}\p{Z}]/u.test(text)
}

/**
 * Whether a text that was stopped for its length is a whole JSON object all the same: some models go on with blanks until
 * there is no room left.
 */
export function isWholeObject(text: string): boolean {
  try {
    return isRecord(JSON.parse(text.replace(/^\s*```\w*/, '').replace(/```\s*$/, '')))
  } catch {
    return false
  }
}

/** What a page says, for the operator: the beginning of its text. */
function pageOf(text: string): string {
  const words = text
    .slice(0, 4_000)
    .replaceAll(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/gi, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return words ? `no answer of the API: ${words.slice(0, 300)}` : 'an empty body'
}

/** The headers that go along with a call. */
export function headersOf({ traceparent }: CallContext): Record<string, string> {
  return traceparent === undefined ? {} : { traceparent }
}

/** No call takes more tokens: what says more is no count. */
const mostTokens = 100_000_000

/** A count of tokens as a provider gives it; null where it is none. Google writes large numbers as text. */
export function countOf(value: unknown): number | null {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= mostTokens ? count : null
}

/** A part of a count; null where it is larger than the whole, or either is unknown. */
export function partOf(whole: number | null, part: number | null): number | null {
  return whole !== null && part !== null && part <= whole ? part : null
}

/** The name of the model that answered, by which its price is found. */
export function nameOf(said: unknown, asked: string): string {
  return typeof said === 'string' && said.trim() ? said.trim() : asked
}

/** Whether the connection failed before anything was sent; what cut one off later tells nothing of that kind. */
function neverConnected(error: unknown): boolean {
  const inner = innermost(error)
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : ''
  return [
    'ENOTFOUND',
    'EAI_AGAIN',
    'ECONNREFUSED',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
    'CERT_HAS_EXPIRED',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ].includes(code)
}
