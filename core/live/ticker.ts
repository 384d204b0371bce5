/** Waits a number of milliseconds; rejects as soon as the signal is aborted. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** Work that is repeated while it is needed. No run begins before the one before it has ended, not even after a stop. */
export interface Ticker {
  /** Starts, if it has not: the first run comes after one interval. */
  start(): void
  /** Stops after the run that is under way. One that is started again meanwhile waits for the end of that run. */
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
      await working
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
