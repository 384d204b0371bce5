import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'
import { VisionError } from '../domain/errors.ts'

// RFC 9110, section 8.4.1; RFC 7932; RFC 9659, which also bounds the window of zstd to 8 MB.
const unpackers: Record<string, () => Duplex> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: () => Duplex.from(inflate),
  br: createBrotliDecompress,
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
}

// The other codings in the IANA registry of content codings. Anything else is not a coding but a mistake
// (utf-8, binary, none) or a leftover of an upload to S3 (aws-chunked): browsers and curl pass over these.
const otherEncodings = ['aes128gcm', 'compress', 'x-compress', 'dcb', 'dcz', 'exi', 'pack200-gzip']

/** Reserves memory as bytes arrive. */
export interface Room {
  /** The most bytes that it may hold in total. */
  limitTo(bytes: number): void
  /** Waits until this many bytes in total are reserved. */
  growTo(bytes: number): Promise<void>
}

export interface BodyOptions {
  /** The largest body, in bytes, compressed and decompressed. */
  readonly maxBytes: number
  readonly room?: Room | undefined
  /** Called with every chunk as it arrives, still compressed. */
  readonly arrived: (bytes: number) => void
  readonly signal: AbortSignal
}

/** The step, in bytes, in which memory is reserved. */
const roomStep = 262_144

/**
 * The body of a response, decompressed if it was sent with a Content-Encoding. Bytes are counted before and after that,
 * and memory never holds much more than the limit.
 *
 * @throws VisionError `image.too_large` or `image.unsupported_encoding`; a body cut short as Node throws it
 */
export async function readBody(response: IncomingMessage, options: BodyOptions): Promise<Uint8Array> {
  const { maxBytes, room, signal } = options
  const announced = lengthOf(response.headers) ?? maxBytes
  if (announced > maxBytes) throw tooLarge(maxBytes, announced)
  const unpack = unpackerOf(response.headers['content-encoding'] ?? '')
  if (unpack === undefined) room?.limitTo(announced)
  const pass = (source: AsyncIterable<Uint8Array>) => passAtMost(options, source)
  const collect = (source: AsyncIterable<Uint8Array>) => collectAtMost(options, source)
  if (unpack === undefined) return pipeline(response, pass, collect, { signal })
  try {
    return await pipeline(response, pass, unpack, collect, { signal })
  } catch (cause) {
    if (!isUnpackingError(cause)) throw cause
    throw new VisionError('image.unsupported_encoding', { cause, detail: cause.message })
  }
}

/** The declared length of a body; a chunked one declares none (RFC 9112, section 6.3). */
function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = Number(headers['content-length'])
  return headers['transfer-encoding'] === undefined && Number.isSafeInteger(length) ? length : undefined
}

/**
 * More than the allowed bytes.
 *
 * @param bytes the size, where it is known
 * @param advice another sentence
 * @param kind the kind of image that the limit applies to
 */
export function tooLarge(maxBytes: number, bytes?: number, advice?: string, kind?: string): VisionError {
  const size = bytes === undefined ? 'is larger than that' : `has ${inMegabytes(bytes)}`
  return new VisionError('image.too_large', {
    message: [
      `An image${kind ? ` ${kind}` : ''} may have ${inMegabytes(maxBytes)}, and this one ${size}.`,
      advice ?? [],
    ]
      .flat()
      .join(' '),
  })
}

/** Rounded up, so that a size just above the limit does not look like the limit. */
function inMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / 10_000) / 100} MB`
}

/** At most one encoding is accepted: two layers of compression are only used by decompression bombs. */
function unpackerOf(contentEncoding: string): Duplex | undefined {
  const encodings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => Object.hasOwn(unpackers, encoding) || otherEncodings.includes(encoding))
  const [encoding, ...more] = encodings
  if (encoding === undefined) return undefined
  if (more.length > 0 || !Object.hasOwn(unpackers, encoding)) {
    throw new VisionError('image.unsupported_encoding', { detail: `Content-Encoding: ${contentEncoding}` })
  }
  return unpackers[encoding]?.()
}

/** "deflate" is zlib's format (RFC 1950), but some servers send the bare one within it (RFC 1951). */
async function* inflate(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]()
  let start = Buffer.alloc(0)
  while (start.length < 2) {
    const { done, value } = await chunks.next()
    if (done) break
    start = Buffer.concat([start, value])
  }
  const isZlib = start.length >= 2 && ((start[0] ?? 0) & 15) === 8 && start.readUInt16BE(0) % 31 === 0
  const unpack = isZlib ? createInflate() : createInflateRaw()
  const all = async function* () {
    yield start
    yield* { [Symbol.asyncIterator]: () => chunks }
  }
  const fed = pipeline(all, unpack)
  // Reported by the decompressor, from which the bytes are read.
  fed.catch(() => undefined)
  yield* unpack
  await fed
}

async function* passAtMost(
  { maxBytes, arrived }: BodyOptions,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const chunk of source) {
    arrived(chunk.length)
    length += chunk.length
    if (length > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

/** Copies into one buffer that grows: a list of chunks would cost far more than its bytes when these are tiny. */
async function collectAtMost({ maxBytes, room }: BodyOptions, source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let reserved = 0
  let buffer = Buffer.allocUnsafeSlow(Math.min(maxBytes, 65_536))
  let length = 0
  for await (const chunk of source) {
    const needed = length + chunk.length
    if (needed > maxBytes) throw tooLarge(maxBytes)
    if (room && needed > reserved) {
      reserved = Math.max(needed, Math.min(maxBytes, reserved + roomStep))
      await room.growTo(reserved)
    }
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

/** Whether a decompressor rejected the data. A stream that ends too early (Z_BUF_ERROR) may be complete at another try. */
function isUnpackingError(error: unknown): error is Error & { code: string } {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return false
  return /^(Z_DATA_ERROR|Z_NEED_DICT|ERR__ERROR_FORMAT_|ZSTD_error_)/.test(error.code)
}
