import type { Caller } from '../procedure.ts'

/** A job of the caller, as the queue identifies it. */
export function owned({ actor }: Caller, jobId: number) {
  return { jobId, userId: actor.userId }
}
