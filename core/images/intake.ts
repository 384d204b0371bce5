import type { Database } from '../database/client.ts'
import { decodeDataUrl } from './data-url.ts'
import { detectImage } from './detect.ts'
import { checkImageUrl } from './image-url.ts'
import { maxDataUrlBytes } from './limits.ts'
import { findImage, keepImage } from './snapshots.ts'
import type { ImageStore } from './store.ts'
import { hashOfUpload, isUpload, uploadKey } from './uploads.ts'

/** The image columns of a job. */
export interface TakenImage {
  /** The URL; of a data URL only its type and hash. */
  readonly imageUrl: string
  /** The snapshot, if it exists already: the bytes came with this job, or with an earlier one. */
  readonly imageId?: number
}

/** Checks the image of a new job, and stores its bytes if they came with the call. */
export interface ImageIntake {
  /**
   * Checks an image without storing it.
   *
   * @throws VisionError `image.*` or `upload.not_found`
   */
  check(imageUrl: string, userId: string): void
  /** @throws VisionError `image.*`, `upload.not_found` or `storage.unavailable` */
  take(imageUrl: string, userId: string): Promise<TakenImage>
}

/**
 * An intake that stores the bytes of data URLs, and checks other URLs by their form: those images are fetched when the job
 * runs.
 */
export function createImageIntake(
  database: Database,
  store: ImageStore,
  options: { readonly allowLoopbackHttp: boolean },
): ImageIntake {
  // Blanks around a URL are accidental, and the URL standard removes them too.
  return {
    check: (given, userId) => {
      const imageUrl = given.trim()
      if (isUpload(imageUrl)) uploadKey(imageUrl, userId)
      else if (carriesBytes(imageUrl)) detectImage(decodeDataUrl(imageUrl, maxDataUrlBytes))
      else checkImageUrl(imageUrl, options)
    },
    take: async (given, userId) => {
      const imageUrl = given.trim()
      if (isUpload(imageUrl)) {
        const key = uploadKey(imageUrl, userId)
        const sha256 = hashOfUpload(key)
        const imageId = sha256 === undefined ? undefined : await findImage(database, userId, sha256)
        return { imageUrl: `upload:${key}`, ...(imageId !== undefined && { imageId }) }
      }
      if (!carriesBytes(imageUrl)) return { imageUrl: checkImageUrl(imageUrl, options).href }
      const bytes = decodeDataUrl(imageUrl, maxDataUrlBytes)
      const detected = detectImage(bytes)
      const { id, sha256 } = await keepImage(database, store, userId, bytes, detected)
      return { imageUrl: `data:${detected.type};sha256=${sha256}`, imageId: id }
    },
  }
}

/** Whether an image is part of the call, so that its bytes are stored at once. */
export function carriesBytes(imageUrl: string): boolean {
  return /^\s*data:/i.test(imageUrl)
}
