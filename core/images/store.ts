import { createHash } from 'node:crypto'
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { reasonOf, VisionError } from '../domain/errors.ts'
import type { StorageConfig } from '../platform/config/shared.ts'
import { tooLarge } from './body.ts'
import { bucketCallMs } from './limits.ts'
import { startTimeLimit, type TimeLimit } from './time-limit.ts'

/** Where the bytes of images are kept: a private bucket. */
export interface ImageStore {
  /** @throws VisionError `storage.unavailable` */
  put(key: string, bytes: Uint8Array, type: string): Promise<void>
  /**
   * @param maxBytes the largest object that is read
   * @param reserve asked for room for the object's bytes before they are read
   * @throws VisionError `storage.unavailable`, `image.too_large`, or `image.not_found` if nothing is under the key
   */
  get(
    key: string,
    maxBytes: number,
    signal: AbortSignal,
    reserve?: (bytes: number) => Promise<void>,
  ): Promise<Uint8Array>
  /** A missing object is no error. @throws VisionError `storage.unavailable` */
  delete(key: string): Promise<void>
  /**
   * A link by which anyone may read one object for a number of seconds from `signedAt`.
   *
   * @throws VisionError `storage.unavailable` if there are no credentials to sign with
   */
  presignRead(key: string, life: { readonly signedAt: Date; readonly seconds: number }): Promise<string>
  /** A form by which anyone may write one object, of one type and up to one size, for a number of seconds. */
  presignUpload(
    key: string,
    limits: { readonly contentType: string; readonly maxBytes: number; readonly seconds: number },
  ): Promise<{ readonly url: string; readonly fields: Record<string, string> }>
  close(): void
}

/** A client for S3, or for whatever speaks S3 at `S3_ENDPOINT`. */
export function createS3Client(config: StorageConfig): S3Client {
  const { AWS_REGION, S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = config
  return new S3Client({
    region: AWS_REGION,
    // Most servers that speak S3 elsewhere than at AWS have no names for their buckets.
    ...(S3_ENDPOINT && { endpoint: S3_ENDPOINT, forcePathStyle: true }),
    ...(S3_ACCESS_KEY_ID &&
      S3_SECRET_ACCESS_KEY && {
        credentials: { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY },
      }),
    // Otherwise a presigned request demands a checksum that its user cannot know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
}

/** The store in the configured bucket. */
export function openImageStore(config: StorageConfig): ImageStore {
  const client = createS3Client(config)
  const object = (key: string) => ({ Bucket: config.BUCKET_NAME, Key: key })
  return {
    put: (key, bytes, type) =>
      call(async (abortSignal) => {
        await client.send(new PutObjectCommand({ ...object(key), Body: bytes, ContentType: type }), { abortSignal })
      }),
    get: (key, maxBytes, signal, reserve) =>
      call(async (abortSignal, limit) => {
        const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand(object(key)), { abortSignal })
        if (Body === undefined) throw new Error('an object without a body')
        if (ContentLength <= maxBytes) {
          if (reserve) await limit.without(() => reserve(ContentLength))
          return await Body.transformToByteArray()
        }
        ;(Body as { destroy?: () => void }).destroy?.()
        throw tooLarge(maxBytes, ContentLength)
      }, signal),
    delete: (key) =>
      call(async (abortSignal) => {
        await client.send(new DeleteObjectCommand(object(key)), { abortSignal })
      }),
    presignRead: (key, { signedAt, seconds }) =>
      call(() => {
        const command = new GetObjectCommand({ ...object(key), ResponseCacheControl: 'private, immutable' })
        return getSignedUrl(client, command, { expiresIn: seconds, signingDate: signedAt })
      }),
    presignUpload: (key, { contentType, maxBytes, seconds }) =>
      call(() =>
        createPresignedPost(client, {
          ...object(key),
          Fields: { 'Content-Type': contentType },
          Conditions: [
            ['eq', '$Content-Type', contentType],
            ['content-length-range', 1, maxBytes],
          ],
          Expires: seconds,
        }),
      ),
    close: () => client.destroy(),
  }
}

/** A call of the bucket under one time limit, with its errors in our terms. */
async function call<T>(send: (signal: AbortSignal, limit: TimeLimit) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const limit = startTimeLimit(bucketCallMs)
  try {
    return await send(signal ? AbortSignal.any([signal, limit.signal]) : limit.signal, limit)
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    if (cause instanceof VisionError) throw cause
    if (cause instanceof Error && cause.name === 'NoSuchKey') {
      throw new VisionError('image.not_found', { message: 'The stored image is gone.', cause })
    }
    throw new VisionError('storage.unavailable', { cause, detail: reasonOf(cause) })
  } finally {
    limit.clear()
  }
}

/** The key of a user's image: by its content, and apart from every other user's. */
export function snapshotKey(userId: string, sha256: string): string {
  return `images/${userFolder(userId)}/${sha256}`
}

/** A user id may hold any character; its hash is a safe folder. */
export function userFolder(userId: string): string {
  return sha256Of(userId).slice(0, 32)
}

/** In hex. */
export function sha256Of(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
