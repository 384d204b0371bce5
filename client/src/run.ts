import { type Connection, dataOf } from './connection.ts'
import { isVisionError, VisionError } from './errors.ts'
import { type ImageFile, type ImageSource, readImage, sha256Of, urlOf } from './images.ts'
import { type ResultsOptions, resultsOf } from './results.ts'
import type { Batch, CreateJob, FieldProblem, ResultRow, WantedText } from './types.ts'
import { uploadFile, withSignal } from './upload.ts'
import { type WaitOptions, waitForBatch } from './wait.ts'

type Facts = NonNullable<CreateJob['facts']>

/** An image of a run, and what is known of it. */
export interface RunImage {
  readonly image: ImageSource
  /** For people: the file's name, if left out. */
  readonly name?: string | undefined
  /** Comes back as a column of the results. */
  readonly sku?: string | undefined
  /** Facts for the writer, beside the image. */
  readonly facts?: Facts | undefined
}

export interface RunOptions {
  /** What the texts are for. */
  readonly purpose: string
  /** The texts of each image, up to 24 with their variants. */
  readonly outputs: readonly WantedText[]
  /** The id of the brand that they are written for. */
  readonly brand?: number | undefined
  /** Of every image that has none of its own. */
  readonly facts?: Facts | undefined
  /** Of the batch, for people. Two runs that are called differently are two, with the same images too. */
  readonly name?: string | undefined
  /** How many files are uploaded at once; 4 if left out. */
  readonly uploadsAtOnce?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: RunProgress) => void) | undefined
}

export interface RunProgress {
  readonly images: number
  /** Files whose bytes were sent. */
  readonly uploaded: number
  readonly jobs: number
  readonly refused: number
}

/** An image that became no job, and why. */
export interface Refused {
  readonly image: RunImage
  readonly error: VisionError
}

export interface Run {
  /** The batches with its jobs: one, unless the run was added to after its first batch had closed. */
  readonly batchIds: readonly number[]
  readonly jobs: readonly { readonly image: RunImage; readonly jobId: number; readonly batchId: number }[]
  readonly refused: readonly Refused[]
  /** How many jobs were there before: an earlier call made them. */
  readonly found: number
  /** How many images came twice. */
  readonly duplicates: number
  /** Waits until all have ended. */
  wait(options?: WaitOptions<Batch>): Promise<readonly Batch[]>
  /** The jobs with their texts, a row each. */
  results(options?: ResultsOptions): AsyncGenerator<ResultRow>
}

/** As many as one call may add. */
const chunk = 100

/** An image that can be a job. */
interface Known {
  readonly image: RunImage
  /** Of the image and what is known of it. */
  readonly key: string
  /** Where it is, or the file that has yet to go there. */
  readonly source: string | ImageFile
}

interface Prepared extends Known {
  readonly imageUrl: string
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
  const target = createTarget(on, options)
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
    await target.add(prepared, state)
    tell()
  }
  const { keys: _, uploaded: __, ...told } = state
  return {
    ...told,
    wait: (wait) => Promise.all(state.batchIds.map((id) => waitForBatch(on, id, wait))),
    results: async function* (wanted) {
      for (const id of state.batchIds) yield* resultsOf(on, id, wanted)
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

/** Looks at an image; undefined if it is refused. */
async function know(image: RunImage, { refused }: RunState): Promise<Known | undefined> {
  try {
    const url = urlOf(image.image)
    const hasBytes = url === undefined || /^data:/i.test(url)
    const source = hasBytes ? await fileOf(image.image, url) : url
    const content = typeof source === 'string' ? source : source.sha256
    return { image, source, key: await hashOf([content, image.sku, image.facts]) }
  } catch (error) {
    // One bad file stops nothing.
    if (!isVisionError(error)) throw error
    refused.push({ image, error })
    return undefined
  }
}

/** Of images that come twice the first is taken. */
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

/** Where the jobs of a run go: a batch, and when that takes no more, the next. */
function createTarget(on: Connection, options: RunOptions) {
  const { purpose, outputs, brand, facts, name, signal } = options
  let generation = 0
  let batchId = 0
  let there = new Map<string, number>()

  async function next(): Promise<void> {
    generation++
    const key = `run-${await hashOf([name, purpose, outputs, brand, facts])}-${generation}`
    const batch = await dataOf(
      on.api.POST('/v1/batches', {
        params: { header: { 'Idempotency-Key': key } },
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
    batchId = batch.batchId
    there = new Map()
  }

  /** The jobs of a batch that takes no more, by their images; those that were cancelled were not made. */
  async function look(): Promise<void> {
    for await (const { imageUrl, jobId, status } of resultsOf(on, batchId, { signal })) {
      if (status !== 'cancelled') there.set(imageUrl, jobId)
    }
  }

  async function add(prepared: readonly Prepared[], state: RunState): Promise<void> {
    if (prepared.length === 0) return
    if (generation === 0) await next()
    const jobs = prepared.map(({ image: { name, sku, facts }, imageUrl, key }) => ({
      imageUrl,
      // A key is one for all that a user creates.
      idempotencyKey: `${batchId}-${key}`,
      ...(facts && { facts }),
      ...((name !== undefined || sku !== undefined) && { metadata: { file: name, sku } }),
    }))
    try {
      const added = await dataOf(
        on.api.POST('/v1/batches/{batchId}/jobs', {
          params: { path: { batchId } },
          body: { jobs },
          // Each job has a key.
          fetch: on.repeat,
          ...withSignal(signal),
        }),
      )
      for (const { index, jobId, replayed } of added.jobs) {
        const { image } = prepared[index] as Prepared
        state.jobs.push({ image, jobId, batchId })
        if (replayed) state.found++
      }
      for (const { index, errors } of added.rejected) {
        state.refused.push({ image: (prepared[index] as Prepared).image, error: refusalOf(errors) })
      }
      if (!state.batchIds.includes(batchId)) state.batchIds.push(batchId)
    } catch (error) {
      if (!isVisionError(error, 'batch.closed', 'batch.full')) throw error
      await look()
      const left = prepared.filter(({ image, imageUrl }) => {
        const jobId = there.get(imageUrl)
        if (jobId === undefined) return true
        state.jobs.push({ image, jobId, batchId })
        state.found++
        if (!state.batchIds.includes(batchId)) state.batchIds.push(batchId)
        return false
      })
      if (left.length === 0) return
      await next()
      await add(left, state)
    }
  }
  return { add }
}

function refusalOf(errors: readonly FieldProblem[]): VisionError {
  const code = errors[0]?.code ?? 'request.invalid'
  // The codes of fields say what is wrong with which; the call as a whole was invalid.
  const known = /^(field|json)\./.test(code) ? 'request.invalid' : (code as VisionError['code'])
  return new VisionError(known, errors.map(({ detail }) => detail).join(' '), { status: 400, errors })
}

function hashOf(value: unknown): Promise<string> {
  return sha256Of(new TextEncoder().encode(JSON.stringify(value)))
}

/** Does the same with each, a few at once, and returns what came of them in their order. */
async function inOrder<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const workers = Array.from({ length: Math.max(1, atOnce) }, async () => {
    for (const [at, item] of queue) results[at] = await work(item)
  })
  await Promise.all(workers)
  return results
}
