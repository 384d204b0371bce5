import type { Database } from '../database/client.ts'
import { VisionError } from '../errors.ts'
import { detectImage } from './detect.ts'
import { checkImageUrl } from './download.ts'
import { maxDataUrlBytes } from './limits.ts'
import { keepImage } from './snapshots.ts'
import type { ImageStore } from './store.ts'
import { isUpload, uploadKey } from './uploads.ts'

/** A job's image as its row has it. */
export interface TakenImage {
  /** The URL; of a data URL only its type and hash. */
  readonly imageUrl: string
  /** The snapshot, if the bytes came with the job. */
  readonly imageId?: number
}

/** Takes in what a client names as its image, when the job is created. */
export interface ImageIntake {
  /**
   * Looks at an image without taking it in.
   *
   * @throws VisionError `image.*` or `upload.not_found`
   */
  check(imageUrl: string, userId: string): void
  /** @throws VisionError `image.*`, `upload.not_found` or `storage.unavailable` */
  take(imageUrl: string, userId: string): Promise<TakenImage>
}

/**
 * An intake that stores the bytes of data URLs, and checks all others by their form: these images are fetched when the
 * job runs.
 */
export function createImageIntake(
  database: Database,
  store: ImageStore,
  options: { readonly allowLoopbackHttp: boolean },
): ImageIntake {
  return {
    check: (imageUrl, userId) => {
      if (isUpload(imageUrl)) uploadKey(imageUrl, userId)
      else if (carriesBytes(imageUrl)) detectImage(decodeDataUrl(imageUrl))
      else checkImageUrl(imageUrl, options)
    },
    take: async (imageUrl, userId) => {
      if (isUpload(imageUrl)) return { imageUrl: `upload:${uploadKey(imageUrl, userId)}` }
      if (!carriesBytes(imageUrl)) return { imageUrl: checkImageUrl(imageUrl, options).href }
      const bytes = decodeDataUrl(imageUrl)
      const detected = detectImage(bytes)
      const { id, sha256 } = await keepImage(database, store, userId, bytes, detected)
      return { imageUrl: `data:${detected.type};sha256=${sha256}`, imageId: id }
    },
  }
}

/** Whether an image comes with the call that names it, so that its bytes are stored at once. */
export function carriesBytes(imageUrl: string): boolean {
  return /^data:/i.test(imageUrl)
}

// Linear in the length of whatever it is given: no two parts can match the same blanks.
const base64 = /^[A-Za-z0-9+/\s]*(?:=\s*){0,2}$/

function decodeDataUrl(url: string): Uint8Array {
  const comma = url.indexOf(',')
  const encoded = url.slice(comma + 1)
  if (comma === -1 || !/;base64$/i.test(url.slice(0, comma)) || !base64.test(encoded)) {
    throw new VisionError('image.invalid_url', { message: 'A data: URL must look like data:image/png;base64,…' })
  }
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.length > maxDataUrlBytes) {
    throw new VisionError('image.too_large', {
      message: 'The image of a data: URL may have 4 MB. Upload a larger one, or name an https: URL.',
    })
  }
  return bytes
}
