import { type TrackedEnvelope, tracked } from '@trpc/server'
import { VisionError } from '../../domain/errors.ts'
import type { Context } from '../../http/context.ts'
import type { Resource } from '../../http/resource.ts'
import type { EventStream } from '../../http/sse.ts'
import { allowed, createProcedures } from '../../http/trpc.ts'
import { validated } from '../../http/validation.ts'
import type { Watch } from '../../live/watch.ts'
import type { Actor } from '../../platform/auth.ts'
import type { StreamServices } from '../services.ts'
import { closingOf } from './closing.ts'
import { exampleEvent } from './examples.ts'
import { JobEvent, type JobEventView, WatchJob } from './schema.ts'

const { openProcedure, router } = createProcedures<StreamServices>()

/** The events of a job: over tRPC as a subscription, over REST as server-sent events. */
export const events = {
  name: 'events',
  description: 'What happens to a job, as it happens.',
  procedures: {
    watchJob: openProcedure
      .meta({
        rest: 'GET /v1/jobs/{jobId}/events',
        status: 200,
        scope: 'read',
        streams: true,
        summary: 'Watch a job',
        description:
          'Streams what happens to a job, as server-sent events, at the address that its `eventsUrl` names: `status`, `analysis`, `text` for each text that is there or has failed, and at the end `completed`, `failed`, `cancelled` or `deleted`. After a while the stream says `reconnect` and ends; come back with the last id, as an EventSource does by itself.',
        errors: ['job.not_found'],
        output: JobEvent,
        example: { reply: exampleEvent },
      })
      // Before the input is validated, so that a refused caller learns nothing about it.
      .use(async ({ ctx, meta, next, getRawInput }) => {
        const caller = await (ctx.ticket === undefined ? ctx.authenticate() : holderOf(ctx, await getRawInput()))
        return next({ ctx: { actor: allowed(caller, meta) } })
      })
      .input(validated(WatchJob))
      .subscription(async ({ ctx, input, signal }): Promise<EventStream<TrackedEnvelope<JobEventView>>> => {
        const { live } = ctx.services
        if (live === undefined) throw notStreamed()
        const watch = await live.watch({
          userId: ctx.actor.userId,
          jobId: input.jobId,
          after: Number(input.lastEventId ?? 0),
          transport: ctx.transport,
          signal: signal ?? new AbortController().signal,
        })
        return track(watch)
      }),
  },
} satisfies Resource

/** The router of a server that streams and does nothing else. */
export const streamRouter = router({ visionPipeline: router(events.procedures) })

/** The owner of the job that a ticket is for; one for another job than the input names is refused. */
async function holderOf({ services, ticket = '' }: Context<StreamServices>, input: unknown): Promise<Actor> {
  const { live, tickets } = services
  if (live === undefined || tickets === undefined) throw notStreamed()
  return tickets.check(ticket, (input as { readonly jobId?: unknown } | undefined)?.jobId)
}

function notStreamed(): VisionError {
  return new VisionError('request.not_found', { message: 'Nothing is streamed here: use the job’s eventsUrl.' })
}

/** The events with the ids that both protocols resume by. */
function track(watch: Watch): EventStream<TrackedEnvelope<JobEventView>> {
  return {
    complete: watch.complete,
    closingOf,
    async *[Symbol.asyncIterator]() {
      // What a step made was validated when it was saved.
      for await (const event of watch) yield tracked(String(event.version), event as JobEventView)
    },
  }
}
