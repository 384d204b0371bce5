import type { Run } from '../domain/run.ts'
import { crashesUntilAlone } from '../queue/claim/claim.ts'

/** A run that the worker is executing. */
export interface InFlight {
  readonly controller: AbortController
  readonly finished: Promise<void>
  /** A paid call of it is in flight. */
  paying: boolean
}

/** A run's handle on its slot. */
export interface Slot {
  /** Aborted when the run must stop. */
  readonly signal: AbortSignal
  /** Called when a paid call goes out, and when it has ended. */
  onCall(isOut: boolean): void
}

/** The slots of a worker: each holds one run. */
export interface Slots {
  readonly inFlight: ReadonlyMap<Run, InFlight>
  /** How many runs may be started; none beside a job that must run alone. */
  free(): number
  /**
   * Starts a run; one that must run alone waits for the others. The slot is free when the work has ended; it must not
   * reject.
   */
  start(run: Run, work: (slot: Slot) => Promise<void>): void
  /** How many runs have ended. */
  ended(): number
  /** Each resolves when its run has ended. */
  finished(): readonly Promise<void>[]
  /** Aborts every run with a reason, and each that is started later: a claim may be under way. */
  abort(reason: Error): void
}

/** @param size the most runs at once */
export function createSlots(size: number): Slots {
  const inFlight = new Map<Run, InFlight>()
  let ended = 0
  let stopped: Error | undefined
  const finished = () => [...inFlight.values()].map((one) => one.finished)
  const isAlone = (run: Run) => run.crashes >= crashesUntilAlone
  return {
    inFlight,
    free: () => ([...inFlight.keys()].some(isAlone) ? 0 : size - inFlight.size),
    start: (run, work) => {
      const controller = new AbortController()
      if (stopped) controller.abort(stopped)
      const state = { controller, paying: false }
      const onCall = (isOut: boolean) => {
        state.paying = isOut
      }
      const others = finished()
      const runIt = async () => {
        if (isAlone(run)) await Promise.all(others)
        try {
          await work({ signal: controller.signal, onCall })
        } finally {
          inFlight.delete(run)
          ended++
        }
      }
      inFlight.set(run, Object.assign(state, { finished: runIt() }))
    },
    ended: () => ended,
    finished,
    abort: (reason) => {
      stopped ??= reason
      for (const { controller } of inFlight.values()) if (!controller.signal.aborted) controller.abort(reason)
    },
  }
}
