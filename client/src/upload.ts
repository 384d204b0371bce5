import type { Connection } from './connection.ts'
import { dataOf } from './connection.ts'
import { VisionError } from './errors.ts'
import { type ImageFile, type ImageSource, readImage, urlOf } from './images.ts'
import { pause } from './send.ts'

const sendTries = 3

/** The `imageUrl` of a source: a URL as it is, a file once it is uploaded. One that a job has brought before is not sent again. */
export async function imageUrlOf(on: Connection, source: ImageSource, signal?: AbortSignal): Promise<string> {
  return urlOf(source) ?? (await uploadFile(on, await readImage(source), signal)).imageUrl
}

/**
 * Uploads a file straight to the storage.
 *
 * @returns its `imageUrl`, and whether its bytes were sent
 * @throws VisionError `limit.uploads_per_day`, `limit.upload_bytes_per_day` or `storage.unavailable`
 */
export async function uploadFile(
  on: Connection,
  { blob, type, sha256 }: ImageFile,
  signal?: AbortSignal,
): Promise<{ readonly imageUrl: string; readonly sent: boolean }> {
  for (let attempt = 1; ; attempt++) {
    // Asked for anew each time: a grant is soon over.
    const grant = await dataOf(
      on.api.POST('/v1/uploads', { body: { contentType: type, bytes: blob.size, sha256 }, ...withSignal(signal) }),
    )
    const { url, fields, imageUrl } = grant
    if (url === null) return { imageUrl, sent: false }
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    form.append('file', blob)
    const answer = await on
      .fetch(url, { method: 'POST', body: form, ...withSignal(signal) })
      .catch((cause: unknown) => {
        signal?.throwIfAborted()
        return cause
      })
    if (answer instanceof Response && answer.ok) return { imageUrl, sent: true }
    if (attempt >= sendTries) {
      const why = answer instanceof Response ? `answered ${answer.status}` : 'did not answer'
      throw new VisionError('storage.unavailable', `The storage ${why}.`, { cause: answer })
    }
    await pause(1_000 * attempt, signal)
  }
}

/** The signal as an option, where there is one. */
export function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {}
}
