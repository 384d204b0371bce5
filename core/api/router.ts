import type * as z from 'zod'
import { reasonOf, VisionError } from '../domain/errors.ts'
import { hasEnded } from '../domain/job.ts'
import { etagOf, names, retryAfterOf } from '../http/conditional.ts'
import { encodeCursor } from '../http/cursor.ts'
import { RefusedInput } from '../http/problem.ts'
import { rateLimitHeaders } from '../http/rate-limit.ts'
import { type Context, procedure, router } from '../http/trpc.ts'
import { checked } from '../http/validation.ts'
import { grantUpload } from '../images/uploads.ts'
import { waitFor } from '../live/wait.ts'
import type { Actor } from '../platform/auth.ts'
import { cancelVisionJob, deleteVisionJob, redriveVisionJob } from '../queue/cancel.ts'
import { admitVisionJobs } from '../queue/concurrency-limit.ts'
import {
  type CreatedJob,
  createVisionJob,
  createVisionJobs,
  IdempotencyMismatch,
  type NewJob,
} from '../queue/create.ts'
import { getUserVisionJobs } from '../queue/history.ts'
import { getVisionJob, getVisionJobAttempts, getVisionJobs, type JobRow } from '../queue/read.ts'
import { getRunningTimes } from '../queue/running-time.ts'
import { lockUser } from '../queue/users.ts'
import { getJobUsage, getUserUsage } from '../usage/ledger.ts'
import { type Allowance, readAllowance, requireRetry } from '../usage/quotas.ts'
import { readSpend } from '../usage/spend.ts'
import { takeUpload } from '../usage/upload-quota.ts'
import { operatorProcedures } from './admin/procedures.ts'
import { eventsUrlOf } from './jobs/events-url.ts'
import { exampleAttempts, exampleJob, exampleSummary, exampleUpload, exampleUsage } from './jobs/examples.ts'
import { hashOf, idempotencyOf, keyInBatch, oneKey } from './jobs/idempotency.ts'
import { viewImages } from './jobs/images.ts'
import type { AttemptsView, JobSummaryView, JobView, UploadView, UserUsageView } from './jobs/schema.ts'
import {
  Attempts,
  CreateJob,
  CreateJobs,
  CreateUpload,
  History,
  Job,
  JobPage,
  Jobs,
  OneJob,
  Upload,
  UsageQuery,
  UserUsage,
} from './jobs/schema.ts'
import { takeImages } from './jobs/take-images.ts'
import { type Surroundings, summarizeJob, viewAttempts, viewJob, viewUserUsage } from './jobs/view.ts'
import { watchJob } from './jobs/watch.ts'
import type { ApiServices } from './services.ts'

type Caller = Context & { readonly actor: Actor }
type JobToBe = z.output<typeof CreateJob>

const vanishTries = 3

const exampleRequest = {
  imageUrl: 'https://example.com/poster.jpg',
  analysisPurpose: 'Improve the hero image of our shop',
  outputFormat: 'summary',
}

const createErrors = [
  'image.invalid_url',
  'image.too_large',
  'image.unsupported_type',
  'image.truncated',
  'image.malformed',
  'image.too_many_pixels',
  'upload.not_found',
  'idempotency.mismatch',
  'limit.jobs_per_day',
  'limit.jobs_waiting',
  'limit.spend_per_day',
  'storage.unavailable',
] as const

