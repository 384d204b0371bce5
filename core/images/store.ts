import { createHash } from 'node:crypto'
import { reasonOf, VisionError } from '../domain/errors.ts'
import { once } from '../platform/async.ts'
import type { AwsConfig, StorageConfig } from '../platform/config/shared.ts'
import type { Log } from '../platform/log.ts'
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

/** How long a bucket that refuses links is read by the SDK alone, in milliseconds: its policy may be changed. */
const refusedMs = 10 * 60_000

export interface StoreOptions {
  /** Told of a bucket that refuses links; nobody if left out. */
  readonly log?: Log
  /** Milliseconds of a clock that only goes forward; the system's if left out. */
  readonly now?: () => number
}

/**
 * The store in the configured bucket. The SDK is loaded when it is first needed: signing and reading do without, see
 * `createPresigner`.
 */
export function openImageStore(
  config: StorageConfig & Partial<AwsConfig>,
  { log, now = () => performance.now() }: StoreOptions = {},
): ImageStore {
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
  let refusedUntil = Number.NEGATIVE_INFINITY
  let warned = false
  const onRefused = () => {
    refusedUntil = now() + refusedMs
    if (!warned) {
      warned = true
      log?.('warn', 'the bucket refuses signed links', {
        bucket: config.BUCKET_NAME,
        detail:
          'Images are read by two requests now and then, and clients cannot show them. A statement of the bucket’s policy denies ' +
          'requests that are signed in their query: except s3:GetObject from what it says of s3:authType (REST-QUERY-STRING) and of ' +
          's3:x-amz-content-sha256 (UNSIGNED-PAYLOAD).',
      })
    }
  }
  const get = async (...asked: Parameters<Bucket['get']>) => {
    const read = now() < refusedUntil ? 'failed' : ((await (await reader())?.read(...asked)) ?? 'failed')
    if (typeof read !== 'string') return read
    const bytes = await (await bucket()).get(...asked)
    // What the SDK may read and a link may not: the link was refused, not the object.
    if (read === 'forbidden') onRefused()
    return bytes
  }
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
