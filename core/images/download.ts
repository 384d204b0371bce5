import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { VisionError } from '../errors.ts'
import { type Room, readBody } from './body.ts'
import { connectToHostOf, type Reach } from './connect.ts'
import { maxUrlLength, slowestDownload } from './limits.ts'
import { startPace } from './pace.ts'
import { startTimeLimit, type TimeLimit } from './time-limit.ts'

export { tooLarge } from './body.ts'

export interface DownloadOptions extends Reach {
  /** At most so many bytes. */
  readonly maxBytes: number
  /** In all, redirects included, in milliseconds. */
  readonly timeoutMs: number
  /** Plain http from this machine's own loopback addresses: for the local stack and nothing else. */
  readonly allowLoopbackHttp: boolean
  readonly signal: AbortSignal
  /** Asked for room as the bytes arrive. The wait does not count as the download's time. */
  readonly room?: Room
  /** A body that brings fewer bytes in so many milliseconds is cut off. */
  readonly slowest?: { readonly bytes: number; readonly ms: number }
}

const maxRedirects = 5
const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
const headers = { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'vision-pipeline' }

/**
 * Whether an image may be fetched from a URL as far as the URL itself tells: https, or http on loopback in local mode;
 * no user name in it, at most 8,192 characters as it is stored and fetched, percent-encoded. Where it leads is checked on every
 * connection.
 *
 * The port is 443 or one from 1024 up: image servers of one's own do run there, while of the system ports (RFC 6335) no
 * other one speaks https, and knocking at strangers' ssh or mail is nothing to lend out.
 *
 * @throws VisionError `image.invalid_url`
 */
export function checkImageUrl(text: string, { allowLoopbackHttp }: Pick<DownloadOptions, 'allowLoopbackHttp'>): URL {
  const refuse = (message: string) => new VisionError('image.invalid_url', { message })
  if (!URL.canParse(text)) throw refuse('The image URL is not an absolute URL.')
  const url = new URL(text)
  // One letter of the text may be nine characters of what is stored: %E3%81%82.
  const { length } = url.href
  if (length > maxUrlLength) {
    throw refuse(
      `The image URL has ${length} characters once it is percent-encoded, and at most ${maxUrlLength} are taken.`,
    )
  }
  if (url.username || url.password) throw refuse('The image URL must not contain a user name or password.')
  if (url.protocol === 'http:' && allowLoopbackHttp && loopbackHost.test(url.hostname)) return url
  if (url.protocol !== 'https:') throw refuse('The image URL must start with https:// (or be a data: URL).')
  if (url.port && Number(url.port) < 1024) throw refuse('The port of the image URL must be 443, or 1024 or above.')
  return url
}

/**
 * The bytes at a URL. Only public addresses are ever connected to: the address that is really used is what is checked,
 * at every hop. Sends no cookies, credentials or referrer, and verifies every certificate.
 *
 * @throws VisionError `image.*`: permanent where another try would end the same
 */
export async function downloadImage(from: string, options: DownloadOptions): Promise<Uint8Array> {
  const limit = startTimeLimit(options.timeoutMs)
  const signal = AbortSignal.any([options.signal, limit.signal])
  try {
    let url = checkImageUrl(from, options)
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const response = await request(url, await connectToHostOf(url, options, signal), signal)
      try {
        const location = redirectOf(response)
        if (location === undefined) return await read(response, { ...options, signal }, limit)
        url = follow(url, location, options)
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

function request(url: URL, socket: Socket, signal: AbortSignal): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const { get, defaultPort } =
    url.protocol === 'https:' ? { get: https.get, defaultPort: 443 } : { get: http.get, defaultPort: 80 }
  // Without an agent, and so without its connections: the one that was checked is the one that is used.
  const sent = get(url, { headers, signal, defaultPort, createConnection: () => socket }, (response) => {
    // A body without a length counts as complete when its connection ends, even if it ends by an error or an abort.
    sent.on('error', (error) => response.complete || response.destroy(error))
    resolve(response)
  })
  sent.on('error', reject)
  // Not every end is an error: a server that switches to another protocol (101) is just hung up on.
  sent.on('close', () => {
    socket.destroy()
    reject(new Error('the server ended the connection without a response'))
  })
  return promise
}

function redirectOf({ statusCode = 0, headers }: http.IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(statusCode) ? headers.location : undefined
}

function follow(from: URL, location: string, { allowLoopbackHttp }: DownloadOptions): URL {
  if (!URL.canParse(location, from.href)) {
    throw new VisionError('image.invalid_url', { message: 'The image URL redirects to something that is no URL.' })
  }
  // A public server has no business with what runs on a developer's machine.
  const stillLocal = allowLoopbackHttp && from.protocol === 'http:'
  return checkImageUrl(new URL(location, from).href, { allowLoopbackHttp: stillLocal })
}

async function read(
  response: http.IncomingMessage,
  { maxBytes, room, signal, slowest = slowestDownload }: DownloadOptions,
  limit: TimeLimit,
): Promise<Uint8Array> {
  const { statusCode = 0 } = response
  if (statusCode === 404 || statusCode === 410) throw new VisionError('image.not_found')
  if (statusCode >= 500 || statusCode === 408 || statusCode === 425 || statusCode === 429) {
    throw new VisionError('image.unreachable', { detail: `HTTP ${statusCode}` })
  }
  if (statusCode !== 200) throw new VisionError('image.refused', { detail: `HTTP ${statusCode}` })
  const pace = startPace(slowest)
  const waiting: Room | undefined = room && {
    limitTo: room.limitTo,
    growTo: (bytes) => limit.without(() => pace.without(() => room.growTo(bytes))),
  }
  try {
    return await readBody(response, {
      maxBytes,
      room: waiting,
      arrived: pace.arrived,
      signal: AbortSignal.any([signal, pace.signal]),
    })
  } catch (cause) {
    if (signal.aborted || !pace.signal.aborted) throw cause
    throw new VisionError('image.timed_out', {
      message: `The server of the image sends it too slowly: less than ${slowest.bytes} bytes in ${slowest.ms} ms.`,
      cause,
    })
  } finally {
    pace.clear()
  }
}

function unreachable(cause: unknown): VisionError {
  const { code, message } = cause as NodeJS.ErrnoException
  return new VisionError('image.unreachable', { cause, detail: code ? `${code}: ${message}` : message })
}
