import { getBatch } from '../../batches/batches.ts'
import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { procedure } from '../procedure.ts'
import { exampleTicket } from './examples.ts'
import type { EventsTicketView } from './schema.ts'
import { manyEventsUrlOf } from './urls.ts'

const schema = deferred(() => import('./schema.ts'))
const watchSchema = deferred(() => import('./watch-schema.ts'))

/**
 * Links to streams, for clients that cannot send headers: made by the API, which authenticates the caller, not by the
 * streaming server.
 */
export const eventsTickets = {
  name: 'events tickets',
  description: 'Links to streams of many jobs, for pages.',
  procedures: {
    createEventsTicket: procedure
      .meta({
        rest: 'POST /v1/events/tickets',
        scope: 'read',
        status: 201,
        summary: 'Make a link to the stream of all jobs, or of a batch',
        description:
          'An EventSource cannot send a token, but it can open this link. Its bearer can watch the changes of the caller’s jobs, or of those of one batch, until `expiresAt`, and do nothing else: no event has an image, a text or metadata.',
        errors: ['batch.not_found'],
        output: schema('EventsTicket'),
        example: { request: {}, reply: exampleTicket },
      })
      .input(validated(watchSchema('CreateEventsTicket')))
      .mutation(async ({ ctx: { services, actor }, input: { batchId } }): Promise<EventsTicketView> => {
        const { userId } = actor
        if (batchId !== undefined) await getBatch(services.database, { userId, batchId })
        const expiresAt = new Date(services.now() + services.lifeMs)
        return {
          eventsUrl: await manyEventsUrlOf(services, { userId, batchId, expiresAt }),
          expiresAt: expiresAt.toISOString(),
        }
      }),
  },
} satisfies Resource
