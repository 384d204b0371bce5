import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { type Provider, type ProviderScope, type Step, steps } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { asDate, inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import type { ErrorCode, VisionError } from '../domain/errors.ts'
import { type CallErrorKind, kindOf } from './kinds.ts'
import { providerScopes } from './registry.ts'

const serving: Record<Step, Provider> = { analysis: 'gemini', content: 'deepseek' }
/** The provider that a step calls, and so the gate of its lane. */
export const providerOf: Readonly<Record<Step, Provider>> = serving

/** Says once, as the process starts, which providers its configuration names: it has one, and so has every worker. */
export function serveSteps(by: Readonly<Record<Step, Provider>>): void {
  Object.assign(serving, by)
}

/** What all workers know of a provider, or of claiming as a whole. */
export interface GateState {
  readonly name: ProviderScope
  /** An operator has stopped it: who, and when. */
  readonly stopped: { readonly by: string; readonly at: Date } | null
  /** What is left of a pause, in milliseconds; 0 when there is none. */
  readonly pausedMs: number
  /** The error that it was paused for last. */
  readonly pauseCode: ErrorCode | null
  /** How often it was paused since it last answered. */
  readonly pauses: number
  /** How often it failed or was silent since it last answered. */
  readonly strikes: number
  /** Since when it is down, or our quota used up: its circuit is open. */
  readonly downSince: Date | null
  /** How much later the jobs expire that lived through an outage, in milliseconds. */
  readonly graceMs: number
}

export interface PauseOptions {
  /** The first pause, where the provider does not ask for a longer one, in milliseconds; each one after it is twice as long. */
  readonly baseMs: number
  /** No pause grows beyond this of itself, in milliseconds. */
  readonly capMs: number
}

/** Every gate's state. */
export interface GateStates {
  /** All that are registered, and those that once were and have a row. */
  readonly all: readonly GateState[]
  /** Of one that nothing has ever happened to as well. */
  of(name: ProviderScope): GateState
}

/** What the end of a call says of its provider, for every caller. */
export type CallOutcome = 'success' | 'rate-limited' | 'quota-exhausted' | 'transient' | 'fatal' | 'ignored'

/** So many transient failures in a row open the circuit. */
export const failureThreshold = 5
/** No provider is taken at its word for longer, in milliseconds. */
const longestPauseMs = 86_400_000
/** For so long, in milliseconds, a report is tried again whose gate somebody else holds: a live worker holds it for a moment. */
const reportPatienceMs = 2_000
/** The first wait between two tries, in milliseconds; it doubles, up to the second. */
const [firstWaitMs, longestWaitMs] = [10, 320]
/** Jobs that lived through an outage have been claimed, or have expired, by then. */
const graceDays = 7

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

/** An answer that does not fit, or a refusal of this one job, still says that the provider is there. */
export function providerOutcomeOf(code: ErrorCode): CallOutcome {
  const kind = kindOf(code)
  return kind === undefined ? 'ignored' : (outcomes[kind] ?? 'success')
}

/** Every gate, as it stands on the database's clock; one that nothing has ever happened to is open. */
export async function readGates(on: Queryable): Promise<GateStates> {
  return statesIn(await rowsOf<Row>(on, gateQuery))
}

/** Whether calls may go out: no operator has stopped them, and the circuit is not open. */
export function allowsCalls({ stopped, pausedMs }: GateState): boolean {
  return stopped === null && pausedMs === 0
}

/** Whether one call at a time finds out how the provider is: after every pause, until it answers. */
export function isProbing({ downSince, pauses }: GateState): boolean {
  return downSince !== null || pauses > 0
}

/**
 * The moment from which back jobs of a lane have expired, as SQL: their clock stands still while claiming is stopped or a
 * provider that they still need is down or stopped, so that an outage costs time and not the jobs. Nothing compares with it then.
 */
export function expiryMoments(states: GateStates) {
  // Also what a job lived through in the lane that it has left.
  const graceMs = states.all.reduce((sum, state) => sum + state.graceMs, 0)
  const of = (lane: Step) => {
    // The later steps too: their outage fills its user's places, and what is to begin cannot.
    const needed = ['all', ...steps.slice(steps.indexOf(lane)).map((step) => providerOf[step])].map(states.of)
    return needed.some(({ stopped, downSince }) => stopped || downSince) ? sql`NULL` : inMilliseconds(-graceMs)
  }
  return Object.fromEntries(steps.map((lane) => [lane, of(lane)])) as Record<Step, ReturnType<typeof of>>
}

/** Stops a gate until it is started again. Doing it twice keeps the first. */
export async function stopGate(tx: Queryable, name: ProviderScope, by: string): Promise<void> {
  await lockGate(tx, name)
  await matchedBy(
    tx,
    sql`UPDATE vision_provider_states SET paused_at = UTC_TIMESTAMP(3), paused_by = ${by}
      WHERE provider = ${name} AND paused_at IS NULL`,
  )
}

/**
 * Starts a gate again, and ends its pause, so that the provider is asked at once.
 *
 * @returns whether there was anything to start
 */
export async function startGate(tx: Queryable, name: ProviderScope): Promise<boolean> {
  const { stopped, pausedMs } = await lockGate(tx, name)
  if (stopped) await addGrace(tx, name, 'paused_at')
  await matchedBy(
    tx,
    sql`UPDATE vision_provider_states SET paused_at = NULL, paused_by = NULL, backoff_until = NULL WHERE provider = ${name}`,
  )
  return stopped !== null || pausedMs > 0
}

/** What a report changed, for the log and the alarms. */
export interface Report {
  /** The provider is down: what fails now is no job's fault. */
  readonly down: boolean
  /** It has been paused by this very report, for so long. */
  readonly pausedMs?: number
  /** It is back by this very report. */
  readonly back?: boolean
}

/**
 * Takes note of how a call ended that was not well: 429 pauses the provider for everyone, and so does its fifth failure
 * in a row or a refusal of our key, our balance or our model, after which it counts as down. So does a quota that is used
 * up, which is a 429 that asks for a longer wait than any pause of our own: jobs must not expire by it. While the provider is
 * paused nothing adds to that but a longer wait that it asks for: those calls were under way already.
 *
 * @returns undefined if somebody else holds the gate all the while: the next call will meet the same trouble, and tell it
 */
export function reportTrouble(
  database: Database,
  provider: Provider,
  error: VisionError,
  options: PauseOptions,
): Promise<Report | undefined> {
  const outcome = providerOutcomeOf(error.code)
  const asked = Math.min(error.retryAfterMs ?? 0, longestPauseMs)
  const usedUp = outcome === 'quota-exhausted' || (outcome === 'rate-limited' && asked > options.capMs)
  return withGate(database, provider, reportPatienceMs, async (tx, state) => {
    const downSince = sql`opened_at = COALESCE(opened_at, UTC_TIMESTAMP(3))`
    if (state.pausedMs > 0) {
      const longer = (outcome === 'rate-limited' || outcome === 'quota-exhausted') && asked > state.pausedMs
      if (longer) await pause(tx, provider, asked)
      if (longer && usedUp) {
        await matchedBy(
          tx,
          sql`UPDATE vision_provider_states SET backoff_code = ${error.code}, ${downSince} WHERE provider = ${provider}`,
        )
      }
      return { down: state.downSince !== null || (longer && usedUp) }
    }
    const strikes = state.strikes + (outcome === 'transient' ? 1 : 0)
    const down = outcome === 'fatal' || usedUp || state.downSince !== null || strikes >= failureThreshold
    if (outcome === 'transient' && !down) {
      await matchedBy(
        tx,
        sql`UPDATE vision_provider_states SET consecutive_failures = ${strikes} WHERE provider = ${provider}`,
      )
      return { down }
    }
    const pausedMs = Math.max(asked, Math.min(options.capMs, options.baseMs * 2 ** state.pauses))
    await pause(tx, provider, pausedMs)
    await matchedBy(
      tx,
      sql`UPDATE vision_provider_states SET backoff_code = ${error.code}, backoffs = backoffs + 1, consecutive_failures = ${strikes},
          ${down ? downSince : sql`opened_at = NULL`}
        WHERE provider = ${provider}`,
    )
    return { down, pausedMs }
  })
}

/**
 * Takes note that a provider answered that had been in trouble; what it answers during a pause was asked before it.
 *
 * @param probe whether the call was the one that went first after a pause: the answer of any other says nothing of what is now
 * @returns undefined if somebody else holds the gate all the while: the next answer will tell
 */
export function reportAnswer(database: Database, provider: Provider, probe = true): Promise<Report | undefined> {
  return withGate(database, provider, reportPatienceMs, async (tx, state) => {
    const { pausedMs, downSince } = state
    if (pausedMs > 0 || (isProbing(state) && !probe)) return { down: downSince !== null }
    if (downSince) await addGrace(tx, provider, 'opened_at')
    await matchedBy(
      tx,
      sql`UPDATE vision_provider_states SET consecutive_failures = 0, backoffs = 0, opened_at = NULL, backoff_until = NULL
        WHERE provider = ${provider}`,
    )
    return { down: false, back: downSince !== null }
  })
}

/**
 * Does something under a gate's lock, in one transaction, without ever waiting for the lock: a connection that died without a
 * word may hold it for as long as the server does not notice.
 *
 * @param patienceMs for how long it is tried again while somebody else holds the gate, in milliseconds
 * @returns undefined if somebody else held it all the while
 */
export async function withGate<T>(
  database: Database,
  name: ProviderScope,
  patienceMs: number,
  work: (tx: Queryable, state: GateState) => Promise<T>,
): Promise<T | undefined> {
  let waited = 0
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
    const did = await database.transact(async (tx) => {
      const rows = await rowsOf<Row>(tx, sql`${gateQuery} WHERE provider = ${name} FOR UPDATE SKIP LOCKED`)
      if (rows.length > 0) return { result: await work(tx, statesIn(rows).of(name)) }
      return (await rowsOf(tx, sql`SELECT 1 FROM vision_provider_states WHERE provider = ${name}`)).length > 0
        ? 'held'
        : 'missing'
    })
    if (did === 'missing') {
      // By itself, so that nobody can die with it uncommitted.
      await database.run((on) => matchedBy(on, makeQuery(name)))
    } else if (did !== 'held') {
      return did.result
    } else {
      if (waited >= patienceMs) return undefined
      await delay(waitMs)
      waited += waitMs
    }
  }
}

