/** Knows when this process stood still: frozen with its machine, stopped by a signal, or busy with itself. */
export interface Freezes {
  /** Whether it stood still at any moment since then, by `now`. */
  since(moment: number): boolean
  stop(): void
}

export interface FreezeOptions {
  /** Milliseconds, of any clock that only goes forward. */
  readonly now: () => number
  /** Milliseconds of the wall's clock: a machine that is frozen as a whole may stop the other one. */
  readonly wall: () => number
  /** How often it is looked, in milliseconds; every second if not given. */
  readonly everyMs?: number
}

/** A process that comes this much too late to look was still, in milliseconds; a busy one is late by less. */
const lateMs = 3_000

/** Looks at the clocks now and then: what times out meanwhile may have been answered long ago. */
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
      // The timer that tells may come first, and this one's after it.
      look()
      return until >= moment
    },
    stop: () => clearInterval(timer),
  }
}
