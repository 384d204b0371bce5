import type { Step } from '../../drizzle/schema.ts'
import { innermost, reasonOf, VisionError } from '../domain/errors.ts'
import type { CallMeter, StepUsage } from '../domain/step.ts'
import { type Fetch, type HttpRecord, recordingFetch } from './http.ts'
import type { HttpAnswer } from './http-answer.ts'
import { type CallErrorKind, codeOf } from './kinds.ts'
import type { Prices } from './price.ts'
import { classify, isRecord, type RefusalRules, refusalOf } from './refusals.ts'

export interface CallContext {
  /** Aborted when the call must stop; the call then rejects with its reason. */
  readonly signal: AbortSignal
  readonly meter: CallMeter
  /** The `traceparent` header of the trace that the call belongs to (https://www.w3.org/TR/trace-context/). */
  readonly traceparent?: string | undefined
}

export interface ProviderCall {
  readonly step: Step
  /** The time limit of the whole call, in milliseconds. */
  readonly timeoutMs: number
  /** The API key, which errors must not contain: providers quote a key that they refuse. */
  readonly secret: string
  readonly rules: RefusalRules
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Makes the call through the SDK; every fetch of the SDK goes through the wrapper. */
  send(io: { readonly signal: AbortSignal; readonly wrap: (send: Fetch) => Fetch }): Promise<unknown>
  /** Whether a body is the API's answer, and not that of a proxy before it. */
  isAnswer(body: Record<string, unknown>): boolean
}

/**
 * Records an answer's usage and cost.
 *
 * @param named the model that the answer names; without a price, that of the configured `model` applies
 * @param started when the call began, by `performance.now`
 */
export function recordAnswer(
  meter: CallMeter,
  {
    named,
    model,
    tokens,
    prices,
    started,
  }: {
    readonly named: string
    readonly model: string
    readonly tokens: Omit<StepUsage, 'model' | 'cost' | 'milliseconds'>
    readonly prices: Prices
    readonly started: number
  },
): void {
  const cost = prices.costOf([named, model], tokens)
  meter.answered({ model: named, ...tokens, cost, milliseconds: Math.round(performance.now() - started) })
}

/**
 * Calls a provider under one time limit for everything: connecting, waiting and reading. The SDKs' own limits each leave a
 * part out. The response is read from the wire, since the SDKs drop parts of it.
 *
 * @returns the body of the answer, which `isAnswer` accepted; nothing else is known of it
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
    // A request that was never sent costs nothing; one whose connection broke may.
    if (!record.attempted || neverConnected(record.failure)) meter.answered()
    throw failure(call, record.attempted ? 'unavailable' : 'misconfigured', record.failure ?? thrown)
  }
  const ok = answer.status >= 200 && answer.status < 300
  if (ok && isRecord(answer.json) && call.isAnswer(answer.json)) return answer.json
  // Neither a refusal nor another server's page costs anything.
  if (!ok || !isBegun(answer)) meter.answered()
  const refusal = refusalOf(answer)
  const { kind, retryAfterMs } = classify(refusal, call.rules, call.now())
  const said = refusal.error ? [...refusal.error.names, refusal.error.message].join(' ') : textOfPage(answer.text)
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
 * Whether a body looks like the start of an accepted call's answer that ended early without a connection error: blank
 * lines, the beginning of JSON, or a stream that was not requested.
 */
function isBegun({ text, json }: HttpAnswer): boolean {
  return text !== '' && json === undefined && /^\s*($|[{[:]|(data|event|id|retry):)/.test(text)
}

/** The beginning of a page's text, for the operator. */
function textOfPage(text: string): string {
  const words = text
    .slice(0, 4_000)
    .replaceAll(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/gi, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return words ? `no answer of the API: ${words.slice(0, 300)}` : 'an empty body'
}

/** The additional headers of a call. */
export function headersOf({ traceparent }: CallContext): Record<string, string> {
  return traceparent === undefined ? {} : { traceparent }
}

/** Whether the connection failed before anything was sent; a later failure has other codes. */
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
