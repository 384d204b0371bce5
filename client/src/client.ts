import { type ChangeOptions, changeJobs } from './change.ts'
import { type Api, type ClientOptions, connect, dataOf } from './connection.ts'
import type { ImageSource } from './images.ts'
import { type ResultsOptions, resultsOf } from './results.ts'
import { type Run, runBatch } from './run.ts'
import type { RunImage, RunOptions } from './run-options.ts'
import type { Batch, ChangedJobs, CreateJob, Job, JobEvent, JobFilter, ResultRow } from './types.ts'
import { imageUrlOf, withSignal } from './upload.ts'
import { type WaitOptions, waitForBatch, waitForJob } from './wait.ts'
import { watchJob } from './watch.ts'

export interface Cancellable {
  readonly signal?: AbortSignal | undefined
}

/** What a job is created with: as `CreateJob`, or with the `image` itself, which is uploaded first. */
export type NewJob = Omit<CreateJob, 'imageUrl'> &
  ({ readonly imageUrl: string; readonly image?: never } | { readonly image: ImageSource; readonly imageUrl?: never })

export interface VisionClient {
  /** Every call of the API, typed by its OpenAPI document, with the same key, retries and errors as the methods here. */
  readonly api: Api
  /** Creates a job. A repeated call makes no second one: it carries an idempotency key, a generated one if none is given. */
  create(job: NewJob, options?: Cancellable): Promise<Job>
  /** The job as it is. @throws VisionError `job.not_found` */
  get(jobId: number, options?: Cancellable): Promise<Job>
  /** The job once it has ended, completed or not: look at its `status`. @throws VisionError `client.timed_out`, `job.not_found` */
  wait(job: number | Pick<Job, 'jobId'>, options?: WaitOptions<Job>): Promise<Job>
  /** What happens to the job, until it has ended. */
  watch(job: number | Pick<Job, 'jobId'>, options?: Cancellable): AsyncGenerator<JobEvent>
  /** The `imageUrl` of a file, which is uploaded unless a job of yours has brought it before. */
  upload(source: ImageSource, options?: Cancellable): Promise<string>
  /**
   * Makes texts of many images: uploads them and puts a job for each into a batch. Called again with the same images and texts it finds that batch
   * and pays for nothing twice; images that were added since join it.
   */
  run(images: Iterable<ImageSource | RunImage>, options: RunOptions): Promise<Run>
  /** The batch once all its jobs have ended; at once if it has none. */
  waitForBatch(batchId: number, options?: WaitOptions<Batch>): Promise<Batch>
  /** The jobs of a batch with their texts, a row each. */
  results(batchId: number, options?: ResultsOptions): AsyncGenerator<ResultRow>
  /** Cancels the jobs that fit a filter and have not ended, or counts them (`dryRun`). */
  cancelJobs(filter: JobFilter, options?: ChangeOptions): Promise<ChangedJobs>
  /** Retries the jobs that fit a filter and have failed. @throws VisionError `limit.jobs_waiting` once there is no room for more */
  retryJobs(filter: JobFilter, options?: ChangeOptions): Promise<ChangedJobs>
  /** Deletes the jobs that fit a filter, in any status, with all they have made. */
  deleteJobs(filter: JobFilter, options?: ChangeOptions): Promise<ChangedJobs>
}

/**
 * A client of the API.
 *
 * ```ts
 * const vision = createVisionClient({ url: 'https://…', key: process.env.VISION_KEY })
 * const job = await vision.create({ image: 'shoe.jpg', analysisPurpose: 'Sell it', outputFormat: 'product_description' })
 * const { outputs } = await vision.wait(job)
 * ```
 *
 * @throws VisionError `client.invalid_options` for an address or a key that cannot be one
 */
export function createVisionClient(options: ClientOptions = {}): VisionClient {
  const on = connect(options)
  const idOf = (job: number | Pick<Job, 'jobId'>) => (typeof job === 'number' ? job : job.jobId)
  return {
    api: on.api,
    create: async ({ image, ...job }, { signal } = {}) => {
      const imageUrl = image === undefined ? job.imageUrl : await imageUrlOf(on, image, signal)
      const { idempotencyKey = crypto.randomUUID(), ...wanted } = job
      return dataOf(
        on.api.POST('/v1/jobs', {
          params: { header: { 'Idempotency-Key': idempotencyKey } },
          body: { ...wanted, imageUrl: imageUrl as string },
          ...withSignal(signal),
        }),
      )
    },
    get: (jobId, { signal } = {}) =>
      dataOf(on.api.GET('/v1/jobs/{jobId}', { params: { path: { jobId } }, ...withSignal(signal) })),
    wait: (job, wait) => waitForJob(on, idOf(job), wait),
    watch: (job, { signal } = {}) => watchJob(on, idOf(job), signal),
    upload: (source, { signal } = {}) => imageUrlOf(on, source, signal),
    run: (images, wanted) => runBatch(on, images, wanted),
    waitForBatch: (batchId, wait) => waitForBatch(on, batchId, wait),
    results: (batchId, wanted) => resultsOf(on, batchId, wanted),
    cancelJobs: (filter, wanted) => changeJobs(on, 'cancel', filter, wanted),
    retryJobs: (filter, wanted) => changeJobs(on, 'retry', filter, wanted),
    deleteJobs: (filter, wanted) => changeJobs(on, 'delete', filter, wanted),
  }
}
