/** A limit on how long something takes, whose clock can be stopped. */
export interface TimeLimit {
  /** Aborted when the time is up. */
  readonly signal: AbortSignal
  /** Runs `work` with the clock stopped. */
  without<T>(work: () => Promise<T>): Promise<T>
  /** Ends the limit once the bounded work is over. */
  clear(): void
}

/** @param milliseconds from now, not counting what runs with the clock stopped */
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