/** Every procedure of the API. tRPC, REST and the OpenAPI document are three readings of it. */
export const appRouter = router({
  visionPipeline: router({
    createJob: procedure
      .meta({
        rest: 'POST /v1/jobs',
        status: 201,
        summary: 'Create a job',
        description:
          'Puts a job into the queue. With an idempotency key, a repetition gets the job of the first call, and 200 instead of 201. With `Prefer: wait` the answer comes when the job has ended, or else when the time is over.',
        errors: createErrors,
        idempotent: true,
        limited: true,
        locates: true,
        versioned: true,
        waits: 'end',
        output: Job,
        example: { request: exampleRequest, reply: exampleJob },
      })
      .input(checked(CreateJob))
      .mutation(async ({ ctx, input }): Promise<JobView> => {
        const { services, actor } = ctx
        const { idempotencyKey: field, ...request } = input
        const key = oneKey(ctx, field)
        const idempotency = idempotencyOf(key, request)
        const [job] = await takeImages(services, actor.userId, [request], ['#/imageUrl'], [idempotency])
        const { replayed, view } = await createOne(ctx, { ...(job ?? request), idempotency })
        if (replayed) ctx.reply.status = 200
        ctx.reply.location = `/v1/jobs/${view.jobId}`
        return view
      }),

    createJobs: procedure
      .meta({
        rest: 'POST /v1/jobs/batch',
        status: 201,
        summary: 'Create up to 100 jobs',
        description:
          'All of them or none, in one body of up to 5.5 MiB: for large images use https URLs or uploads. One idempotency key may stand for the batch as a whole, or each job may have its own. The answer is 200 instead of 201 if every job was there before.',
        errors: createErrors,
        idempotent: true,
        limited: true,
        output: Jobs,
        example: { request: { jobs: [exampleRequest] }, reply: { jobs: [exampleSummary] } },
      })
      .input(checked(CreateJobs))
      .mutation(async ({ ctx, input }): Promise<{ jobs: JobSummaryView[] }> => {
        const { services, actor } = ctx
        const keys = keysOf(input.jobs, oneKey(ctx, input.idempotencyKey))
        const pointers = input.jobs.map((_, index) => `#/jobs/${index}/imageUrl`)
        const create = async () => {
          const images = await takeImages(services, actor.userId, input.jobs, pointers, keys)
          const jobs = images.map((job, index): NewJob => ({ ...job, idempotency: keys[index] }))
          return createVisionJobs(services.database, jobs, creating(ctx))
        }
        const created = await create().catch((error) => {
          throw namingKeys(error, input.jobs)
        })
        logCreated(ctx, created)
        if (created.every((job) => job.replayed)) ctx.reply.status = 200
        // A job that its owner deletes at this moment is left out: creating the batch again could double the others.
        const rows = await getVisionJobs(
          services.database,
          actor.userId,
          created.map((job) => job.jobId),
        )
        return { jobs: await summarize(services, rows) }
      }),

    createUpload: procedure
      .meta({
        rest: 'POST /v1/uploads',
        status: 201,
        summary: 'Upload an image',
        description:
          'Grants one upload of exactly this type and at most this size, straight to the storage, within ten minutes. An upload is kept for seven days.',
        errors: ['limit.uploads_per_day', 'limit.upload_bytes_per_day', 'storage.unavailable'],
        limited: true,
        output: Upload,
        example: { request: { contentType: 'image/jpeg', bytes: 482_113 }, reply: exampleUpload },
      })
      .input(checked(CreateUpload))
      .mutation(async ({ ctx: { services, actor, reply }, input }): Promise<UploadView> => {
        const now = services.now()
        const left = await takeUpload(services.database, actor.userId, input.bytes, services.uploadLimits)
        reply.limits = rateLimitHeaders(left)
        const grant = await grantUpload(services.store, { ...input, userId: actor.userId, now })
        return { ...grant, fields: { ...grant.fields }, expiresAt: grant.expiresAt.toISOString() }
      }),

    getJobStatus: procedure
      .meta({
        rest: 'GET /v1/jobs/{jobId}',
        status: 200,
        summary: 'Look at a job',
        description:
          'Where a job stands, and what it has made so far. With `Prefer: wait` the answer comes with the next change: after the version that `If-None-Match` names, or else after the one at hand. A job that has ended is answered at once.',
        errors: ['job.not_found'],
        versioned: true,
        waits: 'change',
        output: Job,
        example: { reply: exampleJob },
      })
      .input(checked(OneJob))
      .query(({ ctx, input }): Promise<JobView> => view(ctx, input.jobId, 'change')),

    getJobHistory: procedure
      .meta({
        rest: 'GET /v1/jobs',
        status: 200,
        summary: 'List jobs',
        description:
          'The jobs of the caller, newest first, without their outputs. Filtered by status and format at once, a page may have fewer jobs than `limit`, or none, while there are more: go on until `nextCursor` is null.',
        errors: [],
        output: JobPage,
        example: { reply: { jobs: [exampleSummary], nextCursor: null } },
      })
      .input(checked(History))
      .query(async ({ ctx, input }): Promise<{ jobs: JobSummaryView[]; nextCursor: string | null }> => {
        const { services, actor } = ctx
        const { jobs, next } = await getUserVisionJobs(services.database, {
          userId: actor.userId,
          limit: input.limit,
          before: input.cursor,
          statuses: input.status,
          outputFormats: input.outputFormat,
        })
        return {
          jobs: await summarize(services, jobs),
          nextCursor: next === undefined ? null : encodeCursor(next),
        }
      }),

    cancelJob: procedure
      .meta({
        rest: 'POST /v1/jobs/{jobId}/cancel',
        status: 200,
        summary: 'Cancel a job',
        description: 'Withdraws a job that has not ended. Doing it twice is no error.',
        errors: ['job.not_found', 'job.not_cancellable'],
        versioned: true,
        output: Job,
        example: { reply: exampleJob },
      })
      .input(checked(OneJob))
      .mutation(async ({ ctx, input }): Promise<JobView> => {
        await cancelVisionJob(ctx.services.database, owned(ctx, input.jobId))
        logJob(ctx, 'cancelled', input.jobId)
        await admitNext(ctx)
        return view(ctx, input.jobId)
      }),

    retryJob: procedure
      .meta({
        rest: 'POST /v1/jobs/{jobId}/retry',
        status: 200,
        summary: 'Retry a failed job',
        description:
          'Gives a failed job a new life: due at once, with all its retries. What it has saved is kept. A job that is under way is answered as it is, so that to call twice is no error.',
        errors: ['job.not_found', 'job.not_retryable', 'limit.jobs_waiting', 'limit.spend_per_day'],
        versioned: true,
        output: Job,
        example: { reply: exampleJob },
      })
      .input(checked(OneJob))
      .mutation(async ({ ctx, input }): Promise<JobView> => {
        const { database, limits } = ctx.services
        const { job } = await getVisionJob(database, owned(ctx, input.jobId))
        // Of no limit: nothing is asked for that is not there.
        if (!hasEnded(job)) return view(ctx, input.jobId)
        requireRetry(await database.run((on) => readAllowance(on, ctx.actor.userId, limits)))
        const redriven = await redriveVisionJob(database, owned(ctx, input.jobId), ctx.services)
        if (redriven) logJob(ctx, 'retried', input.jobId)
        return view(ctx, input.jobId)
      }),

    deleteJob: procedure
      .meta({
        rest: 'DELETE /v1/jobs/{jobId}',
        status: 204,
        summary: 'Delete a job',
        description: 'Deletes a job in any status, with its outputs and attempts.',
        errors: ['job.not_found'],
      })
      .input(checked(OneJob))
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
        summary: 'List the runs of a job',
        description: 'Every run of a job, oldest first: how it ended, why, and what it took.',
        errors: ['job.not_found'],
        output: Attempts,
        example: { reply: exampleAttempts },
      })
      .input(checked(OneJob))
      .query(
        async ({ ctx, input }): Promise<AttemptsView> =>
          viewAttempts(await getVisionJobAttempts(ctx.services.database, owned(ctx, input.jobId))),
      ),

    getUsage: procedure
      .meta({
        rest: 'GET /v1/usage',
        status: 200,
        summary: 'See what was used',
        description:
          'Jobs, runs, calls, tokens, cost and milliseconds of the caller, by day, status and model; also of jobs that are deleted by now.',
        errors: [],
        output: UserUsage,
        example: { reply: exampleUsage },
      })
      .input(checked(UsageQuery))
      .query(async ({ ctx: { services, actor }, input }): Promise<UserUsageView> => {
        const days = daysOf(input, services.now())
        return { ...days, ...viewUserUsage(await getUserUsage(services.database, actor.userId, days)) }
      }),

    watchJob,

    ...operatorProcedures,
  }),
})

