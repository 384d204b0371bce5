import { asVisionError, type VisionError } from '../../domain/errors.ts'
import { LeaseLost, LeaseUncertain, type Run } from '../../domain/run.ts'
import { kindOf } from '../../providers/kinds.ts'
import { type BackoffOptions, backoff } from '../../queue/claim/backoff.ts'

/** The worker must stop: its deadline is near, or it is being shut down. Unfinished jobs are released. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

/**
 * The outcome of a failed run for its job.
 *
 * - `lost`: the run no longer holds the job; nothing is written.
 * - `released`: the job is pending again at once, at no cost.
 * - `postponed`: the job is scheduled after `delayMs`, at no cost.
 * - `retried`: the job is scheduled after `delayMs`, at the cost of a retry.
 * - `failed`: the job has failed for good.
 */
export type JobOutcome =
  | { readonly kind: 'lost' }
  | { readonly kind: 'released'; readonly error?: VisionError }
  | { readonly kind: 'postponed' | 'retried'; readonly error: VisionError; readonly delayMs: number }
  | { readonly kind: 'failed'; readonly error: VisionError }

/**
 * The outcome of a failed call: its permit is cut off, and the circuit breaker is not told; or the permit ends with the
 * error, which the circuit breaker counts.
 */
export type CallOutcome = { readonly stopped: Error } | { readonly error: VisionError }

export interface OutcomeOptions {
  /** Whether the provider's circuit was open when the step failed. */
  readonly circuitOpen: boolean
  readonly retry: BackoffOptions
  /** The least first wait for an unavailable provider, in milliseconds. */
  readonly providerWaitMs: number
}

/** How often the wait for an unavailable provider doubles with a job's attempts. */
const providerDoublings = 4
/** No wait exceeds the default lifetime of a job, whatever a provider asks for, in milliseconds. */
const longestWaitMs = 86_400_000

/** Maps the error of a run to an outcome of its job. Pure: the worker applies it. */
export function outcomeOf(
  thrown: unknown,
  run: Pick<Run, 'attempt' | 'failures' | 'maxRetries'>,
  options: OutcomeOptions,
): JobOutcome {
  const { circuitOpen, retry, providerWaitMs } = options
  if (thrown instanceof LeaseLost) return { kind: 'lost' }
  // An uncertain lease counts as held until the fence refuses a write.
  if (thrown instanceof Stopped || thrown instanceof LeaseUncertain) return { kind: 'released' }
  const error = asVisionError(thrown)
  // A database outage is not the job's fault, and may be over by now.
  if (error.code === 'database.unavailable') return { kind: 'released', error }
  // A failure while the circuit is open, such as that of a probe, is an outage and not the job's fault.
  if (error.errorClass === 'provider' || (circuitOpen && error.errorClass === 'retryable')) {
    const doublings = error.retryAfterMs === undefined ? Math.min(run.attempt - 1, providerDoublings) : 0
    const wait = providerWaitMs * 2 ** doublings * (1 + retry.random())
    return { kind: 'postponed', error, delayMs: Math.min(Math.max(wait, error.retryAfterMs ?? 0), longestWaitMs) }
  }
  if (error.errorClass === 'retryable' && run.failures < run.maxRetries) {
    const asked = Math.min(error.retryAfterMs ?? 0, longestWaitMs)
    return { kind: 'retried', error, delayMs: Math.max(backoff(run.failures + 1, retry), asked) }
  }
  return { kind: 'failed', error }
}

/**
 * Maps the error of a call to an outcome of its permit and its provider.
 *
 * @param aborted whether the run was stopped: the outcome of the call is unknown then
 * @param frozen whether the process was frozen during the call: the answer may have arrived meanwhile
 */
export function callOutcomeOf(
  thrown: unknown,
  { aborted, frozen }: { readonly aborted: boolean; readonly frozen: boolean },
): CallOutcome {
  if (aborted || thrown instanceof Stopped) return { stopped: thrown as Error }
  const error = asVisionError(thrown)
  return frozen && isSilence(error) ? { stopped: new Stopped('the worker stood still during the call') } : { error }
}

/** Whether no complete response came, from a provider or from the server of an image. */
function isSilence({ code, errorClass }: VisionError): boolean {
  return (
    ['timed_out', 'unavailable'].includes(kindOf(code) ?? '') ||
    (code.startsWith('image.') && errorClass === 'retryable')
  )
}
