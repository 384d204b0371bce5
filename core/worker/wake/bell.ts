/** Tells the worker loops of this process that jobs may be pending: for where jobs are created and worked on in one process. */
export interface Bell {
  ring(): void
  /** Aborted by the next ring. A loop takes it before it polls, so that a ring during the poll is not missed. */
  readonly next: AbortSignal
  /** How many loops hear it. */
  readonly attached: number
  /** A loop is attached from its start until it has decided to end. @returns detaches it */
  attach(): () => void
}

export function createBell(): Bell {
  const loops = new Set<symbol>()
  let ringing = new AbortController()
  return {
    ring: () => {
      const rung = ringing
      ringing = new AbortController()
      rung.abort()
    },
    get next() {
      return ringing.signal
    },
    get attached() {
      return loops.size
    },
    attach: () => {
      const loop = Symbol()
      loops.add(loop)
      return () => void loops.delete(loop)
    },
  }
}
