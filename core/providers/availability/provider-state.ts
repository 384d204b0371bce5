import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { ProviderScope } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { asDate, matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import type { ErrorCode } from '../../domain/errors.ts'
import { providerScopes } from '../registry.ts'

/** What all workers share about a provider, or about claiming as a whole (`all`): its circuit breaker and the operator’s pause. */
export interface ProviderState {
  readonly name: ProviderScope
  /** Set while an operator has paused it: by whom, when, and why. */
  readonly operatorPause: { readonly by: string; readonly at: Date; readonly reason: string | null } | null
  /** How long its circuit stays open, in milliseconds; 0 while it is closed or half-open. */
  readonly backoffMs: number
  /** The error that opened it last. */
  readonly backoffCode: ErrorCode | null
  /** How often it was opened since the last success. */
  readonly backoffs: number
  /** Transient failures since the last success. */
  readonly consecutiveFailures: number
  /** Since when the provider is down, or our quota exhausted; null for a pause after a 429 alone. */
  readonly downSince: Date | null
  /** By how much the expiry of jobs is postponed because of outages, in milliseconds. */
  readonly graceMs: number
}

/** The states of all providers. */
export interface ProviderStates {
  /** All that are registered, and former ones that have a row. */
  readonly all: readonly ProviderState[]
  /** The state of any provider, also of one without a row. */
  of(name: ProviderScope): ProviderState
}

/** The first wait between two tries, in milliseconds; it doubles, up to the second. */
const [firstWaitMs, longestWaitMs] = [10, 320]
/** By then, jobs that waited through an outage have been claimed or have expired. */
const graceDays = 7

/** The states by the database’s clock; a provider without a row is closed and not paused. */
export async function readProviderStates(on: Queryable): Promise<ProviderStates> {
  return statesIn(await rowsOf<Row>(on, stateQuery))
}

/**
 * Runs work under the lock of a provider's row, in one transaction, without ever waiting for the lock: a dead connection
 * may hold it for as long as the server does not notice.
 *
 * @param lockTimeoutMs how long to retry while another connection holds the row, in milliseconds
 * @returns undefined if the row stayed locked
 */
export async function withProviderState<T>(
  database: Database,
  name: ProviderScope,
  lockTimeoutMs: number,
  work: (tx: Queryable, state: ProviderState) => Promise<T>,
): Promise<T | undefined> {
  let waited = 0
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
    const did = await database.transact(async (tx) => {
      const rows = await rowsOf<Row>(tx, sql`${stateQuery} WHERE provider = ${name} FOR UPDATE SKIP LOCKED`)
      if (rows.length > 0) return { result: await work(tx, statesIn(rows).of(name)) }
      return (await rowsOf(tx, sql`SELECT 1 FROM vision_provider_states WHERE provider = ${name}`)).length > 0
        ? 'held'
        : 'missing'
    })
    if (did === 'missing') {
      // A statement of its own, so that no dying connection can leave it uncommitted.
      await database.run((on) => matchedBy(on, makeQuery(name)))
    } else if (did !== 'held') {
      return did.result
    } else {
      if (waited >= lockTimeoutMs) return undefined
      await delay(waitMs)
      waited += waitMs
    }
  }
}

/** Locks and reads a provider's row, and inserts it if it is missing. It may wait for the lock, so workers do not use it. */
export async function lockProviderState(tx: Queryable, name: ProviderScope): Promise<ProviderState> {
  const query = sql`${stateQuery} WHERE provider = ${name} FOR UPDATE`
  let rows = await rowsOf<Row>(tx, query)
  if (rows.length === 0) {
    await matchedBy(tx, makeQuery(name))
    rows = await rowsOf<Row>(tx, query)
  }
  return statesIn(rows).of(name)
}

/** IGNORE would leave each of several transactions with a shared lock that none can upgrade. */
function makeQuery(name: ProviderScope) {
  return sql`INSERT INTO vision_provider_states (provider) VALUES (${name}) ON DUPLICATE KEY UPDATE provider = provider`
}

/** Restarts the clocks of waiting jobs; the outage is added to their time. */
export function addGrace(tx: Queryable, name: ProviderScope, since: 'opened_at' | 'paused_at'): Promise<number> {
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
  readonly operatorPausedAt: string | null
  readonly operatorPausedBy: string | null
  readonly operatorPauseReason: string | null
  readonly backoffMs: number
  readonly backoffCode: ErrorCode | null
  readonly backoffs: number
  readonly consecutiveFailures: number
  readonly downSince: string | null
  readonly graceMs: number
}

const stateQuery = sql`SELECT provider AS name, paused_at AS operatorPausedAt, paused_by AS operatorPausedBy,
    paused_reason AS operatorPauseReason,
    GREATEST(0, COALESCE(CEIL(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), backoff_until) / 1000), 0)) AS backoffMs,
    backoff_code AS backoffCode, backoffs, consecutive_failures AS consecutiveFailures, opened_at AS downSince,
    IF(grace_until > UTC_TIMESTAMP(3), grace_ms, 0) AS graceMs
  FROM vision_provider_states`

function statesIn(rows: readonly Row[]): ProviderStates {
  const of = (name: ProviderScope): ProviderState => {
    const row = rows.find((one) => one.name === name)
    return {
      name,
      operatorPause: row?.operatorPausedAt
        ? { by: row.operatorPausedBy ?? '', at: asDate(row.operatorPausedAt), reason: row.operatorPauseReason }
        : null,
      backoffMs: Number(row?.backoffMs ?? 0),
      backoffCode: row?.backoffCode ?? null,
      backoffs: row?.backoffs ?? 0,
      consecutiveFailures: row?.consecutiveFailures ?? 0,
      downSince: row?.downSince ? asDate(row.downSince) : null,
      graceMs: Number(row?.graceMs ?? 0),
    }
  }
  const names = new Set<ProviderScope>([...providerScopes, ...rows.map(({ name }) => name)])
  return { all: [...names].map(of), of }
}
