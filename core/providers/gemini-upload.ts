import { setTimeout as delay } from 'node:timers/promises'
import type { Part } from '@google/generative-ai'
import { FileState, GoogleAIFileManager } from '@google/generative-ai/server'
import { race } from '../platform/async.ts'
import { withoutWrapper } from './http.ts'
import type { ModelRequest } from './model.ts'

type Image = NonNullable<ModelRequest['image']>

/** How often the state of an uploaded image is polled, in milliseconds; most are ready at once. */
const pollMs = 500
/** The time limit of an image's deletion, in milliseconds; without it the image expires after 48 hours. */
const deleteMs = 5_000

export interface FilesAccess {
  readonly apiKey: string
  /** The base URL of the API, without `/v1beta`. */
  readonly baseUrl: string
  readonly headers: Record<string, string>
}

/** The size of an image inside a request, in bytes: base64 adds a third. */
export function inlineLength(bytes: Uint8Array): number {
  return Math.ceil(bytes.byteLength / 3) * 4
}

/**
 * Uploads an image by the Files API, which takes every type that Gemini accepts
 * (https://ai.google.dev/gemini-api/docs/files), and deletes it afterwards, however the work ends. An answer, which is paid
 * for, waits for that only until the call's own time limit.
 */
export async function withUploadedImage<T>(
  image: Image,
  { apiKey, baseUrl, headers }: FilesAccess,
  work: (part: Part) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const manager = new GoogleAIFileManager(apiKey, { baseUrl, customHeaders: headers })
  const bytes = Buffer.from(image.bytes.buffer, image.bytes.byteOffset, image.bytes.byteLength)
  let { file } = await manager.uploadFile(bytes, { mimeType: image.type })
  const { name } = file
  let isAnswered = false
  try {
    while (file.state === FileState.PROCESSING) {
      await delay(pollMs, undefined, { signal })
      file = await manager.getFile(name)
    }
    const answer = await work({ fileData: { mimeType: image.type, fileUri: file.uri } })
    isAnswered = true
    return answer
  } finally {
    // After any outcome, an abort included; the response to the deletion must not be taken for the call's.
    const cleaner = new GoogleAIFileManager(apiKey, { baseUrl, timeout: deleteMs })
    const deleting = withoutWrapper(() => cleaner.deleteFile(name)).catch(() => undefined)
    await (isAnswered ? race(deleting, signal).catch(() => undefined) : deleting)
  }
}
