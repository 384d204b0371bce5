import type { HttpAnswer } from './http-answer.ts'
import type { CallErrorKind } from './kinds.ts'

/** The error in the body of a refusal. */
export interface ApiError {
  readonly message: string
  /** All its identifiers: Google's status and reasons, OpenAI's type and code. */
  readonly names: readonly string[]
  /** Its own status, where a gateway has wrapped it in another one. */
  readonly status: number | undefined
  /** google.rpc details; empty elsewhere. */
  readonly details: readonly Readonly<Record<string, unknown>>[]
}

/** A refused call, or a response that is not the API's. */
export interface Refusal {
  readonly status: number
  readonly headers: Headers
  /** Undefined if the response comes from a firewall, a proxy or a portal before the API. */
  readonly error: ApiError | undefined
}

/** A classified refusal. */
export interface Classified {
  readonly kind: CallErrorKind
  /** How long the provider asks us to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

/** The patterns that classify a provider's refusals; each is tried on the message and on every identifier of the error. */
export interface RefusalRules {
  /** Content that the provider refuses. */
  readonly blocked?: RegExp
  /** Parts that are the same in every request; checked before `rejected`, whose words such a refusal may use. */
  readonly ours?: RegExp
  /** The job's own input: this image, this length. */
  readonly rejected?: RegExp
  /** Money: only the payer can resolve it. */
  readonly unpaid?: RegExp
  /** Key, plan, region, model, or a part of the request that is the same for every job. */
  readonly misconfigured?: RegExp
  /** Temporary, although the status does not show it. */
  readonly passing?: RegExp
  /** Checked first for a 429; undefined for a temporary limit. */
  readonly rateLimit?: (refusal: LimitRefusal, now: number) => Classified | undefined
}

export type LimitRefusal = Refusal & { readonly error: ApiError }

/** Refused temporarily, whatever the request. */
const passingStatuses = new Set([408, 409, 421, 423, 425])
const overloadedStatuses = new Set([503, 529])

/**
 * Classifies a refusal by its cause. Only what is certainly the job's fault is `rejected` or `blocked`, which is permanent;
 * what is certainly the operator's pauses the provider and fails no job. Any other 4xx is `refused`: it costs the job a
 * retry and counts against the provider, so a single job that cannot pass ends, and a request that is wrong for every job
 * is noticed.
 */
export function classify(refusal: Refusal, rules: RefusalRules, now: number): Classified {
  const { headers, error } = refusal
  const status = error?.status ?? refusal.status
  const retryAfterMs = longest(retryAfter(headers, now), error && waitIn(error.message))
  const says = (pattern: RegExp | undefined) =>
    pattern !== undefined && error !== undefined && [error.message, ...error.names].some((text) => pattern.test(text))
  if (status === 429) {
    const special = error && rules.rateLimit?.({ ...refusal, error }, now)
    if (special) return { retryAfterMs, ...special }
    return says(rules.unpaid) ? { kind: 'insufficient_balance' } : { kind: 'rate_limited', retryAfterMs }
  }
  if (overloadedStatuses.has(status)) return { kind: 'overloaded', retryAfterMs }
  if (status >= 500 || passingStatuses.has(status)) return { kind: 'unavailable', retryAfterMs }
  if (status === 413) return { kind: 'rejected' }
  if (status === 407) return { kind: 'misconfigured' }
  if (says(rules.blocked)) return { kind: 'blocked' }
  if (says(rules.ours)) return { kind: 'misconfigured' }
  if (says(rules.rejected)) return { kind: 'rejected' }
  if (says(rules.passing)) return { kind: 'unavailable', retryAfterMs }
  // These two concern the caller and the payer, whoever reports them, and so are the same for every job.
  if (status === 402 || says(rules.unpaid)) return { kind: 'insufficient_balance' }
  if (status === 401 || says(rules.misconfigured)) return { kind: 'misconfigured' }
  if (status < 400) return { kind: 'unavailable', retryAfterMs }
  // A web firewall objects to one payload, or Google's front end to one request: neither knows our key, and some answer in
  // JSON.
  if (status === 404 && error) return { kind: 'misconfigured' }
  const isNamed = error !== undefined && (error.names.length > 0 || error.status !== undefined)
  return { kind: status === 403 && isNamed ? 'misconfigured' : 'refused' }
}

/** The refusal in a response, whose status may say otherwise. */
export function refusalOf({ status, headers, json }: HttpAnswer): Refusal {
  const error = apiErrorOf(json)
  return { status: error && status < 400 ? (statusNamed(error) ?? status) : status, headers, error }
}

/** The status of an error inside a gateway's 200, by its number or else by its name. */
function statusNamed({ status, names }: ApiError): number | undefined {
  const named = (pattern: RegExp) => names.some((name) => pattern.test(name))
  if (status !== undefined) return status
  if (named(/^(resource_exhausted|rate_limit_(exceeded|reached|error)|too_many_requests)$/i)) return 429
  return named(/^(unavailable|overloaded_error|service_unavailable(_error)?)$/i) ? 503 : undefined
}

/**
 * The error in a body, in any envelope in use: Google's and OpenAI's `error`, also as the only element of an array;
 * `errors` or `detail` of a gateway; or the body itself, with its `message`.
 */
function apiErrorOf(json: unknown): ApiError | undefined {
  const body = Array.isArray(json) ? json[0] : json
  if (!isRecord(body)) return undefined
  const { error, errors, detail, message } = body
  const own = typeof message === 'string' && message ? body : undefined
  return errorIn(error) ?? errorIn(errors) ?? errorIn(detail) ?? errorIn(own)
}

const deepestEnvelope = 3

function errorIn(value: unknown, depth = 0): ApiError | undefined {
  if (depth > deepestEnvelope) return undefined
  if (Array.isArray(value)) return errorIn(value[0], depth + 1)
  if (typeof value === 'string' && value) return plain(value)
  if (!isRecord(value)) return undefined
  const inner = typeof value.message === 'string' ? undefined : errorIn(value.error, depth + 1)
  return inner ?? errorOf(value)
}

function errorOf(error: Readonly<Record<string, unknown>>): ApiError {
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
 * RFC 9110, section 10.2.3: seconds or a date; also OpenAI's `retry-after-ms`, and seconds with a unit or repeated, as
 * where both a provider and its gateway send the header.
 *
 * @param now milliseconds since the epoch
 * @returns milliseconds; undefined if it is missing or malformed
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const milliseconds = headers.get('retry-after-ms')
  if (milliseconds !== null && /^\d+(\.\d+)?$/.test(milliseconds)) return Number(milliseconds)
  const value = headers.get('retry-after')?.trim()
  if (!value) return undefined
  const said = value.split(/\s*,\s*/).map((part) => /^(\d+(?:\.\d+)?)s?$/.exec(part)?.[1])
  if (!said.includes(undefined)) return Math.max(...said.map(Number)) * 1000
  // Stricter than Date.parse, which accepts a bare negative number.
  const at = /^[A-Za-z]{3,9},? /.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

const unitMs = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const
const duration = String.raw`(?:\d+(?:\.\d+)?\s?(?:ms|h(?:ours?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)(?![a-z])\s?)+`

/** A duration like `7s`, `1h2m3.5s`, `300ms` or `30 seconds`, in milliseconds; undefined for any other text. */
export function durationMs(text: string): number | undefined {
  if (!new RegExp(`^${duration}$`, 'i').test(text)) return undefined
  const parts = text.toLowerCase().matchAll(/([\d.]+)\s?(ms|h|m|s)/g)
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs[unit as keyof typeof unitMs], 0)
}

/** The wait that a message asks for, in milliseconds: `Please retry in 1h2m3.5s`, `try again in 20s`. */
export function waitIn(message: string): number | undefined {
  const said = new RegExp(`(?:try again|retry) (?:in|after) (${duration})`, 'i').exec(message)?.[1]
  return said === undefined ? undefined : durationMs(said)
}

/** The longest of some waits; undefined where none is known. */
export function longest(...waits: readonly (number | undefined)[]): number | undefined {
  const known = waits.filter((wait) => wait !== undefined)
  return known.length > 0 ? Math.max(...known) : undefined
}
