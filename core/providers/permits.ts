import { type SQL, sql } from 'drizzle-orm'
import type { Provider } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { isOpen, lockGate } from './gates.ts'

/** What a provider allows us; what is left out is not limited. */
export interface ProviderLimits {
  /** Calls sent within any 60 seconds. */
  readonly requestsPerMinute?: number | undefined
  /** Calls under way at once. */
  readonly requestsInFlight?: number | undefined
  /** Tokens, of prompts and answers together, of the calls sent within any 60 seconds. */
  readonly tokensPerMinute?: number | undefined
}

export interface ReserveOptions {
  /** The ids that the permits shall have: as many as are wanted. */
  readonly ids: readonly string[]
  readonly limits: ProviderLimits
  /** Until a permit expires that is not renewed, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** How long a call counts in the limits of a minute, in milliseconds of the database's clock. */
  readonly windowMs: number
}

/** What was reserved. */
export interface Reserved {
  /** The first so many of the ids. */
  readonly count: number
  /** The provider was in trouble of late, so that its next answer is news. */
  readonly suspect: boolean
}

/**
 * A minute, in milliseconds, with a second more than it has, since so long may pass between the moment that the database
 * notes and the one in which the call goes out.
 */
export const minuteMs = 61_000
/** What a call is taken to need while there are no others to go by. */
const tokensAtFirst = 4_000
/** So many rows at a time are pruned. */
const pruneBatch = 1_000

/**
 * Reserves leave to call a provider, as much of what is wanted as its limits have room for: none while it is stopped or
 * paused, one at a time while it is down. Whoever reserves holds the provider's gate meanwhile, so no two can pass a
 * limit together; what is reserved and not sent yet counts as if it were.
 */
export function reservePermits(database: Database, provider: Provider, options: ReserveOptions): Promise<Reserved> {
  const { ids, limits, leaseMs, windowMs } = options
  return database.transact(async (tx) => {
    const gate = await lockGate(tx, provider)
    const down = gate.downSince !== null
    const suspect = down || gate.strikes > 0 || gate.pauses > 0
    if (!isOpen(gate)) return { count: 0, suspect }
    const limited = down || Object.values(limits).some((limit) => limit !== undefined)
    const usage = limited ? await usageOf(tx, provider, windowMs) : nothingUsed
    const room = roomIn(down ? { ...limits, requestsInFlight: 1 } : limits, usage)
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
    return { count, suspect }
  })
}

/** Takes note that a call goes out now. */
export function markSent(database: Database, id: string): Promise<number> {
  return database.run((on) => matchedBy(on, sql`UPDATE vision_permits SET sent_at = UTC_TIMESTAMP(3) WHERE id = ${id}`))
}

/**
 * Takes note that a call has ended: it counts on in the limits of the minute.
 *
 * @param tokens what it took, if it is known; what was estimated stays otherwise
 */
export function endPermit(database: Database, id: string, tokens: number | undefined): Promise<number> {
  const spent = tokens === undefined ? sql`` : sql`, tokens = ${tokens}`
  return database.run((on) => matchedBy(on, sql`UPDATE vision_permits SET expires_at = NULL${spent} WHERE id = ${id}`))
}

/** Gives back what was reserved and never sent. */
export async function returnPermits(database: Database, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await database.run((on) => matchedBy(on, sql`DELETE FROM vision_permits WHERE id IN ${[...ids]} AND sent_at IS NULL`))
}

/** Renews permits whose calls have not ended, so that they count as in flight for longer. */
export async function renewPermits(database: Database, ids: readonly string[], leaseMs: number): Promise<void> {
  if (ids.length === 0) return
  await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_permits FORCE INDEX (PRIMARY) SET expires_at = ${inMilliseconds(leaseMs)}
        WHERE id IN ${[...ids]} AND expires_at IS NOT NULL`,
    ),
  )
}

/** Deletes permits that count in no limit any more: those that were sent or expired five minutes ago, and are not in flight. */
export async function prunePermits(database: Database): Promise<void> {
  const ago = inMilliseconds(-300_000)
  const old = [
    sql`FORCE INDEX (ended) WHERE sent_at < ${ago} AND (expires_at IS NULL OR expires_at < ${ago})`,
    sql`FORCE INDEX (expired) WHERE expires_at < ${ago} AND sent_at IS NULL`,
  ]
  for (const which of old) {
    for (let pruned = pruneBatch; pruned === pruneBatch; ) {
      // DELETE takes no index hint, so the rows are named by a read.
      pruned = await database.run(async (on) => {
        const rows = await rowsOf<{ id: string }>(on, sql`SELECT id FROM vision_permits ${which} LIMIT ${pruneBatch}`)
        if (rows.length > 0)
          await matchedBy(on, sql`DELETE FROM vision_permits WHERE id IN ${rows.map(({ id }) => id)}`)
        return rows.length
      })
    }
  }
}

/** What counts in a provider's limits now. */
export interface ProviderUsage {
  /** Sent within the window, or reserved and about to be. */
  readonly perMinute: number
  /** Their tokens; of those that have not ended an estimate. */
  readonly tokens: number
  readonly inFlight: number
  /** What a call takes of late. */
  readonly tokensPerCall: number
}

const nothingUsed: ProviderUsage = { perMinute: 0, tokens: 0, inFlight: 0, tokensPerCall: tokensAtFirst }

/** What of a provider's limits is used. */
export async function usageOf(on: Queryable, provider: Provider, windowMs = minuteMs): Promise<ProviderUsage> {
  // In this order: a call that goes out between the two reads is counted twice, and never not at all.
  const [flying] = await rowsOf<Record<'calls' | 'unsent' | 'unsentTokens', number | null>>(on, inFlightQuery(provider))
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

/** Must match the index: only what was sent within the window is read. */
export function sentQuery(provider: Provider, windowMs: number): SQL {
  return sql`SELECT COUNT(*) AS calls, SUM(tokens) AS tokens FROM vision_permits FORCE INDEX (sent)
    WHERE provider = ${provider} AND sent_at > ${inMilliseconds(-windowMs)}`
}

/** Must match the index: only what is in flight is read. */
export function inFlightQuery(provider: Provider): SQL {
  return sql`SELECT COUNT(*) AS calls, SUM(sent_at IS NULL) AS unsent, SUM(IF(sent_at IS NULL, tokens, 0)) AS unsentTokens
    FROM vision_permits FORCE INDEX (in_flight) WHERE provider = ${provider} AND expires_at > UTC_TIMESTAMP(3)`
}

/** For how many more calls there is room. */
function roomIn(
  { requestsPerMinute, requestsInFlight, tokensPerMinute }: ProviderLimits,
  usage: ProviderUsage,
): number {
  const rooms = [Number.POSITIVE_INFINITY]
  if (requestsPerMinute !== undefined) rooms.push(requestsPerMinute - usage.perMinute)
  if (requestsInFlight !== undefined) rooms.push(requestsInFlight - usage.inFlight)
  if (tokensPerMinute !== undefined) {
    const room = Math.floor((tokensPerMinute - usage.tokens) / usage.tokensPerCall)
    // A call that takes more than the whole limit must not wait for ever: it goes alone.
    rooms.push(usage.tokens === 0 ? Math.max(1, room) : room)
  }
  return Math.min(...rooms)
}
