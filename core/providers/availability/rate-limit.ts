import { type SQL, sql } from 'drizzle-orm'
import type { Provider } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import type { ProviderLimits } from '../limits.ts'
import { allowsCalls, isProbing } from './circuit-breaker.ts'
import { withProviderState } from './provider-state.ts'

export interface ReserveOptions {
  /** The ids of the new permits: as many as are wanted. */
  readonly ids: readonly string[]
  readonly limits: ProviderLimits
  /** The lifetime of a permit that is not renewed, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** How long a call counts in the limits per minute, in milliseconds of the database's clock. */
  readonly windowMs: number
}

/** A reservation. */
export interface Reserved {
  /** How many of the ids were reserved, from the first on. */
  readonly count: number
  /** It is the probe: the one call after a pause. */
  readonly probe: boolean
}

/**
 * A minute plus one second, in milliseconds: a call is marked as sent concurrently with the call itself, and unmarked
 * permits count as well, so the margin only has to cover the preparation of a request.
 */
export const minuteMs = 61_000
/** How long a reservation is retried while another connection holds the provider's row, in milliseconds. */
const reserveLockTimeoutMs = 600
/** The assumed tokens of a call when there are no recent ones. */
const tokensAtFirst = 4_000
/** How many rows are pruned at a time. */
const pruneBatch = 1_000

/**
 * Reserves permits to call a provider, as many of the wanted ones as its limits allow: none while it is paused, and one at
 * a time after a pause, until it has answered. The provider's row stays locked meanwhile, so no two transactions can exceed
 * a limit together; reserved permits count as sent calls. Nothing is reserved if another connection holds the row for the
 * whole time: the remaining room is unknown then.
 */
export async function reservePermits(
  database: Database,
  provider: Provider,
  options: ReserveOptions,
): Promise<Reserved> {
  const { ids, limits, leaseMs, windowMs } = options
  const reserved = await withProviderState(database, provider, reserveLockTimeoutMs, async (tx, state) => {
    const probe = isProbing(state)
    if (!allowsCalls(state)) return { count: 0, probe }
    const usage = await usageOf(tx, provider, windowMs)
    const room = roomIn(probe ? { ...limits, requestsInFlight: 1 } : limits, usage)
    const count = Math.max(0, Math.min(ids.length, room))
    if (count > 0) {
      const rows = ids
        .slice(0, count)
        .map((id) => sql`(${id}, ${provider}, ${inMilliseconds(leaseMs)}, ${usage.tokensPerCall})`)
      await matchedBy(
        tx,
        sql`INSERT INTO vision_permits (id, provider, expires_at, tokens) VALUES ${sql.join(rows, sql`, `)}`,
      )
    }
    return { count, probe }
  })
  return reserved ?? { count: 0, probe: false }
}

/** Records that calls go out now. */
export function markSent(database: Database, ids: readonly string[]): Promise<number> {
  return database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_permits FORCE INDEX (PRIMARY) SET sent_at = UTC_TIMESTAMP(3) WHERE id IN ${[...ids]}`,
    ),
  )
}

/** A call that has ended. */
export interface EndedCall {
  /** The id of its permit. */
  readonly id: string
  /** The tokens that it used, if known; otherwise the estimate stays. */
  readonly tokens: number | undefined
}

/** Records that calls have ended. They still count in the limits per minute, as sent now if that was not recorded. */
export function endPermits(database: Database, calls: readonly EndedCall[]): Promise<number> {
  const spent = calls.flatMap(({ id, tokens }) => (tokens === undefined ? [] : [sql`WHEN ${id} THEN ${tokens}`]))
  const tokens = spent.length > 0 ? sql`, tokens = CASE id ${sql.join(spent, sql` `)} ELSE tokens END` : sql``
  return database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_permits FORCE INDEX (PRIMARY)
        SET sent_at = COALESCE(sent_at, UTC_TIMESTAMP(3)), expires_at = NULL${tokens}
        WHERE id IN ${calls.map(({ id }) => id)}`,
    ),
  )
}

/** Returns permits that count in no limit: reserved and never sent, or sent to an unlimited provider. One statement. */
export async function returnPermits(database: Database, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await database.run((on) => matchedBy(on, sql`DELETE FROM vision_permits WHERE id IN ${[...ids]}`))
}

/**
 * Renews permits of calls in flight, without waiting for one that another connection holds, which is renewed the next time.
 *
 * @returns those that were renewed
 */
