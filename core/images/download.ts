import { isUtf8 } from 'node:buffer'
import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { type ErrorCode, VisionError } from '../domain/errors.ts'
import { type Room, readBody } from './body.ts'
import { connectToHostOf, type Reach } from './connect.ts'
import { checkImageUrl, checkRedirect } from './image-url.ts'
import { slowestDownload } from './limits.ts'
import { startTimeLimit, type TimeLimit } from './time-limit.ts'
import { watchTransferRate } from './transfer-rate.ts'

export { tooLarge } from './body.ts'

export interface DownloadOptions extends Reach {
  /** The largest body, in bytes. */
  readonly maxBytes: number
  /** The time limit, redirects included, in milliseconds. */
  readonly timeoutMs: number
  /** Allows plain http from this machine's loopback addresses: for the local stack only. */
  readonly allowLoopbackHttp: boolean
  readonly signal: AbortSignal
  /** Reserves memory as bytes arrive. Waiting for it does not count towards the time limit. */
  readonly room?: Room
  /** The User-Agent header. */
  readonly userAgent?: string | undefined
  /** A slower response is aborted. */
  readonly slowest?: { readonly bytes: number; readonly ms: number }
}

const maxRedirects = 5
/** The largest total size of a response's headers, in bytes: four times Node.js's default. */
const maxHeaderSize = 65_536

/**
 * Downloads a URL. It connects to public addresses only, and checks the address that it connects to at every hop. Sends no
 * cookies, credentials or referrer, and verifies every certificate.
 *
 * @throws VisionError `image.*`: permanent if a retry would fail the same way
 */
export async function downloadImage(from: string, options: DownloadOptions): Promise<Uint8Array> {
  const limit = startTimeLimit(options.timeoutMs)
  const signal = AbortSignal.any([options.signal, limit.signal])
  try {
    let url = checkImageUrl(from, options)
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const response = await request(url, await connectToHostOf(url, options, signal), signal, options.userAgent)
      try {
        const location = redirectOf(response)
        if (location === undefined) return await read(response, { ...options, signal }, limit)
        url = checkRedirect(url, location, options)
      } finally {
        response.destroy()
      }
    }
    throw new VisionError('image.too_many_redirects')
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason
    if (limit.signal.aborted) throw new VisionError('image.timed_out', { cause: error })
    if (error instanceof VisionError) throw error
    throw unreachable(error)
  } finally {
    limit.clear()
  }
}

function request(
  url: URL,
  socket: Socket,
  signal: AbortSignal,
  userAgent = 'vision-pipeline',
): Promise<http.IncomingMessage> {
  const headers = { accept: 'image/*, */*;q=0.1', 'accept-encoding': 'identity', 'user-agent': userAgent }
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const { get, defaultPort } =
    url.protocol === 'https:' ? { get: https.get, defaultPort: 443 } : { get: http.get, defaultPort: 80 }
  // As lenient as curl: a strict parser protects against mixed-up responses, and here each connection has one response.
  const options = {
    headers,
    signal,
    defaultPort,
    maxHeaderSize,
    insecureHTTPParser: true,
    createConnection: () => socket,
  }
  // Without an agent, which would use its own connections instead of the checked one.
  const sent = get(url, options, (response) => {
    // A body without a length counts as complete when its connection ends, even if it ends by an error or an abort.
    sent.on('error', (error) => response.complete || response.destroy(error))
    resolve(response)
  })
  sent.on('error', reject)
  // Not every end is an error: a server that switches to another protocol (101) is simply disconnected.
  sent.on('close', () => {
    socket.destroy()
    reject(new Error('the server ended the connection without a response'))
  })
  return promise
}

function redirectOf({ statusCode = 0, headers }: http.IncomingMessage): string | undefined {
  const { location } = headers
  if (location === undefined || ![301, 302, 303, 307, 308].includes(statusCode)) return undefined
  // Node.js decodes headers as latin1, but servers write UTF-8.
  const bytes = Buffer.from(location, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : location
}

async function read(
  response: http.IncomingMessage,
  { maxBytes, room, signal, slowest = slowestDownload }: DownloadOptions,
  limit: TimeLimit,
): Promise<Uint8Array> {
  const { statusCode = 0 } = response
  if (statusCode !== 200) {
    throw new VisionError(codeOf(statusCode), { message: `The image server answered ${statusCode}.` })
  }
  const rate = watchTransferRate(slowest)
  const waiting: Room | undefined = room && {
    limitTo: room.limitTo,
    growTo: (bytes) => limit.without(() => rate.without(() => room.growTo(bytes))),
  }
  try {
    return await readBody(response, {
      maxBytes,
      room: waiting,
      arrived: rate.arrived,
      signal: AbortSignal.any([signal, rate.signal]),
    })
  } catch (cause) {
    if (signal.aborted || !rate.signal.aborted) throw cause
    throw new VisionError('image.timed_out', {
      message: `The image server sends the image too slowly: less than ${slowest.bytes} bytes in ${slowest.ms} ms.`,
      cause,
    })
  } finally {
    rate.clear()
  }
}

function codeOf(statusCode: number): ErrorCode {
  if (statusCode === 404 || statusCode === 410) return 'image.not_found'
  const isPassing = statusCode >= 500 || statusCode === 408 || statusCode === 425 || statusCode === 429
  return isPassing ? 'image.unreachable' : 'image.refused'
}

function unreachable(cause: unknown): VisionError {
  const { code, message } = cause as NodeJS.ErrnoException
  // The parser's code for bytes that are not HTTP; an early end may be the connection's fault.
  if (code?.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE') {
    return new VisionError('image.invalid_response', { cause, detail: `${code}: ${message}` })
  }
  return new VisionError('image.unreachable', { cause, detail: code ? `${code}: ${message}` : message })
}
