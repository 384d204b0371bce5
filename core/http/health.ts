/**
 * Shares one result among all requests within an interval: a check without authentication must not be a way to load the
 * database.
 *
 * @param check the check that costs a query; an error means unhealthy
 * @param everyMs how long a result is reused, in milliseconds
 * @param now milliseconds since the epoch
 */
export function shared(check: () => Promise<boolean>, everyMs: number, now: () => number): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined
  let until = 0
  return () => {
    if (answer === undefined || now() >= until) {
      // No other check starts while this one is under way.
      until = Number.POSITIVE_INFINITY
      answer = check()
        .catch(() => false)
        .finally(() => {
          until = now() + everyMs
        })
    }
    return answer
  }
}
