import { createHash } from 'node:crypto'

/**
 * The form of an API key: a prefix that secret scanners and people recognise, 256 random bits in base 62, and the CRC-32 of
 * both in base 62, which exposes a mistyped key without a look-up. Only letters and digits follow the prefix, so that a
 * double click selects all of it.
 */
export const keyPrefix = 'vpk_'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** The lengths of 256 bits and of 32 bits in base 62. */
const secretDigits = 43
const checksumDigits = 6
const whole = /^vpk_[0-9A-Za-z]{49}$/

/** How much of a key is shown in lists: its prefix and 8 digits, which leaves 208 bits unknown. */
const shownCharacters = keyPrefix.length + 8

/** Finds keys in a text. */
export const keyPattern = /vpk_[0-9A-Za-z]{49}/g

/**
 * A key.
 *
 * @param secret 32 random bytes
 */
export function formatKey(secret: Uint8Array): string {
  if (secret.length !== 32) throw new RangeError('an API key is made of 32 random bytes')
  const body = keyPrefix + inBase62(BigInt(`0x${Buffer.from(secret).toString('hex')}`), secretDigits)
  return body + checksumOf(body)
}

/** Whether a bearer token is meant to be an API key: no JWT begins like one. */
export function looksLikeKey(token: string): boolean {
  return token.startsWith(keyPrefix)
}

/** Whether a key is complete and not mistyped. It may still not exist. */
export function isWholeKey(token: string): boolean {
  if (!whole.test(token)) return false
  const body = token.slice(0, -checksumDigits)
  return token.slice(-checksumDigits) === checksumOf(body)
}

/** The stored form of a key: its SHA-256, in 64 hex digits. 256 random bits cannot be guessed, so no salt is needed. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** The visible part of a key, by which its owner recognises it. */
export function shownPrefixOf(key: string): string {
  return key.slice(0, shownCharacters)
}

function checksumOf(body: string): string {
  // Not imported: see docs/decisions/0013-bundles.md.
  const { crc32 } = process.getBuiltinModule('node:zlib')
  return inBase62(BigInt(crc32(body)), checksumDigits)
}

function inBase62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; rest > 0n; rest /= 62n) text = digits.charAt(Number(rest % 62n)) + text
  return text.padStart(length, '0')
}
