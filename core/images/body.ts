import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { VisionError } from '../errors.ts'

// RFC 9110, section 8.4.1; RFC 7932; RFC 9659, which also bounds the window of zstd to 8 MB.
const unpackers: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
}

/**
 * The body of a response, unpacked if it was sent with a Content-Encoding. Both what arrives and what comes of it are
 * counted, and at no time is much more than the limit held in memory.
 *
 * @param maxBytes at most so many, packed and unpacked
 * @throws VisionError `image.too_large` or `image.unsupported_encoding`; a body cut short as Node throws it
 */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const unpack = unpackerOf(response.headers['content-encoding'] ?? '')
  const collect = (source: AsyncIterable<Uint8Array>) => collectAtMost(maxBytes, source)
  if (unpack === undefined) return pipeline(response, collect)
  try {
    return await pipeline(
      response,
      (source: AsyncIterable<Uint8Array>) => passAtMost(maxBytes, source),
      unpack,
      collect,
    )
  } catch (cause) {
    if (!isUnpackingError(cause)) throw cause
    throw new VisionError('image.unsupported_encoding', { cause, detail: cause.message })
  }
}

/** More than the allowed bytes. */
export function tooLarge(maxBytes: number): VisionError {
  const megabytes = maxBytes / 1_000_000
  return new VisionError('image.too_large', { message: `The image is larger than ${megabytes} MB.` })
}

/** Nobody packs an image twice but to make a bomb of it, so at most one encoding is taken. */
function unpackerOf(contentEncoding: string): Transform | undefined {
  const encodings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && encoding !== 'identity')
  const [encoding, ...more] = encodings
  if (encoding === undefined) return undefined
  if (more.length > 0 || !Object.hasOwn(unpackers, encoding)) {
    throw new VisionError('image.unsupported_encoding', { detail: `Content-Encoding: ${contentEncoding}` })
  }
  return unpackers[encoding]?.()
}

async function* passAtMost(maxBytes: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const chunk of source) {
    length += chunk.length
    if (length > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

/** Copies into one buffer that grows: a list of chunks would cost far more than its bytes when these are tiny. */
async function collectAtMost(maxBytes: number, source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let buffer = Buffer.allocUnsafeSlow(Math.min(maxBytes, 65_536))
  let length = 0
  for await (const chunk of source) {
    const needed = length + chunk.length
    if (needed > maxBytes) throw tooLarge(maxBytes)
    if (needed > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(needed, buffer.length * 2)))
      buffer.copy(larger, 0, 0, length)
      buffer = larger
    }
    buffer.set(chunk, length)
    length = needed
  }
  return buffer.subarray(0, length)
}

/** Whether an unpacker could make nothing of it. A stream that ends too early (Z_BUF_ERROR) may be whole at another try. */
function isUnpackingError(error: unknown): error is Error & { code: string } {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return false
  return /^(Z_DATA_ERROR|Z_NEED_DICT|ERR__ERROR_FORMAT_|ZSTD_error_)/.test(error.code)
}
