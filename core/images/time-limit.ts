/** A time limit whose clock can be stopped. */
export interface TimeLimit {
  /** Aborted when the time is up. */
  readonly signal: AbortSignal
  /** Runs `work` while the clock is stopped. */
  without<T>(work: () => Promise<T>): Promise<T>
  /** Ends the limit once the work is over. */
  clear(): void
}

/** @param milliseconds from now, without the time in which the clock is stopped */
export function startTimeLimit(milliseconds: number): TimeLimit {
  const controller = new AbortController()
  const start = (left: number) => ({
    timer: setTimeout(() => controller.abort(), left),
    endsAt: performance.now() + left,
  })
  let running = start(milliseconds)
  let ended = false
  return {
    signal: controller.signal,
    without: async (work) => {
      clearTimeout(running.timer)
      const left = Math.max(0, running.endsAt - performance.now())
      try {
        return await work()
      } finally {
        if (!ended) running = start(left)
      }
    },
    clear: () => {
      ended = true
      clearTimeout(running.timer)
    },
  }
}
