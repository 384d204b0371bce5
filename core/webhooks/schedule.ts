/** How long an attempt may take from its first packet to the head of the answer, in milliseconds. */
export const attemptMs = 15_000

/** For how long a delivery is tried, in milliseconds. */
export const keepTryingMs = 3 * 86_400_000
/** How long an endpoint may fail before it is disabled, in milliseconds. */
export const disableAfterMs = 5 * 86_400_000
/** The longest that an endpoint may put us off by `Retry-After`, in milliseconds. */
const longestRetryAfterMs = 86_400_000

const [second, minute, hour] = [1_000, 60_000, 3_600_000]

/** How long to wait after each attempt that failed, in milliseconds: the example of the Standard Webhooks specification. */
const waits = [
  ...[5 * second, 5 * minute, 30 * minute],
  ...[2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour],
]

/** After this many failures in a row all deliveries of an endpoint are deferred: a dead one costs one attempt at a time. */
export const putOffAfter = 3
const putOffMs = { base: 5 * second, cap: 5 * minute }

/**
 * How long a delivery waits for its next attempt, in milliseconds: by the schedule with up to a fifth more, so that those which
 * failed together do not come back together, or as long as the endpoint asks for.
 *
 * @param attempts how many have failed, from 1 on
 * @param random 0 to 1
 */
export function retryAfter(attempts: number, askedMs: number | undefined, random: () => number): number {
  const wait = waits[Math.min(attempts, waits.length) - 1] ?? minute
  return Math.round(Math.max(wait * (1 + random() / 5), Math.min(askedMs ?? 0, longestRetryAfterMs)))
}

/**
 * How long all deliveries of an endpoint are deferred, in milliseconds.
 *
 * @param failures its attempts in a row that failed, from 1 on
 * @param askedMs the wait that the endpoint requested
 */
export function endpointWait(failures: number, askedMs: number | undefined, random: () => number): number {
  const asked = Math.min(askedMs ?? 0, putOffMs.cap)
  if (failures < putOffAfter) return asked
  const wait = Math.min(putOffMs.cap, putOffMs.base * 2 ** Math.min(20, failures - putOffAfter))
  return Math.round(Math.max(asked, wait * (1 + random() / 5)))
}

/**
 * What a `Retry-After` asks for, in milliseconds: seconds, or a date (RFC 9110, section 10.2.3).
 *
 * @param now milliseconds since the epoch
 */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value) * second
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
