import { hash } from 'node:crypto'

/** What a verification found out, and when the token begins and ends to be good, in milliseconds since the epoch. */
export interface Verified<Found> {
  readonly found: Found
  readonly from: number
  readonly until: number
}

/** How long a verification is remembered, in milliseconds: as long as that of an API key. */
export const verifiedMs = 30_000
/** The bound of the cache; an entry is a hash and an actor, however long the token is. */
export const maxVerified = 5_000

/**
 * Remembers tokens that were verified: a client sends the same one with each call, and to verify a signature takes longer than
 * to read a job. What was refused is not remembered.
 *
 * @param verify throws what the caller gets
 * @param now milliseconds since the epoch
 */
export function rememberVerified<Found>(
  verify: (token: string) => Promise<Verified<Found>>,
  now: () => number,
): (token: string) => Promise<Found> {
  const known = new Map<string, Verified<Found>>()
  return async (token) => {
    const key = hash('sha256', token, 'base64')
    const before = known.get(key)
    // A clock that was set back extends nothing.
    if (before && now() >= before.from && now() < before.until) return before.found
    known.delete(key)
    const began = now()
    const { found, from, until } = await verify(token)
    known.set(key, { found, from: Math.max(began, from), until: Math.min(began + verifiedMs, until) })
    for (const [oldest] of known) {
      if (known.size <= maxVerified) break
      known.delete(oldest)
    }
    return found
  }
}
