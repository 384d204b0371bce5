/** Detects when this process was frozen with its machine, stopped by a signal, or blocked. */
export interface Freezes {
  /** Whether it was frozen at any time since then, by `now`. */
  since(moment: number): boolean
  stop(): void
}

export interface FreezeOptions {
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  /** Milliseconds of the wall clock: freezing a whole machine may stop the monotonic one. */
  readonly wall: () => number
  /** The interval of the checks, in milliseconds; a second if left out. */
  readonly everyMs?: number
}

/** How late a check must be to count as a freeze, in milliseconds; a busy process is late by less. */
const lateMs = 3_000

/** Compares the clocks at intervals: a call that times out across a freeze may have been answered long before. */
export function watchFreezes({ now, wall, everyMs = 1_000 }: FreezeOptions): Freezes {
  let last = { now: now(), wall: wall() }
  let until = Number.NEGATIVE_INFINITY
  const look = () => {
    const at = { now: now(), wall: wall() }
    if (Math.max(at.now - last.now, at.wall - last.wall) > everyMs + lateMs) until = at.now
    last = at
  }
  const timer = setInterval(look, everyMs)
  timer.unref()
  return {
    since: (moment) => {
      // The caller's timer may fire before the one here.
      look()
      return until >= moment
    },
    stop: () => clearInterval(timer),
  }
}
