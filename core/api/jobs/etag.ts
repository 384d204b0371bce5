import { hasEnded } from '../../domain/job.ts'
import type { JobRow } from '../../queue/read/read.ts'

/** A job's version as an entity tag (RFC 9110, section 8.8.3). Weak: the links in a job are signed anew for each reply. */
export function etagOf({ id, version }: Pick<JobRow, 'id' | 'version'>): string {
  return `W/"${id}-${version}"`
}

const pollSeconds = 2
const longestPollSeconds = 60

/** When to ask for a job again, in seconds; undefined once it has ended. */
export function retryAfterOf(job: Pick<JobRow, 'status' | 'availableAt'>, now: number): number | undefined {
  const { status, availableAt } = job
  if (hasEnded(job)) return undefined
  if (status !== 'scheduled' || availableAt === null) return pollSeconds
  // Until then only its owner changes it.
  const seconds = Math.ceil((availableAt.getTime() - now) / 1000)
  return Math.min(Math.max(seconds, pollSeconds), longestPollSeconds)
}
