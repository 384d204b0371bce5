import type { TicketScope } from '../../live/slots/tickets.ts'
import type { JobRow } from '../../queue/read/read.ts'
import type { ApiServices } from '../services.ts'

type Services = Pick<ApiServices, 'streamUrl' | 'tickets' | 'now'>

/** The URL of a job's events, with a ticket; null without streams, and once a ticket would have expired. */
export function eventsUrlOf(services: Services, { id, userId, expiresAt }: JobRow): Promise<string | null> {
  return linkTo(services, `/v1/jobs/${id}/events`, { scope: `job/${id}`, userId, expiresAt })
}

/** The URL of the events of all jobs of a user, or of one batch, with a ticket; null without streams. */
export function manyEventsUrlOf(
  services: Services,
  {
    userId,
    batchId,
    expiresAt,
  }: { readonly userId: string; readonly batchId?: number | undefined; readonly expiresAt: Date },
): Promise<string | null> {
  return batchId === undefined
    ? linkTo(services, '/v1/events', { scope: 'jobs', userId, expiresAt })
    : linkTo(services, `/v1/events?batchId=${batchId}`, { scope: `batch/${batchId}`, userId, expiresAt })
}

async function linkTo(
  { streamUrl, tickets, now }: Services,
  path: string,
  ticket: { readonly scope: TicketScope; readonly userId: string; readonly expiresAt: Date },
): Promise<string | null> {
  if (streamUrl === undefined || tickets === undefined || ticket.expiresAt.getTime() <= now()) return null
  // From its end, so that a path before ours stays.
  const url = new URL(`${streamUrl().replace(/\/$/, '')}${path}`)
  url.searchParams.set('ticket', await tickets.sign(ticket))
  return url.href
}
