/** A tRPC batch may hold so many calls: it counts as one request at the gateway, however many it holds. */
export const maxBatchCalls = 10

/** So many of them run at once: as many as a function has connections, by default. */
export const batchCallsAtOnce = 2

/** Runs work when it is its turn. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

/** @param atOnce so much work runs at once; the rest waits, in the order of asking */
export function createTurns(atOnce: number): Turns {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      // The place is handed on: nobody can take it in between.
      if (next) next()
      else running--
    }
  }
}