/** Locks a gate's row, which is made when it is first needed, and reads it. It may wait: not for workers. */
async function lockGate(tx: Queryable, name: ProviderScope): Promise<GateState> {
  const query = sql`${gateQuery} WHERE provider = ${name} FOR UPDATE`
  let rows = await rowsOf<Row>(tx, query)
  if (rows.length === 0) {
    await matchedBy(tx, makeQuery(name))
    rows = await rowsOf<Row>(tx, query)
  }
  return statesIn(rows).of(name)
}

/** Not IGNORE, which leaves each of several with a shared lock that it cannot trade for its own while the others wait. */
function makeQuery(name: ProviderScope) {
  return sql`INSERT INTO vision_provider_states (provider) VALUES (${name}) ON DUPLICATE KEY UPDATE provider = provider`
}

function pause(tx: Queryable, name: ProviderScope, milliseconds: number): Promise<number> {
  return matchedBy(
    tx,
    sql`UPDATE vision_provider_states SET backoff_until = ${inMilliseconds(milliseconds)} WHERE provider = ${name}`,
  )
}

/** The clocks of jobs that stood still go on; what they missed is added to their time. */
function addGrace(tx: Queryable, name: ProviderScope, since: 'opened_at' | 'paused_at'): Promise<number> {
  return matchedBy(
    tx,
    sql`UPDATE vision_provider_states SET
        grace_ms = IF(grace_until > UTC_TIMESTAMP(3), grace_ms, 0)
          + TIMESTAMPDIFF(MICROSECOND, ${sql.raw(since)}, UTC_TIMESTAMP(3)) DIV 1000,
        grace_until = UTC_TIMESTAMP(3) + INTERVAL ${graceDays} DAY
      WHERE provider = ${name}`,
  )
}

