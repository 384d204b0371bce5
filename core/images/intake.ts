import { VisionError } from '../errors.ts'
import { detectImage } from './detect.ts'
import { checkImageUrl, tooLarge } from './download.ts'
import { type ImageStore, imageKey } from './store.ts'

/** A job's image as its row has it. */
export interface TakenImage {
  /** The URL; of a data URL only its type and hash. */
  readonly imageUrl: string
  /** Where the bucket has the bytes, if they came with the job. */
  readonly imageKey?: string
}

/** Takes in what a client names as its image, when the job is created. */
export interface ImageIntake {
  /** @throws VisionError `image.*` or `storage.unavailable` */
  take(imageUrl: string, userId: string): Promise<TakenImage>
}

/** The image of a data URL may be so large, in bytes: with base64 on top it fits the largest request. */
export const maxDataUrlBytes = 4_000_000

/**
 * An intake that stores the bytes of data URLs and checks all other URLs by their form; these are fetched when the job
 * runs.
 */
export function createImageIntake(store: ImageStore, options: { readonly allowLoopbackHttp: boolean }): ImageIntake {
  return {
    take: async (imageUrl, userId) => {
      if (!/^data:/i.test(imageUrl)) return { imageUrl: checkImageUrl(imageUrl, options).href }
      const bytes = decodeDataUrl(imageUrl)
      const { type } = detectImage(bytes)
      const key = imageKey(userId, bytes)
      await store.put(key, bytes, type)
      return { imageUrl: `data:${type};sha256=${key.split('/').at(-1)}`, imageKey: key }
    },
  }
}

function decodeDataUrl(url: string): Uint8Array {
  const comma = url.indexOf(',')
  const encoded = url.slice(comma + 1)
  if (comma === -1 || !/;base64$/i.test(url.slice(0, comma)) || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(encoded)) {
    throw new VisionError('image.invalid_url', { message: 'A data: URL must look like data:image/png;base64,…' })
  }
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.length > maxDataUrlBytes) throw tooLarge(maxDataUrlBytes)
  return bytes
}
