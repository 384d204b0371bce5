import { type TrackedEnvelope, tracked } from '@trpc/server'
import { VisionError } from '../../domain/errors.ts'
import { type Context, router, streamProcedure } from '../../http/trpc.ts'
import { checked } from '../../http/validation.ts'
import type { Watch } from '../../live/watch.ts'
import type { Actor } from '../../platform/auth.ts'
import type { StreamServices } from '../services.ts'
import { exampleEvent } from './examples.ts'
import type { JobEventView } from './schema.ts'
import { JobEvent, WatchJob } from './schema.ts'

/** The events of a job with the ids that both protocols resume by. */
export interface TrackedWatch extends AsyncIterable<TrackedEnvelope<JobEventView>, void> {
  /** There is nothing to say, and nothing will come. */
  readonly over: boolean
}

/** Watching a job: over tRPC as a subscription, over REST as server-sent events. */
export const watchJob = streamProcedure
  .meta({
    rest: 'GET /v1/jobs/{jobId}/events',
    status: 200,
    streams: true,
    summary: 'Watch a job',
    description:
      'Streams what happens to a job, as server-sent events, at the address that its `eventsUrl` names: `status`, `analysis`, and at the end `completed`, `failed`, `cancelled` or `deleted`. After a while the stream says `reconnect` and ends; come back with the last id, as an EventSource does by itself.',
    errors: ['job.not_found'],
    output: JobEvent,
    example: { reply: exampleEvent },
  })
  .use(async ({ ctx, next }) =>
    next({ ctx: { actor: ctx.ticket === undefined ? await ctx.authenticate() : undefined } }),
  )
  .input(checked(WatchJob))
  .subscription(async ({ ctx, input, signal }): Promise<TrackedWatch> => {
    const { live } = ctx.services
    if (live === undefined) {
      throw new VisionError('request.not_found', { message: 'Nothing is streamed here: use the job’s eventsUrl.' })
    }
    const { userId } = ctx.actor ?? (await holderOf(ctx, input.jobId))
    const watch = await live.watch({
      userId,
      jobId: input.jobId,
      after: Number(input.lastEventId ?? 0),
      transport: ctx.transport,
      signal: signal ?? new AbortController().signal,
    })
    return track(watch)
  })

/** The router of a server that streams and does nothing else. */
export const streamRouter = router({ visionPipeline: router({ watchJob }) })

function holderOf({ services: { tickets }, ticket = '' }: Context<StreamServices>, jobId: number): Promise<Actor> {
  if (tickets === undefined) throw new VisionError('request.unauthenticated')
  return tickets.check(ticket, jobId)
}

function track(watch: Watch): TrackedWatch {
  return {
    over: watch.over,
    async *[Symbol.asyncIterator]() {
      // What a step made was checked when it was saved.
      for await (const event of watch) yield tracked(String(event.version), event as JobEventView)
    },
  }
}
