import type { Database } from '../database/client.ts'
import { VisionError } from '../domain/errors.ts'
import { batchCalls } from '../platform/batch-calls.ts'
import type { Room } from './body.ts'
import type { ByteBudget } from './budget.ts'
import { type DetectedImage, detectImage, type ImageType, type Orientation, sizeAsShown } from './detect.ts'
import { downloadImage } from './download.ts'
import { carriesBytes } from './intake.ts'
import { downloadMs, maxImageBytes } from './limits.ts'
import { findImages, forgetBytes, type ImageRow, keepImage } from './snapshots.ts'
import { type ImageStore, sha256Of, snapshotKey } from './store.ts'
import { hashOfUpload, isUpload, uploadKey } from './uploads.ts'

/** An image as the first step needs it. */
export interface LoadedImage {
  readonly bytes: Uint8Array
  readonly type: ImageType
  /** In pixels, as it is shown: turned as its file asks for. */
  readonly width: number
  readonly height: number
  /** How the stored picture is turned to be shown; 1 is not at all. */
  readonly orientation: Orientation
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
  /** How we name ourselves to servers. */
  readonly userAgent?: string
}

/**
 * Brings a job's image. The first run takes it from its source and keeps a snapshot; every later run reads that. A snapshot that
 * is not in the bucket any more, as after a database was restored that is older than the bucket, is taken from the source again
 * if that still has the same bytes.
 *
 * @throws VisionError `image.*` or `storage.unavailable`, what `link` throws, or the signal's reason
 */
export function createImageLoader<Job extends ImageJob>(options: ImageLoaderOptions<Job>) {
  const { database, store, budget, link, allowLoopbackHttp, userAgent } = options
  // Jobs that were claimed together ask for theirs together.
  const rowOf = batchCalls(async (ids: readonly number[]) => {
    const rows = await findImages(database, [...new Set(ids)])
    return ids.map((id) => rows.get(id))
  })

  const fromSource = ({ imageUrl, userId }: Job, signal: AbortSignal, room: Room): Promise<Uint8Array> =>
    isUpload(imageUrl)
      ? readUpload(store, uploadKey(imageUrl, userId), signal, room)
      : downloadImage(imageUrl, {
          maxBytes: maxImageBytes,
          timeoutMs: downloadMs,
          allowLoopbackHttp,
          userAgent,
          signal,
          room,
        })

  /** Undefined if the bucket does not have it; the next job with the same image then stores it again. */
  const fromSnapshot = async (kept: ImageRow, signal: AbortSignal, room: Room): Promise<Uint8Array | undefined> => {
    try {
      return await store.get(snapshotKey(kept.userId, kept.sha256), maxImageBytes, signal, allOf(room))
    } catch (error) {
      if (!isMissing(error)) throw error
      await forgetBytes(database, kept.id)
      return undefined
    }
  }

  return async (job: Job, signal: AbortSignal): Promise<LoadedImage> => {
    const kept = job.imageId === null ? undefined : await rowOf(job.imageId)
    if (job.imageId !== null && !kept) throw gone()
    const { growTo, limitTo, release } = budget.open(job.userId, maxImageBytes)
    const room: Room = { growTo: (bytes) => growTo(bytes, signal), limitTo }
    try {
      const stored = kept && (await fromSnapshot(kept, signal, room))
      if (kept && stored) return { bytes: stored, ...asShown(readRow(kept) ?? detectImage(stored)), release }
      // Of a data: URL the snapshot was all there is.
      if (kept && carriesBytes(job.imageUrl)) throw gone()
      // What fails here fails again where it is needed, and is reported there.
      if (!kept) store.prepare('put').catch(() => undefined)
      const bytes = await fromSource(job, signal, room)
      limitTo(bytes.length)
      // Another image than the one that the job was given is no answer.
      if (kept && sha256Of(bytes) !== kept.sha256) throw gone()
      const detected = detectImage(bytes)
      const { id } = await keepImage(database, store, job.userId, bytes, detected)
      if (!kept) await link(job, id)
      return { bytes, ...asShown(detected), release }
    } catch (error) {
      release()
      throw error
    }
  }
}

/** Undefined for a row from before orientations were read. */
function readRow({ type, width, height, orientation }: ImageRow): DetectedImage | undefined {
  return orientation === null ? undefined : { type: type as ImageType, width, height, orientation }
}

function asShown({ type, width, height, orientation }: DetectedImage): DetectedImage {
  return { type, ...sizeAsShown({ width, height }, orientation), orientation }
}

/** The bucket says truly how much there is, and sends it at once. */
function allOf(room: Room): (bytes: number) => Promise<void> {
  return (bytes) => {
    room.limitTo(bytes)
    return room.growTo(bytes)
  }
}

async function readUpload(store: ImageStore, key: string, signal: AbortSignal, room: Room): Promise<Uint8Array> {
  try {
    const bytes = await store.get(key, maxImageBytes, signal, allOf(room))
    const sha256 = hashOfUpload(key)
    if (sha256 === undefined || sha256 === sha256Of(bytes)) return bytes
    throw new VisionError('image.malformed', { message: 'The upload is not the file whose SHA-256 was given.' })
  } catch (error) {
    throw isMissing(error) ? new VisionError('image.upload_missing', { cause: error }) : error
  }
}

const isMissing = (error: unknown) => error instanceof VisionError && error.code === 'image.not_found'

function gone(): VisionError {
  return new VisionError('image.not_found', { message: 'The stored image is gone. Send it again.' })
}
