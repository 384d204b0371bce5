import { hasEnded } from '../domain/job.ts'
import type { JobWithOutputs } from '../queue/read/read.ts'
import type { Feed } from './changes/feed.ts'

/**
 * Waits for a job's next change, or for its end. Returns at once if the job has ended.
 *
 * @param known the job as the caller knows it
 * @param waitSignal aborted when the caller no longer waits
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
