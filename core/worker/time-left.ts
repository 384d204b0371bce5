import type { Step } from '../../drizzle/schema.ts'
import { settleMs } from '../queue/limits.ts'
import type { WorkerOptions } from './options.ts'

/** For so long, in milliseconds, before its deadline a worker saves nothing again: the function needs it to end. */
const farewellMs = 1_000

/** What a worker has time for before its deadline. */
export interface TimeLeft {
  /** Until the runs must be told to stop, in milliseconds. */
  untilStop(): number
  isOver(): boolean
  hasTimeFor(step: Step): boolean
  hasTimeForCall(): boolean
  /** Whether there is time to save again what a database in trouble did not take. */
  maySaveAgain(): boolean
  /** The worker has been told to stop: nothing is saved again for longer than settling may take. */
  cutShort(): void
}

/** @param deadline see `DrainOptions` */
export function timeLeft(
  { now, stepMs, callMs, log }: Pick<WorkerOptions, 'now' | 'stepMs' | 'callMs' | 'log'>,
  deadline: number,
): TimeLeft {
  const started = now()
  const stopAt = deadline - settleMs
  let saveUntil = deadline - farewellMs
  const hasTimeFor = (step: Step) => now() + stepMs[step] <= stopAt
  if (!hasTimeFor('analysis')) {
    log('error', 'the function’s time does not suffice for one job', { milliseconds: Math.round(deadline - started) })
  }
  return {
    untilStop: () => Math.max(0, stopAt - now()),
    isOver: () => now() >= stopAt,
    hasTimeFor,
    hasTimeForCall: () => now() + callMs <= stopAt,
    maySaveAgain: () => now() < saveUntil,
    cutShort: () => {
      saveUntil = Math.min(saveUntil, now() + settleMs - farewellMs)
    },
  }
}
