import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import { VisionError } from '../../core/domain/errors.ts'
import { createKeyCheck, keyCacheMs, keysAQuery, maxRefused, maxWaiting } from '../../core/keys/check.ts'
import { createKey, listKeys, revokeKey } from '../../core/keys/keys.ts'
import { formatKey } from '../../core/platform/api-key.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeEach(({ db }) => {
  database = db
})

const make = async (changes: Partial<Parameters<typeof createKey>[1]> = {}) =>
  createKey(database, { userId: 'ann', name: 'Test', scopes: ['read'], ...changes }, randomBytes)

/** A check with a clock that stands, and its queries counted; `hold` makes them wait. */
function checkWith() {
  let now = 1_000_000
  const forward = (ms: number) => {
    now += ms
  }
  const seen = { reads: 0, writes: 0, now: forward, hold: Promise.resolve() }
  const counted: Database = {
    ...database,
    run: async (work, options) => {
      seen.reads++
      await seen.hold
      return database.run(work, options)
    },
    transact: (work, landed) => {
      seen.writes++
      return database.transact(work, landed)
    },
  }
  return { check: createKeyCheck(counted, { now: () => now }), seen }
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'it was let in',
    (error) => (error instanceof VisionError ? `${error.code}: ${error.message}` : String(error)),
  )

test('a key lets its user in, with its scopes, and is asked for once in half a minute', async () => {
  const { key, row } = await make({ scopes: ['operator', 'read'] })
  const { check, seen } = checkWith()
  const actor = await check(key)
  expect(actor).toEqual({ userId: 'ann', scopes: new Set(['read', 'operator']), key: { id: row.id } })
  seen.now(keyCacheMs - 1)
  expect(await check(key)).toEqual(actor)
  expect(seen.reads).toBe(1)
  seen.now(1)
  await check(key)
  expect(seen.reads).toBe(2)
})

test('a revoked key is refused within half a minute, and by a process that did not know it at once', async () => {
  expect(keyCacheMs).toBeLessThanOrEqual(30_000)
  const { key, row } = await make()
  const { check, seen } = checkWith()
  await check(key)
  await revokeKey(database, row.id, 'ann')
  expect(await refusal(checkWith().check(key))).toMatch(/^request.unauthenticated: There is no such API key/)
  seen.now(keyCacheMs)
  expect(await refusal(check(key))).toMatch(/^request.unauthenticated: There is no such API key/)
})

test('what is remembered holds no longer when the clock is put back', async () => {
  const { key, row } = await make()
  const { check, seen } = checkWith()
  await check(key)
  await revokeKey(database, row.id)
  seen.now(-3_600_000)
  expect(await refusal(check(key))).toContain('no such API key')
})

test('a key that expires is refused from then on, by the clock of the database, however fresh its memory', async () => {
  const { key } = await make({ expiresInDays: 1 })
  const { check, seen } = checkWith()
  await database.sql('UPDATE vision_api_keys SET expires_at = UTC_TIMESTAMP(3) + INTERVAL 20 SECOND')
  await check(key)
  seen.now(20_000)
  await database.sql('UPDATE vision_api_keys SET expires_at = UTC_TIMESTAMP(3)')
  expect(await refusal(check(key))).toBe('request.unauthenticated: The API key has expired.')
  expect(seen.reads).toBe(2)
})

test('a mistyped key costs no query, and says that it is mistyped', async () => {
  const { key } = await make()
  const { check, seen } = checkWith()
  const last = key.endsWith('0') ? '1' : '0'
  for (const bad of [key.slice(0, -1), `${key.slice(0, -1)}${last}`, `${key}0`, 'vpk_', key.replace('_', '__')])
    expect([bad, await refusal(check(bad))]).toEqual([bad, expect.stringContaining('checksum')])
  expect(seen.reads).toBe(0)
})

test('unknown keys push no good one out, and are asked for once while they are remembered', async () => {
  const { key } = await make()
  const { check, seen } = checkWith()
  await check(key)
  const unknown = Array.from({ length: maxRefused + 10 }, () => formatKey(randomBytes(32)))
  for (let at = 0; at < unknown.length; at += 505)
    await Promise.all(unknown.slice(at, at + 505).map((one) => refusal(check(one))))
  const asked = seen.reads
  await check(key)
  await refusal(check(unknown.at(-1) ?? ''))
  expect(seen.reads).toBe(asked)
  // The first of them has made room for the last.
  await refusal(check(unknown[0] ?? ''))
  expect(seen.reads).toBe(asked + 1)
})

test('a storm of unknown keys is asked for together, one query at a time, and those that are too many are told so', async () => {
  const { check, seen } = checkWith()
  const { promise, resolve } = Promise.withResolvers<void>()
  seen.hold = promise
  const first = refusal(check(formatKey(randomBytes(32))))
  const waiting = Array.from({ length: maxWaiting }, () => refusal(check(formatKey(randomBytes(32)))))
  const { key } = await make()
  expect(await refusal(check(key))).toBe('auth.unavailable: Too many API keys are being checked. Try again.')
  expect(seen.reads).toBe(1)
  resolve()
  for (const one of [await first, ...(await Promise.all(waiting))]) expect(one).toContain('no such API key')
  expect(seen.reads).toBe(1 + maxWaiting / keysAQuery)
  expect((await check(key)).userId).toBe('ann')
})

test('calls with the same key at once are one query', async () => {
  const { key } = await make()
  const { check, seen } = checkWith()
  const actors = await Promise.all(Array.from({ length: 50 }, () => check(key)))
  expect([new Set(actors.map(({ userId }) => userId)), seen.reads]).toEqual([new Set(['ann']), 1])
})

test('while the database does not answer no key is accepted or refused, and nothing is cached', async () => {
  const { key } = await make()
  const { check, seen } = checkWith()
  seen.hold = Promise.reject(new VisionError('database.unavailable'))
  expect(await refusal(check(key))).toMatch(/^database.unavailable/)
  seen.hold = Promise.resolve()
  expect((await check(key)).userId).toBe('ann')
})

test('when a key was last used is written once in ten minutes, and waits for no lock', async () => {
  const { key, row } = await make()
  const { check, seen } = checkWith()
  const used = async () => (await listKeys(database, 'ann'))[0]?.lastUsedAt
  expect(await used()).toBeNull()
  await check(key)
  const first = await used()
  expect(first).toBeInstanceOf(Date)
  seen.now(keyCacheMs)
  await check(key)
  expect([await used(), seen.writes]).toEqual([first, 1])
  await database.sql('UPDATE vision_api_keys SET last_used_at = last_used_at - INTERVAL 11 MINUTE')
  seen.now(keyCacheMs)
  await database.transact(async (tx) => {
    await tx.execute(`SELECT id FROM vision_api_keys WHERE id = ${row.id} FOR UPDATE`)
    await check(key)
  })
  expect(((await used())?.getTime() ?? 0) < (first?.getTime() ?? 0)).toBe(true)
  seen.now(keyCacheMs)
  await check(key)
  expect(((await used())?.getTime() ?? 0) >= (first?.getTime() ?? 0)).toBe(true)
})
