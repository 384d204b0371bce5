/** A clock that stands still until the test moves it: one interval each time. */
export function handClock() {
  const sleepers = new Set<() => void>()
  const wake = () => {
    for (const sleeper of sleepers) sleeper()
  }
  return {
    asleep: () => sleepers.size,
    sleep: (_: number, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const done = () => {
          sleepers.delete(done)
          resolve()
        }
        sleepers.add(done)
        signal.addEventListener('abort', () => {
          sleepers.delete(done)
          reject(signal.reason)
        })
      }),
    /** One interval passes. */
    wake,
    /** One interval passes; resolves when the work of it is done and the next begins. */
    tick: async () => {
      wake()
      while (sleepers.size === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    },
  }
}

export type HandClock = ReturnType<typeof handClock>
