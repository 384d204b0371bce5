import { hasEnded } from '../domain/job.ts'
import type { JobWithOutputs } from '../queue/read.ts'
import type { Feed } from './feed.ts'

/**
 * Waits for a job's next change, or for its end: a job that has ended is waited for no more.
 *
 * @param known the job as its reader has it
 * @param waitSignal aborted when the waiting is over
 */
export async function waitFor(
  what: 'change' | 'end',
  feed: Feed,
  { job }: Pick<JobWithOutputs, 'job'>,
  waitSignal: AbortSignal,
): Promise<void> {
  if (hasEnded(job) || waitSignal.aborted) return
  try {
    for await (const state of feed.watch(job.id, job.version, waitSignal)) {
      if (what === 'change' || hasEnded(state.job)) return
    }
  } catch (error) {
    if (!waitSignal.aborted) throw error
  }
}
