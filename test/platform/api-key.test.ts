import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { formatKey, hashKey, isWholeKey, keyPattern, looksLikeKey, shownPrefixOf } from '../../core/platform/api-key.ts'

const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const extremes = [new Uint8Array(32), new Uint8Array(32).fill(255)]
const some = [...extremes, ...Array.from({ length: 50 }, () => randomBytes(32))].map(formatKey)

/** Characters that are not this one, so that a mistake is one. */
const others = (character: string) => [...letters].filter((one) => one !== character)

test('a key is a prefix and 49 letters and digits, whatever its bytes', () => {
  for (const key of some) {
    expect(key).toMatch(/^vpk_[0-9A-Za-z]{49}$/)
    expect([looksLikeKey(key), isWholeKey(key)]).toEqual([true, true])
    expect(`(${key})`.match(keyPattern)).toEqual([key])
    expect(shownPrefixOf(key)).toBe(key.slice(0, 12))
    expect(hashKey(key)).toBe(createHash('sha256').update(key).digest('hex'))
  }
  expect(new Set(some)).toHaveLength(some.length)
})

test('a known key has a known form, which another release must keep', () => {
  expect(formatKey(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(
    'vpk_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4LEf4v',
  )
})

test('a key is made of 32 bytes and nothing else', () => {
  for (const length of [0, 31, 33]) expect(() => formatKey(new Uint8Array(length))).toThrow(RangeError)
})

test('every mistake in one character is noticed, wherever it is', () => {
  for (const key of some.slice(0, 5)) {
    for (let at = 4; at < key.length; at++) {
      for (const other of others(key.charAt(at)))
        expect(isWholeKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false)
    }
  }
})

test('two characters that changed places, a part, more than the whole and odd characters are no key', () => {
  for (const key of some) {
    for (let at = 4; at + 1 < key.length; at++) {
      const swapped = key.slice(0, at) + key.charAt(at + 1) + key.charAt(at) + key.slice(at + 2)
      if (swapped !== key) expect([swapped, isWholeKey(swapped)]).toEqual([swapped, false])
    }
    for (let length = 0; length < key.length; length++) expect(isWholeKey(key.slice(0, length))).toBe(false)
    const bad = [`${key}0`, ` ${key}`, `${key}\n`, key.toUpperCase(), key.replace('vpk_', 'vpk-'), `x${key.slice(1)}`]
    for (const one of bad.filter((one) => one !== key)) expect([one, isWholeKey(one)]).toEqual([one, false])
    expect(isWholeKey(`${key.slice(0, -1)}é`)).toBe(false)
  }
})

test('what is no key at all is left to the tokens', () => {
  for (const token of ['', 'eyJhbGciOiJIUzI1NiJ9.e30.x', 'VPK_x', 'vpk', 'xvpk_'])
    expect(looksLikeKey(token)).toBe(false)
})
