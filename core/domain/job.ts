import { endedStatuses, type Status, type Step } from '../../drizzle/schema.ts'

/** Whether a job has ended. It may still be redriven, but nothing happens to it by itself. */
export function hasEnded({ status }: { readonly status: Status }): boolean {
  return (endedStatuses as readonly Status[]).includes(status)
}

/**
 * The progress of a job in per cent, by saved results and not by time. A job that ended early stays where it was when it
 * last waited.
 */
export function progressOf({ status, nextStep, texts, textsCompleted }: HowFar): number {
  if (status === 'completed') return 100
  const share = 50 / Math.max(1, texts)
  const saved = nextStep === 'content' ? 50 + Math.floor(Math.min(textsCompleted, texts) * share) : 0
  return status === 'processing' ? Math.min(99, saved + 10) : saved
}

/** The parts of a job that its progress depends on. */
export interface HowFar {
  readonly status: Status
  readonly nextStep: Step
  /** How many texts are requested, and how many of them are completed. */
  readonly texts: number
  readonly textsCompleted: number
}