interface Row {
  readonly name: ProviderScope
  readonly stoppedAt: string | null
  readonly stoppedBy: string | null
  readonly pausedMs: number
  readonly pauseCode: ErrorCode | null
  readonly pauses: number
  readonly strikes: number
  readonly downSince: string | null
  readonly graceMs: number
}

const gateQuery = sql`SELECT provider AS name, paused_at AS stoppedAt, paused_by AS stoppedBy,
    GREATEST(0, COALESCE(CEIL(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), backoff_until) / 1000), 0)) AS pausedMs,
    backoff_code AS pauseCode, backoffs AS pauses, consecutive_failures AS strikes, opened_at AS downSince,
    IF(grace_until > UTC_TIMESTAMP(3), grace_ms, 0) AS graceMs
  FROM vision_provider_states`

function statesIn(rows: readonly Row[]): GateStates {
  const of = (name: ProviderScope): GateState => {
    const row = rows.find((one) => one.name === name)
    return {
      name,
      stopped: row?.stoppedAt ? { by: row.stoppedBy ?? '', at: asDate(row.stoppedAt) } : null,
      pausedMs: Number(row?.pausedMs ?? 0),
      pauseCode: row?.pauseCode ?? null,
      pauses: row?.pauses ?? 0,
      strikes: row?.strikes ?? 0,
      downSince: row?.downSince ? asDate(row.downSince) : null,
      graceMs: Number(row?.graceMs ?? 0),
    }
  }
  const names = new Set<ProviderScope>([...providerScopes, ...rows.map(({ name }) => name)])
  return { all: [...names].map(of), of }
}
