import type { ImageSource } from './images.ts'
import type { CreateJob, WantedText } from './types.ts'

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
