/** Watches the rate at which bytes arrive. */
export interface RateWatch {
  /** Aborted once too few bytes have arrived in a window. */
  readonly signal: AbortSignal
  arrived(bytes: number): void
  /** Runs `work` while the watch is stopped; a new window begins after it. */
  without<T>(work: () => Promise<T>): Promise<T>
  /** Ends the watch. */
  clear(): void
}

/** @param slowest the fewest bytes in each window of `ms` milliseconds, from now on */
export function watchTransferRate({ bytes, ms }: { readonly bytes: number; readonly ms: number }): RateWatch {
  const controller = new AbortController()
  let count = 0
  let timer: NodeJS.Timeout
  let ended = false
  const begin = () => {
    count = 0
    timer = setTimeout(() => (count < bytes ? controller.abort() : begin()), ms)
  }
  begin()
  return {
    signal: controller.signal,
    arrived: (more) => {
      count += more
    },
    without: async (work) => {
      clearTimeout(timer)
      try {
        return await work()
      } finally {
        if (!ended) begin()
      }
    },
    clear: () => {
      ended = true
      clearTimeout(timer)
    },
  }
}