/** The type that a tRPC client is made with. */
export type AppRouter = typeof appRouter

const dayMs = 86_400_000
const defaultDays = 30
const maxDays = 366

/** The first and the last day that are asked for. */
function daysOf(input: z.output<typeof UsageQuery>, now: number): { readonly from: string; readonly to: string } {
  const to = input.to ?? dayOf(now)
  const from = input.from ?? dayOf(Date.parse(to) - (defaultDays - 1) * dayMs)
  const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1
  if (days < 1)
    throw new RefusedInput([
      { pointer: '#/from', code: 'field.conflict', detail: `must not be after the last day, ${to}` },
    ])
  if (days > maxDays) {
    const detail = `must be at most ${maxDays} days until ${to}, not ${days}`
    throw new RefusedInput([{ pointer: '#/from', code: 'field.too_large', detail }])
  }
  return { from, to }
}

function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}

function owned({ actor }: Caller, jobId: number) {
  return { jobId, userId: actor.userId }
}

/** What happened to a job at a caller's word; who the caller is stays out of the log. */
function logJob({ services }: Caller, what: string, jobId: number): void {
  services.log('info', `job ${what}`, { jobId })
}

function logCreated(caller: Caller, jobs: readonly CreatedJob[]): void {
  const created = jobs.filter(({ replayed }) => !replayed)
  for (const { jobId } of created) logJob(caller, 'created', jobId)
  if (created.length > 0) caller.services.metrics.jobsCreated(created.length)
}

/** Fills the place of a job that was withdrawn, which is done: what goes wrong here is left to the workers. */
async function admitNext({ services, actor }: Caller): Promise<void> {
  await admitVisionJobs(
    services.database,
    actor.userId,
    services.inFlightPerUser,
    lockUser,
    services.limits.costPerDay,
  ).catch((error: unknown) => services.log('error', 'blocked jobs not let in', { detail: reasonOf(error) }))
}

