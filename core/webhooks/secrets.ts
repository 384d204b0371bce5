import { createHmac } from 'node:crypto'
import type { SigningSecret } from '../../drizzle/schema.ts'
import type { RandomBytes } from '../platform/trace.ts'

// Standard Webhooks, version 1: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

/** What every secret begins with. */
const prefix = 'whsec_'

/** How many secrets may be valid at a time. */
export const maxSecrets = 4

/** A new secret: 256 random bits. */
export function newSecret(randomBytes: RandomBytes): string {
  return `${prefix}${Buffer.from(randomBytes(32)).toString('base64')}`
}

/** @param now milliseconds since the epoch */
export function validSecrets(secrets: readonly SigningSecret[], now: number): readonly SigningSecret[] {
  return secrets.filter(({ validUntil }) => validUntil === null || validUntil > now)
}

export interface Message {
  /** The same with every attempt. */
  readonly id: string
  /** Of the attempt, in seconds since the epoch. */
  readonly timestamp: number
  readonly body: string
}

/** The headers of a message: a signature for each secret, so that either works while one follows the other. */
export function signedHeaders({ id, timestamp, body }: Message, secrets: readonly string[]): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}
