/** Waits so many milliseconds; rejects as soon as the signal says so. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** Work that is done again and again while anybody needs it. */
export interface Ticker {
  /** Begins, if it has not: the first time after one interval. */
  start(): void
  /** Ends at once: what is under way is the last. */
  stop(): void
  /** Resolves when what was under way is done. */
  settled(): Promise<void>
}

/** @param onError told when the work fails, which does not end it */
export function createTicker(
  everyMs: number,
  sleep: Sleep,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): Ticker {
  let running: AbortController | undefined
  let working = Promise.resolve()
  const tick = async (signal: AbortSignal) => {
    for (;;) {
      await sleep(everyMs, signal).catch(() => undefined)
      if (signal.aborted) return
      working = work().catch(onError)
      await working
    }
  }
  return {
    start: () => {
      if (running) return
      running = new AbortController()
      void tick(running.signal)
    },
    stop: () => {
      running?.abort()
      running = undefined
    },
    settled: () => working,
  }
}
