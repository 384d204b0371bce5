import { VisionError } from './errors.ts'
import type { ErrorCode, FieldProblem } from './types.ts'

/** How calls are sent. */
export interface SendOptions {
  /** An API key or a JWT; a local stack needs none. */
  readonly key?: string | undefined
  /** How often a call is repeated after a transient failure; 4 if left out. */
  readonly retries?: number | undefined
  /** The longest `Retry-After` that is waited for, in milliseconds; 60,000 if left out. */
  readonly maxRetryAfterMs?: number | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  /** In [0, 1): spreads the retries of many clients. */
  readonly random?: (() => number) | undefined
}

const firstPauseMs = 500
const longestPauseMs = 20_000
/** Answers of gateways and servers that are busy or restarting. */
const passing: readonly number[] = [429, 500, 502, 503, 504]

/**
 * A `fetch` that adds the key, repeats calls after transient failures, and throws permanent ones.
 *
 * A call is repeated only if that does no harm: it reads, replaces, deletes, or carries an idempotency key. One that was over a limit
 * was refused, and so is always repeated.
 *
 * @throws VisionError with the API's code, or `client.unreachable`; the signal's reason
 */
export function createSend(
  options: SendOptions,
  canRepeat: (request: Request) => boolean = isHarmless,
): (request: Request) => Promise<Response> {
  const { key, retries = 4, maxRetryAfterMs = 60_000, random = Math.random } = options
  const fetch = options.fetch ?? globalThis.fetch
  return async (request) => {
    if (key) request.headers.set('authorization', `Bearer ${key}`)
    for (let attempt = 0; ; attempt++) {
      const outcome = await fetch(request.clone()).catch((cause: unknown) => unreachable(request, cause))
      if (outcome instanceof Response && outcome.ok) return outcome
      if (outcome instanceof Response && outcome.status === 304) return outcome
      const error = outcome instanceof Response ? await errorOf(outcome) : outcome
      const again =
        error.status === 429 || (canRepeat(request) && (error.status === 0 || passing.includes(error.status)))
      const pauseMs = error.retryAfterMs ?? random() * Math.min(longestPauseMs, firstPauseMs * 2 ** attempt)
      if (!again || attempt >= retries || pauseMs > maxRetryAfterMs) throw error
      await pause(pauseMs, request.signal)
    }
  }
}

function isHarmless({ method, headers }: Request): boolean {
  return ['GET', 'HEAD', 'PUT', 'DELETE'].includes(method) || headers.has('idempotency-key')
}

function unreachable(request: Request, cause: unknown): VisionError {
  request.signal.throwIfAborted()
  const { origin } = new URL(request.url)
  return new VisionError('client.unreachable', `Nothing answers at ${origin}.`, { cause })
}

/** The error of a response. */
async function errorOf(response: Response): Promise<VisionError> {
  const { status, headers } = response
  const text = await response.text().catch(() => '')
  const retryAfterMs = retryAfter(headers)
  const problem = problemOf(text)
  const requestId = problem?.requestId ?? headers.get('x-request-id') ?? undefined
  const facts = { status, ...(requestId && { requestId }), ...(retryAfterMs !== undefined && { retryAfterMs }) }
  if (problem) return new VisionError(problem.code, problem.detail, { ...facts, errors: problem.errors ?? [] })
  // A proxy's page means nothing to a program.
  return new VisionError('client.invalid_answer', `The API answered ${status} without saying why.`, facts)
}

interface Problem {
  readonly code: ErrorCode
  readonly detail: string
  readonly requestId?: string
  readonly errors?: readonly FieldProblem[]
}

function problemOf(text: string): Problem | undefined {
  try {
    const problem = JSON.parse(text)
    return typeof problem?.code === 'string' && typeof problem.detail === 'string' ? problem : undefined
  } catch {
    return undefined
  }
}

/** What `Retry-After` says, seconds or a date, in milliseconds from now. */
export function retryAfter(headers: Headers): number | undefined {
  const said = headers.get('retry-after')
  if (said === null) return undefined
  const ms = /^\d+$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** @throws the signal's reason */
export function pause(ms: number, signal?: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
