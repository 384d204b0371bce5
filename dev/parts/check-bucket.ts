import { HeadBucketCommand, type S3ServiceException } from '@aws-sdk/client-s3'
import { createS3Client } from '../../core/images/s3.ts'
import type { StorageConfig } from '../../core/platform/config/shared.ts'
import { StartError } from '../errors/start-error.ts'

const limitMs = 10_000

/**
 * Asks for the bucket once.
 *
 * @param advice what else the person may do if it cannot be used
 * @throws {StartError} it cannot be reached, is not there, or is not for these credentials; says what to look at
 */
export async function checkBucket(config: StorageConfig, advice?: string): Promise<void> {
  const client = createS3Client(config)
  try {
    await client.send(new HeadBucketCommand({ Bucket: config.BUCKET_NAME }), {
      abortSignal: AbortSignal.timeout(limitMs),
    })
  } catch (error) {
    const why = bucketReason(error as Partial<S3ServiceException> & Error)
    throw new StartError([`${bucketPlace(config)} cannot be used: ${why}`, advice].filter(Boolean).join(' '))
  } finally {
    client.destroy()
  }
}

/** The bucket as it is called at the beginning of a message, with the setting that names it. */
export function bucketPlace({ BUCKET_NAME, S3_ENDPOINT }: StorageConfig): string {
  return `The bucket ${BUCKET_NAME} (BUCKET_NAME)${S3_ENDPOINT ? ` at ${placeOf(S3_ENDPOINT)}` : ''}`
}

/** Where a URL leads, without the user, the password and the query that it may hold. */
export function placeOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname.replace(/\/$/, '')
}

/** Why a call of the bucket failed, and what to look at. An answer to HEAD has no body that says why. */
export function bucketReason({ $metadata, name, message }: Partial<S3ServiceException> & Error): string {
  switch ($metadata?.httpStatusCode) {
    case 404:
      return 'there is none of that name.'
    case 403:
      return 'the credentials are wrong or lack s3:ListBucket, without which a missing image looks like a forbidden one.'
    case 301:
      return 'it is in another region: see AWS_REGION.'
    case 400:
      return 'the credentials or AWS_REGION are wrong.'
  }
  if (name === 'CredentialsProviderError') return 'there are no credentials: see S3_ACCESS_KEY_ID.'
  if (name === 'AbortError' || name === 'TimeoutError') return `it did not answer within ${limitMs / 1000} s.`
  return `${message || name}.`
}
