import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { VisionError } from '../domain/errors.ts'
import { connectToHostOf, type Reach } from '../images/connect.ts'
import type { Attempt, AttemptError } from './attempt.ts'
import { attemptMs, readRetryAfter } from './schedule.ts'
import { checkWebhookUrl } from './url.ts'

/** How much of an answer is kept, in bytes, and how long it may take to come once its head is there, in milliseconds. */
const answerBytes = 256
const answerMs = 1_000
const maxHeaderSize = 16_384

export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface SendOptions extends Reach {
  /** Plain http to this machine: for the local stack and nothing else. */
  readonly allowLoopbackHttp: boolean
  readonly userAgent?: string | undefined
  /** Less than `attemptMs` in tests. */
  readonly timeoutMs?: number
  readonly signal: AbortSignal
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Posts to an endpoint, at a public address alone, and follows no redirect: see `connectToHostOf`.
 *
 * @returns its outcome; the only error is the signal's reason
 */
export async function postWebhook({ url: to, headers, body }: Post, options: SendOptions): Promise<Attempt> {
  const { signal, timeoutMs = attemptMs, userAgent = 'vision-pipeline', now } = options
  const limit = AbortSignal.timeout(timeoutMs)
  const either = AbortSignal.any([signal, limit])
  try {
    const url = checkWebhookUrl(to, options)
    const socket = await connectToHostOf(url, options, either)
    const response = await post(url, socket, { ...headers, 'user-agent': userAgent }, body, either)
    try {
      const status = response.statusCode ?? 0
      const answer = { status, text: await firstBytes(response) }
      const retryAfterMs = readRetryAfter(response.headers['retry-after'], now())
      return { answer, retryAfterMs, error: errorOfStatus(status) }
    } finally {
      response.destroy()
    }
  } catch (error) {
    signal.throwIfAborted()
    return { error: limit.aborted ? 'timed_out' : errorOf(error) }
  }
}

function post(
  url: URL,
  socket: Socket,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const { request, defaultPort } =
    url.protocol === 'https:'
      ? { request: https.request, defaultPort: 443 }
      : { request: http.request, defaultPort: 80 }
  const sent = request(
    url,
    {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      signal,
      defaultPort,
      maxHeaderSize,
      // Without an agent: the connection that was checked is the one that is used.
      createConnection: () => socket,
    },
    (response) => {
      sent.on('error', (error) => response.complete || response.destroy(error))
      resolve(response)
    },
  )
  sent.on('error', reject)
  sent.on('close', () => {
    socket.destroy()
    reject(new Error('the server ended the connection without a response'))
  })
  sent.end(body)
  return promise
}

/** The beginning of an answer, as text; what it is cut off in the middle of is left out. */
async function firstBytes(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  const late = setTimeout(() => response.destroy(), answerMs)
  try {
    for await (const chunk of response) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= answerBytes) break
    }
  } catch {
    // What has come is enough.
  } finally {
    clearTimeout(late)
  }
  const text = new TextDecoder().decode(Buffer.concat(chunks).subarray(0, answerBytes), { stream: true })
  return text.replaceAll('\0', '')
}

function errorOfStatus(status: number): AttemptError | undefined {
  if (status >= 200 && status < 300) return undefined
  if (status === 410) return 'gone'
  return status >= 300 && status < 400 ? 'redirected' : 'status'
}

const ofCodes: Readonly<Record<string, AttemptError>> = {
  'image.forbidden_address': 'forbidden_address',
  'webhook.invalid_url': 'forbidden_address',
  'image.untrusted_server': 'untrusted_server',
  'image.unknown_host': 'unknown_host',
}

function errorOf(error: unknown): AttemptError {
  if (error instanceof VisionError) return ofCodes[error.code] ?? 'unreachable'
  const { code = '' } = error as NodeJS.ErrnoException
  return code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE' ? 'invalid_response' : 'unreachable'
}
