import type { Step } from '../../drizzle/schema.ts'
import { settleMs } from '../queue/settle/reserved-time.ts'
import type { WorkerOptions } from './options.ts'

/** How long before its deadline a worker stops retrying saves, in milliseconds: the function needs the time to end. */
const farewellMs = 1_000

/** The worker's time before its deadline. */
export interface TimeLeft {
  /** Until the runs must be stopped, in milliseconds. */
  untilStop(): number
  isOver(): boolean
  hasTimeFor(step: Step): boolean
  hasTimeForCall(): boolean
  /** Whether there is time to retry a save while the database is unavailable. */
  maySaveAgain(): boolean
  /** The worker must stop: from now on saves are retried only within the time for settling. */
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
    log('error', 'not enough time left for one job', { milliseconds: Math.round(deadline - started) })
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
