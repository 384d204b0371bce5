import { createHash } from 'node:crypto'
import { reasonOf, VisionError } from '../domain/errors.ts'
import { once } from '../platform/async.ts'
import type { AwsConfig, StorageConfig } from '../platform/config/shared.ts'
import { bucketCallMs } from './limits.ts'
import type { Presigner } from './presign.ts'
import type { Bucket } from './s3.ts'
import { startTimeLimit, type TimeLimit } from './time-limit.ts'

/**
 * Where the bytes of images are kept: a private bucket. Whatever it signs: @throws VisionError `storage.unavailable` if there are no
 * credentials to sign with.
 */
export interface ImageStore extends Presigner {
  /** Loads what reads objects, or writes them, so that the first does not wait for it. */
  prepare(what: 'get' | 'put'): Promise<void>
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
  /** Up to 1,000 of the keys with a prefix, in no particular order. @throws VisionError `storage.unavailable` */
  list(prefix: string, most: number): Promise<readonly string[]>
  /** A missing object is no error. @throws VisionError `storage.unavailable` */
  delete(key: string): Promise<void>
  close(): void
}

/**
 * The store in the configured bucket. The SDK is loaded when it is first needed: signing and reading do without, see
 * `createPresigner`.
 */
export function openImageStore(config: StorageConfig & Partial<AwsConfig>): ImageStore {
  const open: { close(): void }[] = []
  const kept = <Part extends { close(): void }>(part: Part): Part => {
    open.push(part)
    return part
  }
  const bucket = once(async () => kept((await import('./s3.ts')).openBucket(config)))
  const ours = once(async () => (await import('./presign.ts')).createPresigner(config))
  const presigner = async () => (await ours()) ?? bucket()
  /** Undefined where the SDK must sign. */
  const reader = once(async () => {
    const [signer, { createObjectReader }] = await Promise.all([ours(), import('./read-object.ts')])
    return signer && kept(createObjectReader(signer))
  })
  const get = async (...asked: Parameters<Bucket['get']>) =>
    (await (await reader())?.read(...asked)) ?? (await bucket()).get(...asked)
  return {
    prepare: async (what) => void ((what === 'get' && (await reader())) || (await bucket())),
    put: (key, bytes, type) => call(async (signal) => (await bucket()).put(key, bytes, type, signal)),
    get: (key, maxBytes, given, reserve) => call((signal, limit) => get(key, maxBytes, signal, limit, reserve), given),
    list: (prefix, most) => call(async (signal) => (await bucket()).list(prefix, most, signal)),
    delete: (key) => call(async (signal) => (await bucket()).delete(key, signal)),
    presignRead: (key, life) => call(async () => (await presigner()).presignRead(key, life)),
    presignUpload: (key, limits) => call(async () => (await presigner()).presignUpload(key, limits)),
    close: () => {
      for (const part of open) part.close()
    },
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
