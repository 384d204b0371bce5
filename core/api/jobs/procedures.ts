import { batchOfItsOwn } from '../../batches/batches.ts'
import { oneKey } from '../../http/idempotency.ts'
import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { cancelVisionJob } from '../../queue/change/cancel.ts'
import { deleteVisionJob } from '../../queue/change/delete.ts'
import { redriveVisionJob } from '../../queue/change/redrive.ts'
import type { CreatedJob } from '../../queue/create/idempotency.ts'
import { getVisionJobAttempts, getVisionJobs, type JobRow } from '../../queue/read/read.ts'
import { procedure } from '../procedure.ts'
import { admitNext, logJob } from './after-change.ts'
import { createMany, createOne } from './create.ts'
import { exampleAttempts, exampleJob, exampleRequest, exampleSummary } from './examples.ts'
import { listJobs } from './list.ts'
import { matchingJobs } from './matching.ts'
import { owned } from './owned.ts'
import { replyWithJob, summarizeJobs } from './reply.ts'
import { roomToRetry } from './room-to-retry.ts'
import type { AttemptsView, JobPageView, JobsView, JobView } from './schema.ts'
import { viewAttempts } from './view.ts'

const oneJob = deferred(() => import('./one-job.ts'))
const schema = deferred(() => import('./schema.ts'))

/** What the creation of jobs can end in. */
export const createErrors = [
  'image.invalid_url',
  'image.forbidden_address',
  'image.too_large',
  'image.unsupported_type',
  'image.truncated',
  'image.malformed',
  'image.too_many_pixels',
  'upload.not_found',
  'brand.not_found',
  'idempotency.mismatch',
  'limit.jobs_per_day',
  'limit.jobs_waiting',
  'limit.spend_per_day',
  'storage.unavailable',
] as const

