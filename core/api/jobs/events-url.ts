import type { JobRow } from '../../queue/read.ts'
import type { ApiServices } from '../services.ts'

/** Where a job can be watched, with a ticket; null where nothing is streamed, and once a ticket would have expired. */
export async function eventsUrlOf(
  { streamUrl, tickets, now }: Pick<ApiServices, 'streamUrl' | 'tickets' | 'now'>,
  job: JobRow,
): Promise<string | null> {
  if (streamUrl === undefined || tickets === undefined || job.expiresAt.getTime() <= now()) return null
  // From its end, so that a path before ours stays.
  const url = new URL(`${streamUrl().replace(/\/$/, '')}/v1/jobs/${job.id}/events`)
  url.searchParams.set('ticket', await tickets.sign(job))
  return url.href
}
