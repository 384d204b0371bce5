/** The most calls in one tRPC batch: the gateway counts a batch as one request, whatever its size. */
export const maxBatchCalls = 10

/** How many of them run concurrently: as many as a function has connections by default. */
export const batchCallsAtOnce = 2

/** Runs work once fewer than the allowed number of others run. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>

/** @param atOnce how much work runs concurrently; the rest waits, first come, first served */
export function createLimiter(atOnce: number): Limiter {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      // The place is passed on directly, so no other call can take it in between.
      if (next) next()
      else running--
    }
  }
}