export async function renewPermits(
  database: Database,
  ids: readonly string[],
  leaseMs: number,
): Promise<readonly string[]> {
  if (ids.length === 0) return []
  return database.transact(
    async (tx) => {
      const free = await rowsOf<{ id: string }>(
        tx,
        sql`SELECT id FROM vision_permits FORCE INDEX (PRIMARY)
          WHERE id IN ${[...ids]} AND expires_at IS NOT NULL FOR UPDATE SKIP LOCKED`,
      )
      const renewed = free.map(({ id }) => id)
      if (renewed.length > 0) {
        await matchedBy(
          tx,
          sql`UPDATE vision_permits FORCE INDEX (PRIMARY) SET expires_at = ${inMilliseconds(leaseMs)}
            WHERE id IN ${renewed}`,
        )
      }
      return renewed
    },
    // Idempotent.
    async () => undefined,
  )
}

/** Deletes permits that count in no limit any more: sent or expired five minutes ago, and not in flight. */
export async function prunePermits(database: Database): Promise<void> {
  const ago = inMilliseconds(-300_000)
  const old = [
    sql`FORCE INDEX (ended) WHERE sent_at < ${ago} AND (expires_at IS NULL OR expires_at < ${ago})`,
    sql`FORCE INDEX (expired) WHERE expires_at < ${ago} AND sent_at IS NULL`,
  ]
  for (const which of old) {
    for (let pruned = pruneBatch; pruned === pruneBatch; ) {
      // DELETE takes no index hint, and would wait for rows that another worker has locked.
      pruned = await database.transact(async (tx) => {
        const rows = await rowsOf<{ id: string }>(
          tx,
          sql`SELECT id FROM vision_permits ${which} LIMIT ${pruneBatch} FOR UPDATE SKIP LOCKED`,
        )
        if (rows.length > 0)
          await matchedBy(tx, sql`DELETE FROM vision_permits WHERE id IN ${rows.map(({ id }) => id)}`)
        return rows.length
      })
    }
  }
}

/** The current use of a provider's limits. */
export interface ProviderUsage {
  /** Sent within the window, or reserved. */
  readonly perMinute: number
  /** Their tokens; an estimate for calls in flight. */
  readonly tokens: number
  readonly inFlight: number
  /** The recent tokens of a call. */
  readonly tokensPerCall: number
}

/** The used part of a provider's limits; without limits only the probes count. */
export async function usageOf(on: Queryable, provider: Provider, windowMs = minuteMs): Promise<ProviderUsage> {
  // In this order: a call that goes out between the two reads is counted twice rather than not at all.
  const [flying] = await rowsOf<Record<'calls' | 'unsent' | 'unsentTokens', number | null>>(
    on,
    inFlightQuery(provider, windowMs),
  )
  const [sent] = await rowsOf<Record<'calls' | 'tokens', number | null>>(on, sentQuery(provider, windowMs))
  const calls = Number(sent?.calls ?? 0)
  const tokens = Number(sent?.tokens ?? 0)
  return {
    perMinute: calls + Number(flying?.unsent ?? 0),
    tokens: tokens + Number(flying?.unsentTokens ?? 0),
    inFlight: Number(flying?.calls ?? 0),
    tokensPerCall: calls > 0 ? Math.max(1, Math.round(tokens / calls)) : tokensAtFirst,
  }
}

/** Must match the index: it reads only the calls sent within the window. */
export function sentQuery(provider: Provider, windowMs: number): SQL {
  return sql`SELECT COUNT(*) AS calls, SUM(tokens) AS tokens FROM vision_permits FORCE INDEX (sent)
    WHERE provider = ${provider} AND sent_at > ${inMilliseconds(-windowMs)}`
}

/**
 * Must match the index: it reads only calls in flight and permits that expired within the window. The latter may have been
 * sent without a record: their worker died or could not write it.
 */
export function inFlightQuery(provider: Provider, windowMs: number): SQL {
  return sql`SELECT SUM(expires_at > UTC_TIMESTAMP(3)) AS calls, SUM(sent_at IS NULL) AS unsent,
      SUM(IF(sent_at IS NULL, tokens, 0)) AS unsentTokens
    FROM vision_permits FORCE INDEX (in_flight)
    WHERE provider = ${provider} AND expires_at > ${inMilliseconds(-windowMs)}`
}

/** How many more calls the limits allow. */
function roomIn(
  { requestsPerMinute, requestsInFlight, tokensPerMinute }: ProviderLimits,
  usage: ProviderUsage,
): number {
  const rooms = [Number.POSITIVE_INFINITY]
  if (requestsPerMinute !== undefined) rooms.push(requestsPerMinute - usage.perMinute)
  if (requestsInFlight !== undefined) rooms.push(requestsInFlight - usage.inFlight)
  if (tokensPerMinute !== undefined) {
    const room = Math.floor((tokensPerMinute - usage.tokens) / usage.tokensPerCall)
    // A call that needs more than the whole limit must not wait forever: it goes out alone.
    rooms.push(usage.tokens === 0 ? Math.max(1, room) : room)
  }
  return Math.min(...rooms)
}
