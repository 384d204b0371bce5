import { VisionError } from './errors.ts'
import type { components } from './openapi.ts'

/** What a webhook is posted, told apart by its `type`. */
export type WebhookEvent = components['schemas']['WebhookPayload']

/** The headers of a request: a `Headers`, or those of Node.js. */
export type RequestHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

export interface VerifyOptions {
  /** The secret of the webhook, or several while it is rotated. */
  readonly secret: string | readonly string[]
  /** How far its timestamp may be off, in seconds; 300 if left out. */
  readonly toleranceSeconds?: number
  /** Milliseconds since the epoch; the clock if left out. */
  readonly now?: () => number
}

const prefix = 'whsec_'

/**
 * Verifies what a webhook was posted, as Standard Webhooks says. In Node.js and wherever there is Web Crypto, which compares in
 * constant time.
 *
 * @param body as it came: the text or the bytes, before anything has parsed it
 * @returns the event
 * @throws VisionError `client.invalid_webhook`: answer with 400, and do nothing
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: RequestHeaders,
  { secret, toleranceSeconds = 300, now = Date.now }: VerifyOptions,
): Promise<WebhookEvent> {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    headerOf(headers, name),
  )
  if (!id || !timestamp || !signatures)
    throw invalid('It lacks a header: webhook-id, webhook-timestamp or webhook-signature.')
  const off = Math.abs(now() / 1000 - Number(timestamp))
  if (!/^\d{1,12}$/.test(timestamp) || off > toleranceSeconds) {
    throw invalid(`Its timestamp is more than ${toleranceSeconds} seconds off.`)
  }
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${text}`)
  const given = signatures.split(' ').flatMap((one) => (one.startsWith('v1,') ? (bytesOf(one.slice(3)) ?? []) : []))
  for (const one of typeof secret === 'string' ? [secret] : secret) {
    const bytes = bytesOf(one.startsWith(prefix) ? one.slice(prefix.length) : one)
    if (bytes === undefined || bytes.length === 0) throw invalid('The secret is none: it begins with whsec_.')
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
    for (const signature of given) {
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) return parsed(text)
    }
  }
  throw invalid('No signature fits: the secret is another one, or the body was changed, perhaps by parsing it.')
}

function headerOf(headers: RequestHeaders, name: string): string | undefined {
  if (typeof headers.get === 'function') return (headers as { get(name: string): string | null }).get(name) ?? undefined
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
  return typeof found === 'string' ? found : Array.isArray(found) ? String(found[0]) : undefined
}

/** What base64 says; undefined if it is none. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

function parsed(text: string): WebhookEvent {
  try {
    return JSON.parse(text) as WebhookEvent
  } catch (cause) {
    throw invalid('Its body is no JSON.', cause)
  }
}

function invalid(message: string, cause?: unknown): VisionError {
  return new VisionError('client.invalid_webhook', `This is no webhook to be trusted. ${message}`, { cause })
}
