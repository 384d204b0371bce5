import { detectImage, type ImageType } from './detect.ts'
import { downloadImage } from './download.ts'
import type { ImageStore } from './store.ts'

/** An image as the first step needs it. */
export interface LoadedImage {
  readonly bytes: Uint8Array
  readonly type: ImageType
}

/** An image may be so large, in bytes. */
export const maxImageBytes = 20_000_000
/** A download may take so long, redirects included, in milliseconds. */
export const downloadMs = 15_000

/**
 * Brings a job's image: from the bucket if its bytes came with the job, else from its URL.
 *
 * @throws VisionError `image.*` or `storage.unavailable`, or the signal's reason
 */
export function createImageLoader(store: ImageStore, { allowLoopbackHttp }: { readonly allowLoopbackHttp: boolean }) {
  return async (
    job: { readonly imageUrl: string; readonly imageKey: string | null },
    signal: AbortSignal,
  ): Promise<LoadedImage> => {
    const bytes = job.imageKey
      ? await store.get(job.imageKey, signal)
      : await downloadImage(job.imageUrl, {
          maxBytes: maxImageBytes,
          timeoutMs: downloadMs,
          allowLoopbackHttp,
          signal,
        })
    return { bytes, type: detectImage(bytes).type }
  }
}
