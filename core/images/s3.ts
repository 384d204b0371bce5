import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { StorageConfig } from '../platform/config/shared.ts'
import { tooLarge } from './body.ts'
import { type Presigner, readCacheControl } from './presign.ts'
import type { TimeLimit } from './time-limit.ts'

/** The objects of a bucket: how the store reaches them, without its time limits and errors. */
export interface Bucket extends Presigner {
  put(key: string, bytes: Uint8Array, type: string, abortSignal: AbortSignal): Promise<void>
  get(
    key: string,
    maxBytes: number,
    abortSignal: AbortSignal,
    limit: TimeLimit,
    reserve: ((bytes: number) => Promise<void>) | undefined,
  ): Promise<Uint8Array>
  list(prefix: string, most: number, abortSignal: AbortSignal): Promise<readonly string[]>
  delete(key: string, abortSignal: AbortSignal): Promise<void>
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

/** The configured bucket by the SDK, which takes a seventh of a second to load: see ./store.ts. */
export function openBucket(config: StorageConfig): Bucket {
  const client = createS3Client(config)
  const object = (key: string) => ({ Bucket: config.BUCKET_NAME, Key: key })
  return {
    put: async (key, bytes, type, abortSignal) => {
      await client.send(new PutObjectCommand({ ...object(key), Body: bytes, ContentType: type }), { abortSignal })
    },
    get: async (key, maxBytes, abortSignal, limit, reserve) => {
      const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand(object(key)), { abortSignal })
      if (Body === undefined) throw new Error('an object without a body')
      if (ContentLength <= maxBytes) {
        if (reserve) await limit.without(() => reserve(ContentLength))
        return await Body.transformToByteArray()
      }
      ;(Body as { destroy?: () => void }).destroy?.()
      throw tooLarge(maxBytes, ContentLength)
    },
    list: async (prefix, most, abortSignal) => {
      const command = new ListObjectsV2Command({ Bucket: config.BUCKET_NAME, Prefix: prefix, MaxKeys: most })
      const { Contents = [] } = await client.send(command, { abortSignal })
      return Contents.flatMap(({ Key }) => Key ?? [])
    },
    delete: async (key, abortSignal) => {
      await client.send(new DeleteObjectCommand(object(key)), { abortSignal })
    },
    presignRead: (key, { signedAt, seconds }) => {
      const command = new GetObjectCommand({ ...object(key), ResponseCacheControl: readCacheControl })
      return getSignedUrl(client, command, { expiresIn: seconds, signingDate: signedAt })
    },
    presignUpload: (key, { contentType, maxBytes, seconds }) =>
      createPresignedPost(client, {
        ...object(key),
        Fields: { 'Content-Type': contentType },
        Conditions: [
          ['eq', '$Content-Type', contentType],
          ['content-length-range', 1, maxBytes],
        ],
        Expires: seconds,
      }),
    close: () => client.destroy(),
  }
}
