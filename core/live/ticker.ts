/** Waits a number of milliseconds; rejects as soon as the signal is aborted. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** Work that is repeated while it is needed. */
export interface Ticker {
  /** Starts, if it has not: the first run comes after one interval. */
  start(): void
  /** Stops after the run that is under way. */
  stop(): void
  /** Resolves when the run that is under way has ended. */
  settled(): Promise<void>
}

/** @param onError called when a run fails, which does not stop the ticker */
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
