import { sql } from 'drizzle-orm'
import type { Provider, ProviderScope } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable } from '../../database/sql.ts'
import type { ErrorCode, VisionError } from '../../domain/errors.ts'
import { type CallErrorKind, kindOf } from '../kinds.ts'
import { addGrace, type ProviderState, withProviderState } from './provider-state.ts'

export interface PauseOptions {
  /** The first pause, unless the provider asks for a longer one, in milliseconds; each further one is twice as long. */
  readonly baseMs: number
  /** The longest pause that is not the provider's request, in milliseconds. */
  readonly capMs: number
}

/** What the end of a call shows about its provider. */
export type CallOutcome = 'success' | 'rate-limited' | 'quota-exhausted' | 'transient' | 'fatal' | 'ignored'

/** This many transient failures in a row open the circuit. */
export const failureThreshold = 5
/** The longest pause that a provider may request, in milliseconds. */
const longestPauseMs = 86_400_000
/** How long a report is retried while another connection holds the row, in milliseconds: a live worker holds it for a moment. */
const reportLockTimeoutMs = 2_000
const outcomes: Partial<Record<CallErrorKind, CallOutcome>> = {
  rate_limited: 'rate-limited',
  refused: 'transient',
  unavailable: 'transient',
  overloaded: 'transient',
  timed_out: 'transient',
  quota_exhausted: 'quota-exhausted',
  insufficient_balance: 'fatal',
  misconfigured: 'fatal',
}

/** An invalid answer, or a refusal of this job alone, still shows that the provider works. */
export function providerOutcomeOf(code: ErrorCode): CallOutcome {
  const kind = kindOf(code)
  return kind === undefined ? 'ignored' : (outcomes[kind] ?? 'success')
}

/** Whether calls may go out: no operator has paused them, and the circuit is not open. */
export function allowsCalls({ operatorPause, backoffMs }: ProviderState): boolean {
  return operatorPause === null && backoffMs === 0
}

/** Whether the circuit is half-open: after every pause one call at a time probes the provider, until it answers. */
export function isProbing({ downSince, backoffs }: ProviderState): boolean {
  return downSince !== null || backoffs > 0
}

/** What a report changed, for the log and the alarms. */
export interface Report {
  /** The provider is down: a failure now is not the job's fault. */
  readonly down: boolean
  /** How long this report has paused it. */
  readonly backoffMs?: number
  /** This report has closed the circuit. */
  readonly recovered?: boolean
}

/**
 * Records a failed call. A 429 pauses the provider for all workers. The fifth transient failure in a row, or a refusal of
 * our key, balance or model, pauses it and marks it as down. So does an exhausted quota, which is a 429 that asks for a
 * longer wait than any of our own pauses: jobs must not expire during it. While the provider is paused, only the request of
 * a longer wait changes anything: those calls were sent before the pause.
 *
 * @returns undefined if the row stayed locked: the next call will meet the same failure, and report it
 */
export function reportFailure(
  database: Database,
  provider: Provider,
  error: VisionError,
  options: PauseOptions,
): Promise<Report | undefined> {
  const outcome = providerOutcomeOf(error.code)
  const asked = Math.min(error.retryAfterMs ?? 0, longestPauseMs)
  const usedUp = outcome === 'quota-exhausted' || (outcome === 'rate-limited' && asked > options.capMs)
  return withProviderState(database, provider, reportLockTimeoutMs, async (tx, state) => {
    const downSince = sql`opened_at = COALESCE(opened_at, UTC_TIMESTAMP(3))`
    if (state.backoffMs > 0) {
      const longer = (outcome === 'rate-limited' || outcome === 'quota-exhausted') && asked > state.backoffMs
      if (longer) await pause(tx, provider, asked)
      if (longer && usedUp) {
        await matchedBy(
          tx,
          sql`UPDATE vision_provider_states SET backoff_code = ${error.code}, ${downSince} WHERE provider = ${provider}`,
        )
      }
      return { down: state.downSince !== null || (longer && usedUp) }
    }
    const consecutiveFailures = state.consecutiveFailures + (outcome === 'transient' ? 1 : 0)
    const down = outcome === 'fatal' || usedUp || state.downSince !== null || consecutiveFailures >= failureThreshold
    if (outcome === 'transient' && !down) {
      await matchedBy(
        tx,
        sql`UPDATE vision_provider_states SET consecutive_failures = ${consecutiveFailures} WHERE provider = ${provider}`,
      )
      return { down }
    }
    const backoffMs = Math.max(asked, Math.min(options.capMs, options.baseMs * 2 ** state.backoffs))
    await pause(tx, provider, backoffMs)
    await matchedBy(
      tx,
      sql`UPDATE vision_provider_states SET backoff_code = ${error.code}, backoffs = backoffs + 1, consecutive_failures = ${consecutiveFailures},
          ${down ? downSince : sql`opened_at = NULL`}
        WHERE provider = ${provider}`,
    )
    return { down, backoffMs }
  })
}

/**
 * Records the success of a provider that had failed before; answers during a pause belong to calls from before it.
 *
 * @param probe whether the call was the probe after a pause: other answers do not show the present state
 * @returns undefined if the row stayed locked: the next answer will report it
 */
export function reportSuccess(database: Database, provider: Provider, probe = true): Promise<Report | undefined> {
  return withProviderState(database, provider, reportLockTimeoutMs, async (tx, state) => {
    const { backoffMs, downSince } = state
    if (backoffMs > 0 || (isProbing(state) && !probe)) return { down: downSince !== null }
    if (downSince) await addGrace(tx, provider, 'opened_at')
    await matchedBy(
      tx,
      sql`UPDATE vision_provider_states SET consecutive_failures = 0, backoffs = 0, opened_at = NULL, backoff_until = NULL
        WHERE provider = ${provider}`,
    )
    return { down: false, recovered: downSince !== null }
  })
}

function pause(tx: Queryable, name: ProviderScope, milliseconds: number): Promise<number> {
  return matchedBy(
    tx,
    sql`UPDATE vision_provider_states SET backoff_until = ${inMilliseconds(milliseconds)} WHERE provider = ${name}`,
  )
}
