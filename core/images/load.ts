import type { Database } from '../db.ts'
import { VisionError } from '../errors.ts'
import type { ByteBudget } from './budget.ts'
import { detectImage, type ImageType } from './detect.ts'
import { downloadImage } from './download.ts'
import { downloadMs, maxImageBytes } from './limits.ts'
import { getImage, keepImage } from './snapshots.ts'
import { type ImageStore, snapshotKey } from './store.ts'
import { isUpload, uploadKey } from './uploads.ts'

/** An image as the first step needs it. */
export interface LoadedImage {
  readonly bytes: Uint8Array
  readonly type: ImageType
  /** Says that the bytes are needed no more; till then they count against the budget. */
  readonly release: () => void
}

/** What of a job tells where its image is. */
export interface ImageJob {
  readonly userId: string
  readonly imageUrl: string
  /** The snapshot, once there is one. */
  readonly imageId: number | null
}

export interface ImageLoaderOptions<Job> {
  readonly database: Database
  readonly store: ImageStore
  readonly budget: ByteBudget
  /** Gives the job its snapshot; rejects if the run no longer holds the job. */
  readonly link: (job: Job, imageId: number) => Promise<void>
  /** Plain http from this machine's own loopback addresses: for the local stack and nothing else. */
  readonly allowLoopbackHttp: boolean
}

/**
 * Brings a job's image. The first run takes it from its source and keeps a snapshot; every later run reads that.
 *
 * @throws VisionError `image.*` or `storage.unavailable`, what `link` throws, or the signal's reason
 */
export function createImageLoader<Job extends ImageJob>(options: ImageLoaderOptions<Job>) {
  const { database, store, budget, link, allowLoopbackHttp } = options

  const fromSource = ({ imageUrl, userId }: Job, signal: AbortSignal): Promise<Uint8Array> =>
    isUpload(imageUrl)
      ? readUpload(store, uploadKey(imageUrl, userId), signal)
      : downloadImage(imageUrl, { maxBytes: maxImageBytes, timeoutMs: downloadMs, allowLoopbackHttp, signal })

  return async (job: Job, signal: AbortSignal): Promise<LoadedImage> => {
    const kept = job.imageId === null ? undefined : await getImage(database, job.imageId)
    // Of what is on its way only the most that it may be is known.
    const share = await budget.take(kept?.bytes ?? maxImageBytes, signal)
    try {
      if (kept) {
        const bytes = await store.get(snapshotKey(kept.userId, kept.sha256), maxImageBytes, signal)
        return { bytes, type: kept.type as ImageType, release: share.release }
      }
      const bytes = await fromSource(job, signal)
      share.shrinkTo(bytes.length)
      const detected = detectImage(bytes)
      const { id } = await keepImage(database, store, job.userId, bytes, detected)
      await link(job, id)
      return { bytes, type: detected.type, release: share.release }
    } catch (error) {
      share.release()
      throw error
    }
  }
}

async function readUpload(store: ImageStore, key: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await store.get(key, maxImageBytes, signal)
  } catch (error) {
    const missing = error instanceof VisionError && error.code === 'image.not_found'
    throw missing ? new VisionError('image.upload_missing', { cause: error }) : error
  }
}
