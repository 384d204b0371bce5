import { type TrackedEnvelope, tracked } from '@trpc/server'
import { VisionError } from '../../domain/errors.ts'
import type { Context } from '../../http/context.ts'
import type { Resource } from '../../http/resource.ts'
import type { EventStream } from '../../http/sse.ts'
import { allowed, createProcedures } from '../../http/trpc/trpc.ts'
import { deferred, validated } from '../../http/validation.ts'
import { knownOf } from '../../live/event-id.ts'
import type { Watch } from '../../live/watch.ts'
import type { ManyEvent } from '../../live/watch-many.ts'
import type { Actor } from '../../platform/auth.ts'
import type { StreamServices } from '../services.ts'
import { closingOf } from './closing.ts'
import { exampleChange, exampleEvent } from './examples.ts'
import type { JobEventView, JobsEventView } from './schema.ts'
import { viewManyEvent } from './view.ts'

const schema = deferred(() => import('./schema.ts'))
const watchSchema = deferred(() => import('./watch-schema.ts'))

const { openProcedure, router } = createProcedures<StreamServices>()

/** Live events of jobs: a subscription over tRPC, server-sent events over REST. */
export const events = {
  name: 'events',
  description: 'What happens to jobs, as it happens.',
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
        output: schema('JobEvent'),
        example: { reply: exampleEvent },
      })
      // Before the input is validated, so that an unauthorised caller learns nothing about it.
      .use(async ({ ctx, meta, next, getRawInput }) => {
        const caller = await actorOf(ctx, `job/${given(await getRawInput(), 'jobId')}`)
        return next({ ctx: { actor: allowed(caller, meta) } })
      })
      .input(validated(watchSchema('WatchJob'), ['jobId']))
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
        // Outputs were validated when they were saved.
        return track(watch, (event) => [String(event.version), event as JobEventView])
      }),

    watchJobs: openProcedure
      .meta({
        rest: 'GET /v1/events',
        scope: 'read',
        status: 200,
        streams: true,
        summary: 'Watch all jobs, or those of a batch',
        description:
          'Streams how all jobs of the caller change, or those of one batch, as server-sent events, at the address that the `eventsUrl` of a batch or of an events ticket names: `job` with the current state of a changed job, `deleted`, `batch` with the state of a batch whenever jobs of it have ended, and `batch_deleted`. Every change is sent at least once, in no particular order; of two versions of a job the higher is the newer. The stream of a batch ends once that has ended and takes no more jobs. After a while a stream sends `reconnect` and ends; reconnect with the last id, as an EventSource does by itself.',
        errors: ['batch.not_found'],
        output: schema('JobsEvent'),
        example: { reply: exampleChange },
      })
      .use(async ({ ctx, meta, next, getRawInput }) => {
        const batchId = given(await getRawInput(), 'batchId')
        const caller = await actorOf(ctx, batchId === undefined ? 'jobs' : `batch/${batchId}`)
        return next({ ctx: { actor: allowed(caller, meta) } })
      })
      .input(validated(watchSchema('WatchJobs')))
      .subscription(async ({ ctx, input, signal }): Promise<EventStream<TrackedEnvelope<JobsEventView>>> => {
        const { live, now } = ctx.services
        if (live === undefined) throw notStreamed()
        const watch = await live.watchMany({
          userId: ctx.actor.userId,
          batchId: input.batchId,
          known: input.lastEventId === undefined ? undefined : knownOf(input.lastEventId),
          since: input.since === undefined ? undefined : Date.parse(input.since),
          transport: ctx.transport,
          signal: signal ?? new AbortController().signal,
        })
        return track(watch, (event: ManyEvent) => [event.id, viewManyEvent(event, now())])
      }),
  },
} satisfies Resource

/** The router of a server that only streams. */
export const streamRouter = router({ visionPipeline: router(events.procedures) })

/** The caller, or the user of the ticket; a ticket for another stream is refused. */
async function actorOf(context: Context<StreamServices>, scope: string): Promise<Actor> {
  const { ticket, services } = context
  if (ticket === undefined) return context.authenticate()
  if (services.live === undefined || services.tickets === undefined) throw notStreamed()
  return services.tickets.check(ticket, scope)
}

/** A field of the raw input, of any type. */
function given(input: unknown, name: string): unknown {
  return typeof input === 'object' && input !== null && Object.hasOwn(input, name)
    ? (input as Record<string, unknown>)[name]
    : undefined
}

function notStreamed(): VisionError {
  return new VisionError('request.not_found', { message: 'Nothing is streamed here: use the job’s eventsUrl.' })
}

/** The events with the ids from which both protocols resume. */
function track<Event, View>(
  watch: Watch<Event>,
  view: (event: Event) => readonly [id: string, data: View],
): EventStream<TrackedEnvelope<View>> {
  return {
    complete: watch.complete,
    closingOf,
    async *[Symbol.asyncIterator]() {
      for await (const event of watch) yield tracked(...view(event))
    },
  }
}
