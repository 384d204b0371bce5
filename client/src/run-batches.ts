import { type Connection, dataOf } from './connection.ts'
import { isVisionError, VisionError } from './errors.ts'
import { resultsOf } from './results.ts'
import type { RunImage, RunOptions } from './run-options.ts'
import type { AddedJobs, FieldProblem } from './types.ts'
import { withSignal } from './upload.ts'

/** An image that can be a job. */
export interface Prepared {
  readonly image: RunImage
  /** Identifies the image and what is known of it. */
  readonly key: string
  readonly imageUrl: string
}

/** The outcome of an image: a job, made now or by an earlier run, or an error. */
export type Added =
  | { readonly image: RunImage; readonly jobId: number; readonly batchId: number; readonly found: boolean }
  | { readonly image: RunImage; readonly error: VisionError }

/** A batch of a run. */
interface RunBatch {
  readonly batchId: number
  /** Its jobs that were cancelled with it: this run ignores them. */
  readonly cancelled: ReadonlySet<number>
}

const takesNone = ['batch.closed', 'batch.full'] as const

/**
 * The batches of a run: the first is found again by what is wanted, and where one takes no more jobs, the next one does. A job that any
 * of them has is not made again.
 *
 * @param wanted a hash of the requested texts, in hex
 */
export function createRunBatches(on: Connection, wanted: string, options: RunOptions) {
  const { purpose, outputs, brand, facts, name, signal } = options
  const batches: RunBatch[] = []

  async function open(): Promise<RunBatch> {
    const { batchId, cancelledAt } = await dataOf(
      on.api.POST('/v1/batches', {
        params: { header: { 'Idempotency-Key': `run-${wanted}-${batches.length + 1}` } },
        body: {
          ...(name !== undefined && { name }),
          defaults: {
            analysisPurpose: purpose,
            outputs: [...outputs],
            ...(brand !== undefined && { brandId: brand }),
            ...(facts && { facts }),
          },
          onInvalid: 'skip',
        },
        ...withSignal(signal),
      }),
    )
    const cancelled = new Set<number>()
    if (cancelledAt !== null) {
      for await (const { jobId } of resultsOf(on, batchId, { status: ['cancelled'], signal })) cancelled.add(jobId)
    }
    const batch = { batchId, cancelled }
    batches.push(batch)
    return batch
  }

  /** Sends images to a batch; undefined if it takes none and has none of them. */
  async function send({ batchId }: RunBatch, images: readonly Prepared[]): Promise<AddedJobs | undefined> {
    const jobs = images.map(({ image: { name, sku, facts }, imageUrl, key }) => ({
      imageUrl,
      // A key is one for all that a user creates.
      idempotencyKey: `${batchId}-${key}`,
      ...(facts && { facts }),
      ...((name !== undefined || sku !== undefined) && { metadata: { file: name, sku } }),
    }))
    try {
      return await dataOf(
        on.api.POST('/v1/batches/{batchId}/jobs', {
          params: { path: { batchId } },
          body: { jobs },
          // Each job has a key.
          fetch: on.repeat,
          ...withSignal(signal),
        }),
      )
    } catch (error) {
      if (!isVisionError(error, ...takesNone)) throw error
      return undefined
    }
  }

  /** Makes jobs of images, at most 100, or finds them. */
  return async function add(images: readonly Prepared[]): Promise<readonly Added[]> {
    const told: Added[] = []
    let left = images
    for (let at = 0; left.length > 0; at++) {
      const batch = batches[at] ?? (await open())
      const { batchId } = batch
      const added = await send(batch, left)
      if (added === undefined) continue
      const next: Prepared[] = []
      const have = (index: number, jobId: number, found: boolean) => {
        const one = left[index] as Prepared
        if (batch.cancelled.has(jobId)) next.push(one)
        else told.push({ image: one.image, jobId, batchId, found })
      }
      for (const { index, jobId, replayed } of added.jobs) have(index, jobId, replayed)
      for (const { index, errors } of added.rejected) {
        const one = left[index] as Prepared
        const [problem] = errors
        // Its key has all that makes it: of the request only the name of the file can differ.
        if (problem?.jobId !== undefined) have(index, problem.jobId, true)
        else if (takesNone.some((code) => code === problem?.code)) next.push(one)
        else told.push({ image: one.image, error: refusalOf(errors) })
      }
      left = next
    }
    return told
  }
}

function refusalOf(errors: readonly FieldProblem[]): VisionError {
  const code = errors[0]?.code ?? 'request.invalid'
  // The codes of fields say what is wrong with which; the call as a whole was invalid.
  const known = /^(field|json)\./.test(code) ? 'request.invalid' : (code as VisionError['code'])
  return new VisionError(known, errors.map(({ detail }) => detail).join(' '), { status: 400, errors })
}
