import { randomUUID } from 'node:crypto'
import { VisionError } from '../domain/errors.ts'
import type { ImageType } from './detect.ts'
import { type ImageStore, userFolder } from './store.ts'

/** A grant to upload one image directly to the bucket. */
export interface UploadGrant {
  /** The target of a multipart POST; null if the image is stored already. */
  readonly url: string | null
  /** The form's fields, to be sent unchanged; the file comes last, as the field `file`. */
  readonly fields: Readonly<Record<string, string>>
  /** The image URL for creating a job. */
  readonly imageUrl: string
  /** When the grant ends. */
  readonly expiresAt: Date
}

/** The lifetime of a grant, in seconds. */
const grantSeconds = 600

/** Where the bucket has the images of a user, and what the user uploaded. */
export function foldersOf(userId: string): readonly string[] {
  return ['images', 'uploads'].map((folder) => `${folder}/${userFolder(userId)}/`)
}

const scheme = 'upload:'

/** A file that a user wants to upload. */
export interface UploadRequest {
  readonly userId: string
  readonly contentType: ImageType
  /** The largest size; the caller has checked it against the limit. */
  readonly bytes: number
  /** The SHA-256 of the file in hex, if known: the same file then always has the same image URL. */
  readonly sha256?: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Grants the upload of one file of exactly this type and at most this size, under a key of the user's own. */
export async function grantUpload(store: ImageStore, request: UploadRequest): Promise<UploadGrant> {
  const { contentType, bytes } = request
  const granted = grantOf(request)
  const key = granted.imageUrl.slice(scheme.length)
  const form = await store.presignUpload(key, { contentType, maxBytes: bytes, seconds: grantSeconds })
  return { ...granted, ...form }
}

/** The grant of a file that need not be sent, because a snapshot of it exists: see `findImage`. */
export function grantOf({ userId, sha256, now }: UploadRequest): UploadGrant {
  const imageUrl = `${scheme}uploads/${userFolder(userId)}/${sha256 ?? randomUUID()}`
  return { url: null, fields: {}, imageUrl, expiresAt: new Date(now + grantSeconds * 1000) }
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
  const own = new RegExp(`^uploads/${userFolder(userId)}/([0-9a-f-]{36}|[0-9a-f]{64})$`)
  if (!own.test(key)) throw new VisionError('upload.not_found')
  return key
}

/** The SHA-256, in hex, of the file under this key; undefined if its sender did not name it. */
export function hashOfUpload(key: string): string | undefined {
  return /\/([0-9a-f]{64})$/.exec(key)?.[1]
}
