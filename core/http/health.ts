/**
 * Asks at most once in a while, whoever asks meanwhile gets the same answer: a check that needs no token must not be a way to
 * keep a database busy.
 *
 * @param check what it costs something to find out; an error means no
 * @param everyMs so long an answer counts, in milliseconds
 * @param now milliseconds since the epoch
 */
export function shared(check: () => Promise<boolean>, everyMs: number, now: () => number): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined
  let until = 0
  return () => {
    if (answer === undefined || now() >= until) {
      // As long as it is under way nobody else begins.
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