/**
 * A job as it is, or as it is once it has changed or ended, as far as the caller waits for that.
 *
 * @param awaited `change`: a caller who names a version that the job has left behind has waited for long enough
 */
async function view(caller: Caller, jobId: number, awaited?: 'change' | 'end'): Promise<JobView> {
  const { services, wish, reply } = caller
  let found = await getVisionJob(services.database, owned(caller, jobId))
  const isNews = wish.known !== undefined && !names(wish.known, etagOf(found.job))
  if (awaited && wish.waitSeconds !== undefined && !(awaited === 'change' && isNews)) {
    const work = () => waitFor(awaited, services.feed, found, wish.patience)
    if (!hasEnded(found.job) && !(await services.waits.during(owned(caller, jobId), work))) reply.unwaited = true
    found = await getVisionJob(services.database, owned(caller, jobId))
  }
  reply.etag = etagOf(found.job)
  const retryAfterSeconds = retryAfterOf(found.job, services.now())
  if (retryAfterSeconds !== undefined) reply.retryAfterSeconds = retryAfterSeconds
  const usage = await getJobUsage(services.database, owned(caller, jobId))
  return viewJob(found, usage, await eventsUrlOf(services, found.job), await surroundings(services, [found.job]))
}

async function summarize(services: ApiServices, rows: readonly JobRow[]): Promise<JobSummaryView[]> {
  const around = await surroundings(services, rows)
  return rows.map((row) => summarizeJob(row, around))
}

/** What is shown along with jobs; one query for each kind of it, however many jobs there are. */
async function surroundings(services: ApiServices, jobs: readonly JobRow[]): Promise<Surroundings> {
  const started = jobs.filter((job) => job.startedAt !== null).map((job) => job.id)
  // One after the other: side by side each would take a connection of its own.
  const images = await viewImages(services, jobs)
  const runningTimes = await getRunningTimes(services.database, started)
  const { costPerDay } = services.limits
  const blocked = costPerDay === undefined ? undefined : jobs.find((job) => job.status === 'blocked')
  const spendExhausted =
    blocked !== undefined &&
    costPerDay !== undefined &&
    (await services.database.run((on) => readSpend(on, blocked.userId))).spent >= costPerDay
  return { images, runningTimes, spendExhausted, now: services.now() }
}

function creating({ services, actor, traceId, reply }: Caller) {
  const onAllowance = (left: Allowance) => {
    reply.limits = rateLimitHeaders(left)
  }
  return { ...services, userId: actor.userId, traceId, onAllowance }
}

/** Creates a job and reads it back. The job of an earlier call may be deleted in between: then this call creates it. */
async function createOne(caller: Caller, job: NewJob): Promise<{ readonly replayed: boolean; readonly view: JobView }> {
  const { services } = caller
  for (let attempt = 1; ; attempt++) {
    const created = await createVisionJob(services.database, job, creating(caller))
    logCreated(caller, [created])
    const { jobId, replayed } = created
    try {
      return { replayed, view: await view(caller, jobId, 'end') }
    } catch (error) {
      const vanished = replayed && error instanceof VisionError && error.code === 'job.not_found'
      if (!vanished || attempt >= vanishTries) throw error
    }
  }
}

/** Says of keys that do not match which of a batch's own they are; the one of the batch is known to its caller. */
function namingKeys(error: unknown, jobs: readonly JobToBe[]): unknown {
  if (!(error instanceof IdempotencyMismatch)) return error
  const named = error.indexes.filter((index) => jobs[index]?.idempotencyKey !== undefined)
  const detail = 'was used with another request'
  return new RefusedInput(
    named.map((index) => ({ pointer: `#/jobs/${index}/idempotencyKey`, code: error.code, detail })),
    error.code,
  )
}

const twiceKeyed = 'The batch has a key already: send one or the other.'

/** The key of each job of a batch: its own, or its share of the batch's, which stands for the batch as a whole. */
function keysOf(jobs: readonly JobToBe[], batchKey: string | undefined): readonly NewJob['idempotency'][] {
  const requests = jobs.map(({ idempotencyKey: _, ...request }) => request)
  if (batchKey === undefined) return jobs.map((job, index) => idempotencyOf(job.idempotencyKey, requests[index]))
  const twice = jobs.flatMap((job, index) =>
    job.idempotencyKey === undefined
      ? []
      : [{ pointer: `#/jobs/${index}/idempotencyKey`, code: 'field.conflict' as const, detail: twiceKeyed }],
  )
  if (twice.length > 0) throw new RefusedInput(twice)
  // Once: it is of all that was sent, images included.
  const requestHash = hashOf(requests)
  return requests.map((_, index) => ({ key: keyInBatch(batchKey, index), requestHash }))
}
