import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { hashKey, isWholeKey, looksLikeKey, shownPrefixOf } from '../platform/api-key.ts'
import { type Actor, type Authenticate, bearerToken, InvalidToken } from '../platform/auth.ts'

/** The caller with this API key. */
export type CheckKey = (key: string) => Promise<Actor>

/** How long the result of a check is cached, in milliseconds: a revoked key is refused within it. */
export const keyCacheMs = 30_000
/** The bounds of the cache: valid and invalid keys, where the latter cannot evict the former. */
const maxGranted = 5_000
export const maxRefused = 1_000
/** How many keys one query reads, and how many may wait for theirs. */
export const keysAQuery = 100
export const maxWaiting = 1_000
/** The precision of a key's last use, in minutes: it is written at most that often. */
const usedMinutes = 10

/** Checks API keys, and passes every other bearer token on to `byToken`. */
export function withApiKeys(check: CheckKey, byToken: Authenticate): Authenticate {
  return async (request, bindings) => {
    const token = bearerToken(request)
    return looksLikeKey(token) ? check(token) : byToken(request, bindings)
  }
}

/** The result of a check; a refusal has the reason. */
interface Known {
  readonly result: Actor | InvalidToken
  /** The period in which it is valid, in milliseconds. */
  readonly since: number
  readonly until: number
}

interface Row {
  readonly id: number
  readonly userId: string
  readonly hash: string
  readonly scopes: string
  /** When it expires, in milliseconds; null: never. */
  readonly leftMs: number | string | null
  /** Whether the time of its last use is due to be written. */
  readonly unmarked: 0 | 1
}

/**
 * Looks keys up by their hash, one query at a time: keys that arrive during a query share the next one. Invalid keys,
 * however many are tried, take one connection and a bounded part of the memory; a mistyped one is refused without a query.
 *
 * @param now milliseconds since the epoch
 * @returns a function that throws InvalidToken, VisionError `auth.unavailable` while too many wait, or `database.unavailable`
 */
export function createKeyCheck(database: Database, { now }: { readonly now: () => number }): CheckKey {
  const granted = new Map<string, Known>()
  const refused = new Map<string, Known>()
  const waiting = new Map<string, PromiseWithResolvers<Known>>()
  const asked = new Map<string, PromiseWithResolvers<Known>>()
  let asking = false

  const find = (hash: string): Known | undefined => {
    const known = granted.get(hash) ?? refused.get(hash)
    if (known === undefined) return undefined
    // A clock that was set back extends no cached result.
    if (now() >= known.since && now() < known.until) return known
    granted.delete(hash)
    refused.delete(hash)
    return undefined
  }
  const remember = (hash: string, known: Known) => {
    const [cache, most] = known.result instanceof InvalidToken ? [refused, maxRefused] : [granted, maxGranted]
    cache.set(hash, known)
    for (const [oldest] of cache) {
      if (cache.size <= most) break
      cache.delete(oldest)
    }
  }
  const ask = async (): Promise<void> => {
    if (asking) return
    asking = true
    while (waiting.size > 0) {
      for (const [hash, one] of [...waiting].slice(0, keysAQuery)) {
        waiting.delete(hash)
        asked.set(hash, one)
      }
      try {
        const since = now()
        const found = await readKeys(database, [...asked.keys()])
        for (const [hash, one] of asked) {
          const known = knownOf(found.get(hash), since)
          remember(hash, known)
          one.resolve(known)
        }
      } catch (error) {
        for (const one of asked.values()) one.reject(error)
      }
      asked.clear()
    }
    asking = false
  }
  const lookUp = (hash: string): Promise<Known> => {
    const same = waiting.get(hash) ?? asked.get(hash)
    if (same) return same.promise
    if (waiting.size >= maxWaiting) {
      throw new VisionError('auth.unavailable', { message: 'Too many API keys are being checked. Try again.' })
    }
    const one = Promise.withResolvers<Known>()
    waiting.set(hash, one)
    void ask()
    return one.promise
  }

  return async (key) => {
    if (!isWholeKey(key)) {
      throw new InvalidToken(
        'The API key is mistyped or cut off: its checksum does not match. Copy all of it.',
        'an API key with a wrong checksum',
      )
    }
    const hash = hashKey(key)
    const { result } = find(hash) ?? (await lookUp(hash))
    // A separate error for each call, with its own stack.
    if (result instanceof InvalidToken)
      throw new InvalidToken(result.message, `${result.detail}: ${shownPrefixOf(key)}…`)
    return result
  }
}

function knownOf(row: Row | undefined, since: number): Known {
  const leftMs = row === undefined || row.leftMs === null ? keyCacheMs : Number(row.leftMs)
  if (row === undefined || leftMs <= 0) {
    const result =
      row === undefined
        ? new InvalidToken(
            'There is no such API key: it was revoked, or is of another deployment.',
            'an unknown API key',
          )
        : new InvalidToken('The API key has expired.', 'an expired API key')
    return { result, since, until: since + keyCacheMs }
  }
  const scopes = new Set(row.scopes.split(' '))
  const result: Actor = { userId: row.userId, scopes, key: { id: row.id } }
  return { result, since, until: since + Math.min(keyCacheMs, leftMs) }
}

/** The rows of existing keys by hash; records that they are used, if that is due. */
async function readKeys(database: Database, hashes: readonly string[]): Promise<ReadonlyMap<string, Row>> {
  const rows = await database.run((on) =>
    rowsOf<Row>(
      on,
      sql`SELECT id, user_id AS userId, hash, scopes,
          TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), expires_at) DIV 1000 AS leftMs, ${isUnmarked} AS unmarked
        FROM vision_api_keys FORCE INDEX (hash) WHERE hash IN ${[...hashes]}`,
    ),
  )
  const due = rows.filter(({ unmarked, leftMs }) => unmarked === 1 && (leftMs === null || Number(leftMs) > 0))
  if (due.length > 0) await markUsed(database, due)
  return new Map(rows.map((row) => [row.hash, row]))
}

const isUnmarked = sql`(last_used_at IS NULL OR last_used_at < UTC_TIMESTAMP(3) - INTERVAL ${usedMinutes} MINUTE)`

/** A key that another process is marking, or holds, is skipped: no caller waits for it. */
async function markUsed(database: Database, keys: readonly Row[]): Promise<void> {
  const ids = keys.map(({ id }) => id)
  try {
    await database.transact(
      async (tx) => {
        const free = await rowsOf<{ id: number }>(
          tx,
          sql`SELECT id FROM vision_api_keys FORCE INDEX (PRIMARY) WHERE id IN ${ids} AND ${isUnmarked} ORDER BY id
            FOR UPDATE SKIP LOCKED`,
        )
        if (free.length === 0) return
        await matchedBy(
          tx,
          sql`UPDATE vision_api_keys SET last_used_at = UTC_TIMESTAMP(3) WHERE id IN ${free.map(({ id }) => id)}`,
        )
      },
      async () => undefined,
    )
  } catch (error) {
    // The owner sees the use ten minutes late; the key stays valid.
    if (!(error instanceof VisionError)) throw error
  }
}
