import { randomUUID } from 'node:crypto'
import { VisionError } from '../domain/errors.ts'
import type { ImageType } from './detect.ts'
import { type ImageStore, userFolder } from './store.ts'

/** What a client needs to upload one image straight to the bucket. */
export interface UploadGrant {
  /** Where to POST a multipart form. */
  readonly url: string
  /** The form's fields, to be sent as they are; the file comes last, as the field `file`. */
  readonly fields: Readonly<Record<string, string>>
  /** What a job is created with to use the upload. */
  readonly imageUrl: string
  /** When the grant ends. */
  readonly expiresAt: Date
}

/** A grant lasts so long, in seconds. */
export const grantSeconds = 600

const scheme = 'upload:'

/**
 * Lets a user upload one file of exactly this type and at most this size, under a key of the user's own.
 *
 * @param bytes at most so many; the caller has checked them against the limit
 * @param now milliseconds since the epoch
 */
export async function grantUpload(
  store: ImageStore,
  { userId, contentType, bytes, now }: { userId: string; contentType: ImageType; bytes: number; now: number },
): Promise<UploadGrant> {
  const key = `uploads/${userFolder(userId)}/${randomUUID()}`
  const form = await store.presignUpload(key, { contentType, maxBytes: bytes, seconds: grantSeconds })
  return { ...form, imageUrl: `${scheme}${key}`, expiresAt: new Date(now + grantSeconds * 1000) }
}

/** Whether an image URL names an upload. */
export function isUpload(imageUrl: string): boolean {
  return imageUrl.startsWith(scheme)
}

/**
 * The key of an upload that an image URL names.
 *
 * @throws VisionError `upload.not_found`, also for another user's upload
 */
export function uploadKey(imageUrl: string, userId: string): string {
  const key = imageUrl.slice(scheme.length)
  const own = new RegExp(`^uploads/${userFolder(userId)}/[0-9a-f-]{36}$`)
  if (!own.test(key)) throw new VisionError('upload.not_found')
  return key
}
