import type { HttpAnswer } from './http.ts'
import type { CallErrorKind } from './kinds.ts'

/** What an API says in the body of a refusal. */
export interface ApiError {
  readonly message: string
  /** Every word by which it names the error: Google's status and reasons, OpenAI's type and code. */
  readonly names: readonly string[]
  /** The status that it names itself, where a gateway has put another one around it. */
  readonly status: number | undefined
  /** google.rpc details; empty elsewhere. */
  readonly details: readonly Readonly<Record<string, unknown>>[]
}

/** A call that was refused, or answered by something that is not the API. */
export interface Refusal {
  readonly status: number
  readonly headers: Headers
  /** Undefined where it is not the API that speaks, but a firewall, a proxy or a portal before it. */
  readonly error: ApiError | undefined
}

/** What a refusal comes to. */
export interface Classified {
  readonly kind: CallErrorKind
  /** How long the provider wants to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

/** By what a provider's refusals are told apart; each pattern is tried on the message and on every name of the error. */
export interface RefusalRules {
  /** Content that the provider will not work on. */
  readonly blocked?: RegExp
  /** The job's own: this image, this length. */
  readonly rejected?: RegExp
  /** Money: only whoever pays the bill can end it. */
  readonly unpaid?: RegExp
  /** Key, plan, region, model, or a part of the request that is the same for every job. */
  readonly misconfigured?: RegExp
  /** It passes by itself, though the status does not say so. */
  readonly passing?: RegExp
  /** Goes before everything for 429; undefined where it is a limit that passes. */
  readonly rateLimit?: (refusal: LimitRefusal, now: number) => Classified | undefined
}

export type LimitRefusal = Refusal & { readonly error: ApiError }

/** Refused for a moment, whatever is asked. */
const passingStatuses = new Set([408, 409, 421, 423, 425])
const overloadedStatuses = new Set([503, 529])

/**
 * Whose trouble a refusal is. Only what is certainly the job's is `rejected` or `blocked`, which is permanent; what is
 * certainly the operator's pauses the provider and fails no job. Any other 4xx is `refused`: it costs the job a retry and
 * counts against the provider, so a lone job that cannot pass ends, and a request that is wrong for every job is noticed.
 */
export function classify(refusal: Refusal, rules: RefusalRules, now: number): Classified {
  const { headers, error } = refusal
  const status = error?.status ?? refusal.status
  const retryAfterMs = retryAfter(headers, now)
  const says = (pattern: RegExp | undefined) =>
    pattern !== undefined && error !== undefined && [error.message, ...error.names].some((text) => pattern.test(text))
  if (status === 429) {
    const special = error && rules.rateLimit?.({ ...refusal, error }, now)
    if (special) return { retryAfterMs, ...special }
    return says(rules.unpaid) ? { kind: 'insufficient_balance' } : { kind: 'rate_limited', retryAfterMs }
  }
  if (overloadedStatuses.has(status)) return { kind: 'overloaded', retryAfterMs }
  if (status >= 500 || status < 400 || passingStatuses.has(status)) return { kind: 'unavailable', retryAfterMs }
  if (status === 413) return { kind: 'rejected' }
  if (status === 407) return { kind: 'misconfigured' }
  // A web firewall dislikes one payload, or Google's front end one request: neither knows our key.
  if (!error) return { kind: 'refused' }
  if (says(rules.blocked)) return { kind: 'blocked' }
  if (says(rules.rejected)) return { kind: 'rejected' }
  if (says(rules.passing)) return { kind: 'unavailable', retryAfterMs }
  if (status === 402 || says(rules.unpaid)) return { kind: 'insufficient_balance' }
  if (status === 401 || status === 403 || status === 404 || says(rules.misconfigured)) return { kind: 'misconfigured' }
  return { kind: 'refused' }
}

/** What is refused in an answer, whose status may say otherwise. */
export function refusalOf({ status, headers, json }: HttpAnswer): Refusal {
  const error = apiErrorOf(json)
  // A gateway has put 200 around an error that names no status of its own.
  return { status: error && status < 400 ? (error.status ?? 500) : status, headers, error }
}

/** The error that a body holds, in any envelope that is in use: also as the one element of an array. */
export function apiErrorOf(json: unknown): ApiError | undefined {
  const body = Array.isArray(json) ? json[0] : json
  if (!isRecord(body)) return undefined
  const { error, detail } = body
  if (typeof error === 'string' && error) return plain(error)
  if (!isRecord(error)) return typeof detail === 'string' && detail ? plain(detail) : undefined
  const details = Array.isArray(error.details) ? error.details.filter(isRecord) : []
  const named = [error.status, error.code, error.type, ...details.map(({ reason }) => reason)]
  const status = Number(error.code)
  return {
    message: typeof error.message === 'string' ? error.message : '',
    names: named.filter((name) => typeof name === 'string'),
    status: Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined,
    details,
  }
}

const plain = (message: string): ApiError => ({ message, names: [], status: undefined, details: [] })

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * RFC 9110, section 10.2.3: seconds or a date; also OpenAI's `retry-after-ms`.
 *
 * @param now milliseconds since the epoch
 * @returns milliseconds; undefined where it says nothing that can be read
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const milliseconds = headers.get('retry-after-ms')
  if (milliseconds !== null && /^\d+(\.\d+)?$/.test(milliseconds)) return Number(milliseconds)
  const value = headers.get('retry-after')?.trim()
  if (!value) return undefined
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000
  // Not whatever Date.parse takes: a bare negative number for one.
  const at = /^[A-Za-z]{3,9},? /.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
