import { createHash } from 'node:crypto'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { StorageConfig } from '../config.ts'
import { reasonOf, VisionError } from '../errors.ts'

/** Where the bytes of images are kept: a private bucket. */
export interface ImageStore {
  /** @throws VisionError `storage.unavailable` */
  put(key: string, bytes: Uint8Array, type: string): Promise<void>
  /** @throws VisionError `storage.unavailable`, or `image.not_found` if there is nothing under the key */
  get(key: string, signal: AbortSignal): Promise<Uint8Array>
  close(): void
}

/** The store on S3, or on whatever speaks S3 at `S3_ENDPOINT`. */
export function openImageStore(config: StorageConfig): ImageStore {
  const { BUCKET_NAME, AWS_REGION, S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = config
  const client = new S3Client({
    region: AWS_REGION,
    // Most servers that speak S3 elsewhere than at AWS have no names for their buckets.
    ...(S3_ENDPOINT && { endpoint: S3_ENDPOINT, forcePathStyle: true }),
    ...(S3_ACCESS_KEY_ID &&
      S3_SECRET_ACCESS_KEY && {
        credentials: { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY },
      }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  return {
    put: async (key, bytes, type) => {
      try {
        await client.send(new PutObjectCommand({ Bucket: BUCKET_NAME, Key: key, Body: bytes, ContentType: type }))
      } catch (cause) {
        throw unavailable(cause)
      }
    },
    get: async (key, signal) => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET_NAME, Key: key }), {
          abortSignal: signal,
        })
        if (Body === undefined) throw new Error('an object without a body')
        return await Body.transformToByteArray()
      } catch (cause) {
        signal.throwIfAborted()
        if (cause instanceof Error && cause.name === 'NoSuchKey') {
          throw new VisionError('image.not_found', { message: 'The stored image is gone.', cause })
        }
        throw unavailable(cause)
      }
    },
    close: () => client.destroy(),
  }
}

/** Where a user's image is kept: by its content, and apart from every other user's. */
export function imageKey(userId: string, bytes: Uint8Array): string {
  // A user id may hold any character; its hash is a safe folder.
  return `${sha256(userId).slice(0, 32)}/${sha256(bytes)}`
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

function unavailable(cause: unknown): VisionError {
  return new VisionError('storage.unavailable', { cause, detail: reasonOf(cause) })
}
