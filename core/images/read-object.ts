import http from 'node:http'
import https from 'node:https'
import { race } from '../platform/async.ts'
import { tooLarge } from './body.ts'
import type { Presigner } from './presign.ts'
import type { TimeLimit } from './time-limit.ts'

/** Reads objects over connections that it keeps. */
export interface ObjectReader {
  /**
   * @returns `forbidden` (403, and not for the time on our clock) or `failed` if the server's first answer is not the whole object: what it means, and whether it is asked
   *   again, is the SDK's
   * @throws VisionError `image.too_large`; what breaks once bytes come, as Node.js throws it
   */
  read(
    key: string,
    maxBytes: number,
    signal: AbortSignal,
    limit: TimeLimit,
    reserve: ((bytes: number) => Promise<void>) | undefined,
  ): Promise<Uint8Array | 'forbidden' | 'failed'>
  close(): void
}

/** How long a link is good for that is used at once, in seconds: buckets bear with a clock that is so much off. */
const linkSeconds = 900
/** The most connections, as many as the SDK's. */
const maxSockets = 50

/**
 * Reads by links that it signs, without the SDK: a GET by that takes three times the processor, and its first a seventh of a second for
 * loading.
 *
 * @param now milliseconds since the epoch
 */
export function createObjectReader(presigner: Presigner, now: () => number = Date.now): ObjectReader {
  const kept = { keepAlive: true, maxSockets }
  const agents = { 'http:': new http.Agent(kept), 'https:': new https.Agent(kept) }
  const send = async (key: string, signal: AbortSignal): Promise<http.IncomingMessage> => {
    const url = new URL(await presigner.presignRead(key, { signedAt: new Date(now()), seconds: linkSeconds }))
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
    const isPlain = url.protocol === 'http:'
    const sent = (isPlain ? http : https).get(url, { agent: agents[isPlain ? 'http:' : 'https:'], signal }, resolve)
    sent.on('error', reject)
    // Node.js tells a request of its end only once there is a connection for it.
    return race(promise, signal)
  }
  return {
    read: async (key, maxBytes, signal, limit, reserve) => {
      const response = await send(key, signal).catch(() => undefined)
      signal.throwIfAborted()
      const length = Number(response?.headers['content-length'])
      if (response?.statusCode !== 200 || !Number.isSafeInteger(length)) {
        response?.destroy()
        const off = Math.abs(now() - Date.parse(response?.headers.date ?? ''))
        return response?.statusCode === 403 && !(off >= linkSeconds * 1_000) ? 'forbidden' : 'failed'
      }
      try {
        if (length > maxBytes) throw tooLarge(maxBytes, length)
        if (reserve) await limit.without(() => reserve(length))
        return await collect(response, length)
      } catch (error) {
        response.destroy()
        throw error
      }
    },
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

/** The parser holds the body to its length. */
function collect(response: http.IncomingMessage, length: number): Promise<Uint8Array> {
  // It may have broken while there was no room; nothing would tell of it any more.
  if (response.destroyed) throw new Error('the connection ended before the body')
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  // Of its own memory: a small part of Node.js' pool would keep all of that.
  const bytes = Buffer.allocUnsafeSlow(length)
  let at = 0
  response.on('data', (chunk: Buffer) => {
    at += chunk.copy(bytes, at)
  })
  response.on('end', () => resolve(bytes))
  response.on('error', reject)
  response.on('close', () => reject(new Error('the connection ended within the body')))
  return promise
}
