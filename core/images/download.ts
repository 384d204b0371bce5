import http from 'node:http'
import https from 'node:https'
import { RequestFilteringHttpsAgent } from 'request-filtering-agent'
import { VisionError } from '../errors.ts'

export interface DownloadOptions {
  /** At most so many bytes. */
  readonly maxBytes: number
  /** In all, redirects included, in milliseconds. */
  readonly timeoutMs: number
  /** Plain http from this machine's own loopback addresses: for the local stack and nothing else. */
  readonly allowLoopbackHttp: boolean
  readonly signal: AbortSignal
}

const maxRedirects = 5
const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * Whether an image may be fetched from a URL as far as the URL itself tells: https, or http on loopback in local mode;
 * no user name in it, at most 2,048 characters. Where it leads is checked on every connection.
 *
 * @throws VisionError `image.invalid_url`
 */
export function checkImageUrl(text: string, { allowLoopbackHttp }: Pick<DownloadOptions, 'allowLoopbackHttp'>): URL {
  const refuse = (message: string) => new VisionError('image.invalid_url', { message })
  if (text.length > 2048) throw refuse('The image URL is longer than 2,048 characters.')
  if (!URL.canParse(text)) throw refuse('The image URL is not an absolute URL.')
  const url = new URL(text)
  if (url.username || url.password) throw refuse('The image URL must not contain a user name or password.')
  if (url.protocol === 'https:') return url
  if (url.protocol === 'http:' && allowLoopbackHttp && loopbackHost.test(url.hostname)) return url
  throw refuse('The image URL must start with https:// (or be a data: URL).')
}

/**
 * The bytes at a URL. Private, loopback, link-local and metadata addresses are never reached: the address that is really
 * connected to is what is checked, at every hop. Sends no cookies, credentials or referrer.
 *
 * @throws VisionError `image.*`: permanent where another try would end the same
 */
export async function downloadImage(from: string, options: DownloadOptions): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(options.timeoutMs)
  const signal = AbortSignal.any([options.signal, timeout])
  try {
    let url = checkImageUrl(from, options)
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const response = await request(url, signal)
      const location = redirectOf(response)
      if (location === undefined) return await read(response, options.maxBytes)
      response.destroy()
      if (!URL.canParse(location, url.href)) {
        throw new VisionError('image.invalid_url', { message: 'The image URL redirects to something that is no URL.' })
      }
      url = checkImageUrl(new URL(location, url).href, options)
    }
    throw new VisionError('image.too_many_redirects')
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason
    if (timeout.aborted) throw new VisionError('image.timed_out', { cause: error })
    if (error instanceof VisionError) throw error
    throw translate(error)
  }
}

function request(url: URL, signal: AbortSignal): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const headers = { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'vision-pipeline' }
  const sent =
    url.protocol === 'https:'
      ? https.get(url, { headers, signal, agent: new RequestFilteringHttpsAgent({ keepAlive: false }) }, resolve)
      : http.get(url, { headers, signal, agent: new http.Agent({ keepAlive: false }), lookup: loopbackLookup }, resolve)
  sent.on('error', reject)
  return promise
}

/** `localhost` is this machine, whatever a resolver says. */
const loopbackLookup: NonNullable<http.RequestOptions['lookup']> = (_hostname, { all }, callback) => {
  const address = { address: '127.0.0.1', family: 4 }
  if (all) callback(null, [address])
  else callback(null, address.address, address.family)
}

function redirectOf(response: http.IncomingMessage): string | undefined {
  const { statusCode = 0 } = response
  if (![301, 302, 303, 307, 308].includes(statusCode)) return undefined
  return response.headers.location
}

async function read(response: http.IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const { statusCode = 0 } = response
  if (statusCode === 404 || statusCode === 410) throw new VisionError('image.not_found')
  if (statusCode >= 500 || statusCode === 408 || statusCode === 425 || statusCode === 429) {
    throw new VisionError('image.unreachable', { detail: `HTTP ${statusCode}` })
  }
  if (statusCode !== 200) throw new VisionError('image.refused', { detail: `HTTP ${statusCode}` })
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) {
      response.destroy()
      throw tooLarge(maxBytes)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** More than the allowed bytes. */
export function tooLarge(maxBytes: number): VisionError {
  const megabytes = maxBytes / 1_000_000
  return new VisionError('image.too_large', { message: `The image is larger than ${megabytes} MB.` })
}

function translate(error: unknown): VisionError {
  const detail = error instanceof Error ? error.message : String(error)
  // The filtering agent's errors carry no code of their own.
  if (/is not allowed\. Because/.test(detail)) return new VisionError('image.forbidden_address', { cause: error })
  return new VisionError('image.unreachable', { cause: error, detail })
}
