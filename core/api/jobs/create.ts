import type * as z from 'zod'
import { describeCode, type ErrorCode, VisionError } from '../../domain/errors.ts'
import { InvalidInput } from '../../http/invalid-input.ts'
import { type CreateOptions, createVisionJob, createVisionJobs } from '../../queue/create/create.ts'
import { type CreatedJob, IdempotencyMismatch, NewJobsRefused } from '../../queue/create/idempotency.ts'
import type { NewJob } from '../../queue/create/new-job.ts'
import type { QuotaState } from '../../usage/quotas.ts'
import type { Caller } from '../procedure.ts'
import { rateLimitHeaders } from '../rate-limit.ts'
import { logJob } from './after-change.ts'
import { type CallKey, canonical, idempotencyOf, keysOf } from './idempotency.ts'
import { asInvalidInput } from './invalid-jobs.ts'
import { replyWithJob } from './reply.ts'
import type { CreateJob, JobView } from './schema.ts'
import { takeImages } from './take-images.ts'

type JobRequest = z.output<typeof CreateJob>

const vanishTries = 3

/**
 * Creates a job and reads it back. If the job of an earlier call is deleted in between, this call creates it.
 *
 * @throws what `takeImages` and `createVisionJob` throw
 */
export async function createOne(
  caller: Caller,
  { idempotencyKey: _, ...request }: JobRequest,
  key: string | undefined,
): Promise<{ readonly replayed: boolean; readonly view: JobView }> {
  const { services, actor } = caller
  const idempotency = idempotencyOf(key, canonical(request))
  try {
    const [taken = request] = await takeImages(services, actor.userId, [request], ['#/imageUrl'], [idempotency])
    const job: NewJob = { ...taken, idempotency }
    for (let attempt = 1; ; attempt++) {
      const created = await createVisionJob(services.database, job, optionsOf(caller))
      logCreated(caller, [created])
      const { jobId, replayed } = created
      try {
        return { replayed, view: await replyWithJob(caller, jobId, 'end') }
      } catch (error) {
        const vanished = replayed && error instanceof VisionError && error.code === 'job.not_found'
        if (!vanished || attempt >= vanishTries) throw error
      }
    }
  } catch (error) {
    throw asInvalidInput(error, () => [])
  }
}

/** The options of a call that creates several jobs. */
export interface ManyOptions extends CallKey {
  /** Decides on the batch of the jobs: see `createVisionJobs`. */
  readonly batch: CreateOptions['batch']
  /** The index in the call of each job, if only some are to be created. */
  readonly indexes?: readonly number[]
}

/**
 * Creates all jobs of a call, or none.
 *
 * @throws what `takeImages` and `createVisionJobs` throw, InvalidInput that names the jobs whose keys do not match
 */
export async function createMany(
  caller: Caller,
  requests: readonly JobRequest[],
  options: ManyOptions,
): Promise<readonly CreatedJob[]> {
  const { services, actor } = caller
  const { indexes = requests.map((_, index) => index), batch } = options
  const keys = keysOf(requests, indexes, options)
  const pointers = indexes.map((index) => `#/jobs/${index}/imageUrl`)
  try {
    const taken = await takeImages(services, actor.userId, requests, pointers, keys)
    const jobs = taken.map((job, index): NewJob => ({ ...job, idempotency: keys[index] }))
    const created = await createVisionJobs(services.database, jobs, { ...optionsOf(caller), batch })
    logCreated(caller, created)
    return created
  } catch (error) {
    if (error instanceof IdempotencyMismatch) throw mismatchedKeys(error, requests, indexes)
    if (error instanceof NewJobsRefused) {
      throw refusedJobs(
        error.code,
        error.indexes.map((index) => indexes[index] ?? index),
      )
    }
    throw asInvalidInput(error, (index) => ['jobs', indexes[index] ?? index])
  }
}

function optionsOf({ services, actor, traceId, reply }: Caller): CreateOptions {
  const { maxRetries, inFlightPerUser, limits, lifeMs } = services
  const onQuotas = (left: QuotaState) => {
    reply.limits = rateLimitHeaders(left)
  }
  return { userId: actor.userId, traceId, maxRetries, inFlightPerUser, limits, lifeMs, onQuotas }
}

function logCreated(caller: Caller, jobs: readonly CreatedJob[]): void {
  const created = jobs.filter(({ replayed }) => !replayed)
  for (const { jobId } of created) logJob(caller, 'created', jobId)
  if (created.length === 0) return
  caller.services.wakeWorker()
  caller.services.metrics.jobsCreated(created.length)
}

/** Reports the jobs whose own keys were used for other requests; the caller knows the key of the call. */
function mismatchedKeys(
  { jobs, code }: IdempotencyMismatch,
  requests: readonly JobRequest[],
  places: readonly number[],
): InvalidInput {
  const named = jobs.filter(({ index }) => requests[index]?.idempotencyKey !== undefined)
  const detail = 'was used with another request'
  return new InvalidInput(
    named.map(({ index, jobId }) => ({
      pointer: `#/jobs/${places[index]}/idempotencyKey`,
      code,
      detail,
      ...(jobId !== undefined && { jobId }),
    })),
    code,
  )
}

/** Reports the new jobs of a call, by their indexes in it, whose batch takes none. */
export function refusedJobs(code: ErrorCode, indexes: readonly number[]): InvalidInput {
  const detail = describeCode(code).message
  return new InvalidInput(
    indexes.map((index) => ({ pointer: `#/jobs/${index}`, code, detail })),
    code,
  )
}
