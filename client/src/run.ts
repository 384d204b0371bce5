import type { Connection } from './connection.ts'
import { isVisionError, VisionError } from './errors.ts'
import { type ImageFile, type ImageSource, readImage, sha256Of, urlOf } from './images.ts'
import { type ResultsOptions, resultsOf } from './results.ts'
import { type Added, createRunBatches, type Prepared } from './run-batches.ts'
import type { RunImage, RunOptions } from './run-options.ts'
import type { Batch, ResultRow } from './types.ts'
import { uploadFile } from './upload.ts'
import { type WaitOptions, waitForBatch } from './wait.ts'

/** An image that did not become a job, and why. */
export interface Refused {
  readonly image: RunImage
  readonly error: VisionError
}

export interface Run {
  /** The batches with its jobs: one, unless the run was added to after its first batch had closed; none without jobs. */
  readonly batchIds: readonly number[]
  readonly jobs: readonly { readonly image: RunImage; readonly jobId: number; readonly batchId: number }[]
  readonly refused: readonly Refused[]
  /** How many jobs an earlier call had made. */
  readonly found: number
  /** How many images were duplicates. */
  readonly duplicates: number
  /** Waits until all jobs of its batches have ended. */
  wait(options?: WaitOptions<Batch>): Promise<readonly Batch[]>
  /** Its own jobs with their texts, a row each: the batches may have jobs of earlier runs as well. */
  results(options?: ResultsOptions): AsyncGenerator<ResultRow>
}

/** The most jobs that one call may add. */
const chunk = 100

/** An image that was read. */
interface Known {
  readonly image: RunImage
  /** Of the image and what is known of it. */
  readonly key: string
  /** Where it is, or the file that has yet to go there. */
  readonly source: string | ImageFile
}

/**
 * Puts a job for each image into a batch that is found again by what is wanted, under a key that is made of the image and its facts.
 * What an earlier run has made is there, whatever stopped it.
 *
 * @throws VisionError `client.no_images`, or what the calls throw; images that cannot be read, or that the API refuses, are listed
 */
export async function runBatch(
  on: Connection,
  images: Iterable<ImageSource | RunImage>,
  options: RunOptions,
): Promise<Run> {
  const { signal, onProgress, uploadsAtOnce = 4 } = options
  const wanted = Array.from(images, named)
  if (wanted.length === 0) throw new VisionError('client.no_images', 'There are no images to run.')
  const state: RunState = { jobs: [], refused: [], batchIds: [], keys: new Set(), uploaded: 0, found: 0, duplicates: 0 }
  const tell = () => {
    const { jobs, refused, uploaded } = state
    onProgress?.({ images: wanted.length, jobs: jobs.length, refused: refused.length, uploaded })
  }
  const { name, purpose, outputs, brand, facts } = options
  const add = createRunBatches(on, await hashOf([name, purpose, outputs, brand, facts]), options)
  for (let at = 0; at < wanted.length; at += chunk) {
    const read = await inOrder(wanted.slice(at, at + chunk), uploadsAtOnce, (image) => know(image, state))
    const known = read.filter((one) => one !== undefined && isNew(one, state)) as Known[]
    const prepared = await inOrder(known, uploadsAtOnce, async (one): Promise<Prepared> => {
      if (typeof one.source === 'string') return { ...one, imageUrl: one.source }
      const { imageUrl, sent } = await uploadFile(on, one.source, signal)
      if (sent) state.uploaded++
      tell()
      return { ...one, imageUrl }
    })
    for (const one of await add(prepared)) take(one, state)
    tell()
  }
  const { keys: _, uploaded: __, ...told } = state
  return {
    ...told,
    wait: (wait) => Promise.all(state.batchIds.map((id) => waitForBatch(on, id, wait))),
    results: async function* (wanted) {
      const own = new Set(state.jobs.map(({ jobId }) => jobId))
      for (const id of state.batchIds) {
        for await (const row of resultsOf(on, id, wanted)) if (own.has(row.jobId)) yield row
      }
    },
  }
}

interface RunState {
  readonly jobs: { image: RunImage; jobId: number; batchId: number }[]
  readonly refused: Refused[]
  readonly batchIds: number[]
  readonly keys: Set<string>
  uploaded: number
  found: number
  duplicates: number
}

function named(source: ImageSource | RunImage): RunImage {
  const isImage =
    typeof source === 'string' || source instanceof URL || source instanceof Blob || source instanceof Uint8Array
  const image: RunImage = isImage ? { image: source } : source
  const { image: of } = image
  const path = of instanceof Blob ? (of as Partial<File>).name : of instanceof Uint8Array ? undefined : String(of)
  return { name: path?.split(/[\\/]/).at(-1)?.slice(0, 200), ...image }
}

function take(added: Added, state: RunState): void {
  const { jobs, refused, batchIds } = state
  if ('error' in added) {
    refused.push(added)
    return
  }
  const { found, ...job } = added
  jobs.push(job)
  if (found) state.found++
  if (!batchIds.includes(job.batchId)) batchIds.push(job.batchId)
}

/** Looks at an image; undefined if it is refused. */
async function know(image: RunImage, { refused }: RunState): Promise<Known | undefined> {
  try {
    const url = urlOf(image.image)
    const hasBytes = url === undefined || /^data:/i.test(url)
    const source = hasBytes ? await fileOf(image.image, url) : url
    const content = typeof source === 'string' ? source : source.sha256
    return { image, source, key: await hashOf([content, image.sku, image.facts]) }
  } catch (error) {
    // One bad file does not stop the others.
    if (!isVisionError(error)) throw error
    refused.push({ image, error })
    return undefined
  }
}

/** Of duplicate images the first is taken. */
function isNew({ key }: Known, state: RunState): boolean {
  if (state.keys.has(key)) {
    state.duplicates++
    return false
  }
  state.keys.add(key)
  return true
}

async function fileOf(source: ImageSource, dataUrl: string | undefined): Promise<ImageFile> {
  if (dataUrl === undefined) return readImage(source)
  const answer = await fetch(dataUrl).catch((cause: unknown) => {
    throw new VisionError('client.unreadable_file', 'The data: URL cannot be read.', { cause })
  })
  return readImage(await answer.blob())
}

function hashOf(value: unknown): Promise<string> {
  return sha256Of(new TextEncoder().encode(JSON.stringify(value)))
}

/** Applies a function to each item, a few at a time, and returns the results in order. */
async function inOrder<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const workers = Array.from({ length: Math.max(1, atOnce) }, async () => {
    for (const [at, item] of queue) results[at] = await work(item)
  })
  await Promise.all(workers)
  return results
}