/** Jobs, their outputs and their runs. */
export const jobs = {
  name: 'jobs',
  description: 'Jobs, their outputs and their runs.',
  procedures: {
    createJob: procedure
      .meta({
        rest: 'POST /v1/jobs',
        status: 201,
        scope: 'write',
        summary: 'Create a job',
        description:
          'Puts a job into the queue. With an idempotency key, a repetition gets the job of the first call, and 200 instead of 201. With `Prefer: wait` the answer comes when the job has ended, or else when the time is over.',
        errors: createErrors,
        idempotent: true,
        limited: true,
        locates: true,
        versioned: true,
        waits: 'end',
        output: schema('Job'),
        example: { request: exampleRequest, reply: exampleJob },
      })
      .input(validated(schema('CreateJob')))
      .mutation(async ({ ctx, input }): Promise<JobView> => {
        const { replayed, view } = await createOne(ctx, input, oneKey(ctx, input.idempotencyKey))
        if (replayed) ctx.reply.replayed = true
        ctx.reply.location = `/v1/jobs/${view.jobId}`
        return view
      }),

    createJobs: procedure
      .meta({
        rest: 'POST /v1/jobs/batch',
        status: 201,
        scope: 'write',
        summary: 'Create up to 100 jobs',
        description:
          'All of them or none, in one body of up to 5.5 MiB: for large images use https URLs or uploads. Those that are new make a batch of their own. One idempotency key may stand for the batch as a whole, or each job may have its own. The answer is 200 instead of 201 if every job was there before.',
        errors: createErrors,
        idempotent: true,
        limited: true,
        output: schema('Jobs'),
        example: {
          request: { jobs: [exampleRequest] },
          reply: { batchId: 5, jobs: [{ ...exampleSummary, batchId: 5 }] },
        },
      })
      .input(validated(schema('CreateJobs')))
      .mutation(async ({ ctx, input }): Promise<JobsView> => {
        const created = await createMany(ctx, input.jobs, {
          batchKey: oneKey(ctx, input.idempotencyKey),
          batch: batchOfItsOwn(ctx.actor.userId),
        })
        if (created.every((job) => job.replayed)) ctx.reply.replayed = true
        // A job that its owner deletes at this moment is left out: creating the batch again could double the others.
        const ids = created.map((job) => job.jobId)
        const rows = await getVisionJobs(ctx.services.database, ctx.actor.userId, ids)
        return { batchId: batchOf(created, rows), jobs: await summarizeJobs(ctx.services, rows) }
      }),

    ...matchingJobs,

    getJobStatus: procedure
      .meta({
        rest: 'GET /v1/jobs/{jobId}',
        status: 200,
        scope: 'read',
        summary: 'Look at a job',
        description:
          'Where a job stands, and what it has made so far. With `Prefer: wait` the answer comes with the next change: after the version that `If-None-Match` names, or else after the one at hand. A job that has ended is answered at once.',
        errors: ['job.not_found'],
        versioned: true,
        waits: 'change',
        output: schema('Job'),
        example: { reply: exampleJob },
      })
      .input(validated(oneJob('OneJob'), ['jobId']))
      .query(({ ctx, input }): Promise<JobView> => replyWithJob(ctx, input.jobId, 'change')),

    getJobHistory: procedure
      .meta({
        rest: 'GET /v1/jobs',
        status: 200,
        scope: 'read',
        summary: 'List jobs',
        description:
          'The jobs of the caller, newest first, without their outputs unless those are asked for. All filters must fit. A page looks at no more than 5,000 jobs: with filters by code or metadata, or by format and also status or batch, it may have fewer jobs than `limit`, or none, while there are more: go on until `nextCursor` is null.',
        errors: ['batch.not_found'],
        output: schema('JobPage'),
        example: { reply: { jobs: [exampleSummary], nextCursor: null } },
      })
      .input(validated(schema('History')))
      .query(({ ctx, input }): Promise<JobPageView> => listJobs(ctx, input)),

    cancelJob: procedure
      .meta({
        rest: 'POST /v1/jobs/{jobId}/cancel',
        status: 200,
        scope: 'write',
        summary: 'Cancel a job',
        description: 'Cancels a job that has not ended. Doing it twice is no error.',
        errors: ['job.not_found', 'job.not_cancellable'],
        versioned: true,
        output: schema('Job'),
        example: { reply: exampleJob },
      })
      .input(validated(oneJob('OneJob'), ['jobId']))
      .mutation(async ({ ctx, input }): Promise<JobView> => {
        await cancelVisionJob(ctx.services.database, owned(ctx, input.jobId))
        logJob(ctx, 'cancelled', input.jobId)
        await admitNext(ctx)
        return replyWithJob(ctx, input.jobId)
      }),

    retryJob: procedure
      .meta({
        rest: 'POST /v1/jobs/{jobId}/retry',
        status: 200,
        scope: 'write',
        summary: 'Retry a failed job',
        description:
          'Gives a failed job a new life: due at once, with all its retries. What it has saved is kept. A job that is under way is answered as it is, so that to call twice is no error.',
        errors: ['job.not_found', 'job.not_retryable', 'limit.jobs_waiting', 'limit.spend_per_day'],
        versioned: true,
        output: schema('Job'),
        example: { reply: exampleJob },
      })
      .input(validated(oneJob('OneJob'), ['jobId']))
      .mutation(async ({ ctx, input }): Promise<JobView> => {
        const { database, lifeMs } = ctx.services
        const allow = roomToRetry(ctx)
        const redriven = await redriveVisionJob(database, owned(ctx, input.jobId), { lifeMs, allow })
        if (redriven) {
          logJob(ctx, 'retried', input.jobId)
          ctx.services.wakeWorker()
        }
        return replyWithJob(ctx, input.jobId)
      }),

    deleteJob: procedure
      .meta({
        rest: 'DELETE /v1/jobs/{jobId}',
        status: 204,
        scope: 'write',
        summary: 'Delete a job',
        description: 'Deletes a job in any status, with its outputs and attempts.',
        errors: ['job.not_found'],
      })
      .input(validated(oneJob('OneJob'), ['jobId']))
      .mutation(async ({ ctx, input }): Promise<{ deleted: true; jobId: number }> => {
        await deleteVisionJob(ctx.services.database, owned(ctx, input.jobId))
        logJob(ctx, 'deleted', input.jobId)
        await admitNext(ctx)
        return { deleted: true, jobId: input.jobId }
      }),

    getJobAttempts: procedure
      .meta({
        rest: 'GET /v1/jobs/{jobId}/attempts',
        status: 200,
        scope: 'read',
        summary: 'List the runs of a job',
        description: 'Every run of a job, oldest first: how it ended, why, and what it took.',
        errors: ['job.not_found'],
        output: schema('Attempts'),
        example: { reply: exampleAttempts },
      })
      .input(validated(oneJob('OneJob'), ['jobId']))
      .query(
        async ({ ctx, input }): Promise<AttemptsView> =>
          viewAttempts(await getVisionJobAttempts(ctx.services.database, owned(ctx, input.jobId))),
      ),
  },
} satisfies Resource

/** The batch of the jobs that a call has made, or else the one that all of them are in. */
function batchOf(created: readonly CreatedJob[], rows: readonly JobRow[]): number | null {
  const fresh = new Set(created.filter(({ replayed }) => !replayed).map(({ jobId }) => jobId))
  const of = fresh.size > 0 ? rows.filter(({ id }) => fresh.has(id)) : rows
  const ids = new Set(of.map(({ batchId }) => batchId))
  return ids.size === 1 ? ([...ids][0] ?? null) : null
}
