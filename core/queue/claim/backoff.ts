export interface BackoffOptions {
  /** The ceiling of the first wait, in milliseconds; it doubles with each failure. */
  readonly baseMs: number
  /** No ceiling grows beyond this, in milliseconds. */
  readonly capMs: number
  /** 0 to 1. */
  readonly random: () => number
}

/**
 * How long to wait after the n-th failure, in milliseconds: capped exponential backoff with full jitter, which spreads
 * retries best for the least work (AWS Architecture Blog, "Exponential Backoff and Jitter").
 *
 * @param failures how many failures there have been, 1 or more
 */
export function backoff(failures: number, { baseMs, capMs, random }: BackoffOptions): number {
  return Math.round(random() * Math.min(capMs, baseMs * 2 ** (failures - 1)))
}
