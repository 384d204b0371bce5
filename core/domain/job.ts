import { endedStatuses, type Status, type Step } from '../../drizzle/schema.ts'

/** Whether a job has ended. It may still be redriven, but nothing happens by itself. */
export function hasEnded({ status }: { readonly status: Status }): boolean {
  return (endedStatuses as readonly Status[]).includes(status)
}

/**
 * How far a job has come, in per cent: what is saved counts, not how long it took. A job that ended early stays where it
 * was when it last waited.
 */
export function progressOf({ status, nextStep }: { readonly status: Status; readonly nextStep: Step }): number {
  if (status === 'completed') return 100
  const saved = nextStep === 'content' ? 50 : 0
  return status === 'processing' ? saved + 10 : saved
}
