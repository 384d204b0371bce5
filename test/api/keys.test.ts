import { randomBytes } from 'node:crypto'
import { afterAll, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { createKey, maxKeys, revokeKey } from '../../core/keys/keys.ts'
import { formatKey, hashKey } from '../../core/platform/api-key.ts'
import type { Scope } from '../../core/platform/auth.ts'
import { createLog } from '../../core/platform/log.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const ann = { as: 'ann' }
const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } })
const makeKey = async (scopes: readonly Scope[], more: object = {}) =>
  createKey(api.database, { userId: 'ann', name: 'Test', scopes, ...more }, randomBytes)

test('a key is made, shown once, used, listed and revoked', async () => {
  const made = await api.call('POST', '/v1/keys', { ...ann, body: { name: ' Shop ', expiresInDays: 30 } })
  expect(made.status).toBe(201)
  const { key, ...view } = await json(made)
  expect(view).toEqual({
    keyId: expect.any(Number),
    name: 'Shop',
    prefix: key.slice(0, 12),
    scopes: ['read', 'write'],
    createdAt: expect.any(String),
    expiresAt: expect.any(String),
    lastUsedAt: null,
    madeByKeyId: null,
  })
  expect(Date.parse(view.expiresAt) - Date.parse(view.createdAt)).toBe(30 * 86_400_000)

  const created = await api.call('POST', '/v1/jobs', { ...withKey(key), body: job })
  expect(created.status).toBe(201)
  const { jobId } = await json(created)
  expect((await json(api.call('GET', `/v1/jobs/${jobId}`, ann))).jobId).toBe(jobId)

  const listed = await json(api.call('GET', '/v1/keys', withKey(key)))
  expect(listed).toEqual({ keys: [{ ...view, lastUsedAt: expect.any(String) }] })
  expect(JSON.stringify(listed)).not.toContain(key)
  const [row] = await api.database.sql('SELECT * FROM vision_api_keys')
  expect(JSON.stringify(row)).not.toContain(key)
  expect(row).toMatchObject({ hash: hashKey(key) })

  expect((await api.call('DELETE', `/v1/keys/${view.keyId}`, withKey(key))).status).toBe(204)
  expect((await json(api.call('DELETE', `/v1/keys/${view.keyId}`, ann))).code).toBe('key.not_found')
  expect(await json(api.call('GET', '/v1/keys', ann))).toEqual({ keys: [] })
})

test('a key works over tRPC, and for a stream, and a query or another scheme is no place for it', async () => {
  const { key } = await makeKey(['read', 'write'])
  const client = api.client('nobody', { headers: { authorization: `Bearer ${key}` } })
  const { jobId } = await client.createJob.mutate(job)
  const stream = await api.call('GET', `/v1/jobs/${jobId}/events`, withKey(key))
  expect(stream.status).toBe(200)
  await stream.body?.cancel()
  for (const path of [`/v1/jobs?key=${key}`, `/v1/jobs?access_token=${key}`, `/v1/jobs/${jobId}/events?ticket=${key}`])
    expect([path, (await api.call('GET', path)).status]).toEqual([path, 401])
  for (const authorization of [key, `Basic ${key}`, `Bearer ${key} x`, `Bearer x${key}`])
    expect((await api.call('GET', '/v1/jobs', { headers: { authorization } })).status).toBe(401)
})

test("another user's keys are as good as none", async () => {
  const { row } = await makeKey(['read'])
  expect(await json(api.call('GET', '/v1/keys', { as: 'bob' }))).toEqual({ keys: [] })
  expect((await json(api.call('DELETE', `/v1/keys/${row.id}`, { as: 'bob' }))).code).toBe('key.not_found')
  expect((await json(api.call('GET', '/v1/keys', ann))).keys).toHaveLength(1)
})

test('a key cannot have more scopes than its creator', async () => {
  const cases: [readonly Scope[], readonly Scope[], number][] = [
    [['write'], ['write'], 201],
    [['write'], ['read'], 403],
    [['read', 'write'], ['read', 'write'], 201],
    [['read', 'write'], ['read', 'operator'], 403],
    [['write', 'operator'], ['operator'], 201],
    [['read', 'operator'], ['read'], 403],
  ]
  for (const [own, wanted, status] of cases) {
    const { key, row } = await makeKey(own)
    const reply = await api.call('POST', '/v1/keys', { ...withKey(key), body: { name: 'x', scopes: wanted } })
    expect([own, wanted, reply.status]).toEqual([own, wanted, status])
    if (status === 201) expect(await json(reply)).toMatchObject({ madeByKeyId: row.id, scopes: wanted })
  }
  const token = (scopes: readonly string[]) =>
    api.call('POST', '/v1/keys', { ...ann, scopes, body: { name: 'x', scopes: ['operator'] } })
  expect([(await token([])).status, (await token(['operator'])).status]).toEqual([403, 201])
})

test('a key makes none that outlives it, and one that was revoked makes none although it is remembered', async () => {
  const { key, row } = await makeKey(['write'], { expiresInDays: 7 })
  const make = (body: object) =>
    api.call('POST', '/v1/keys', { ...withKey(key), body: { name: 'x', scopes: ['write'], ...body } })
  expect((await make({})).status).toBe(403)
  expect((await make({ expiresInDays: 8 })).status).toBe(403)
  expect((await make({ expiresInDays: 6 })).status).toBe(201)
  await revokeKey(api.database, row.id)
  expect((await make({ expiresInDays: 6 })).status).toBe(401)
})

test('a user cannot exceed the number of keys, also with concurrent calls', async () => {
  for (let made = 0; made < maxKeys - 2; made++) await makeKey(['read'])
  const replies = await Promise.all(
    Array.from({ length: 6 }, () => api.call('POST', '/v1/keys', { ...ann, body: { name: 'x' } })),
  )
  expect(replies.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409, 409])
  expect((await api.call('POST', '/v1/keys', { as: 'bob', body: { name: 'x' } })).status).toBe(201)
})

test.each([
  [{}, '#/name'],
  [{ name: ' ' }, '#/name'],
  [{ name: 'x'.repeat(101) }, '#/name'],
  [{ name: 'x', scopes: [] }, '#/scopes'],
  [{ name: 'x', scopes: ['admin'] }, '#/scopes/0'],
  [{ name: 'x', scopes: ['read', 'read'] }, '#/scopes'],
  [{ name: 'x', expiresInDays: 0 }, '#/expiresInDays'],
  [{ name: 'x', expiresInDays: 1.5 }, '#/expiresInDays'],
  [{ name: 'x', expiresInDays: 4000 }, '#/expiresInDays'],
  [{ name: 'x', userId: 'bob' }, '#/userId'],
])('%j is refused, with the place', async (body, pointer) => {
  const reply = await api.call('POST', '/v1/keys', { ...ann, body })
  expect([reply.status, (await json(reply)).errors[0].pointer]).toEqual([400, pointer])
})

test('no line of the log has a key, wherever a caller puts it', async () => {
  const lines: string[] = []
  const log = createLog({
    level: 'debug',
    service: 'test',
    secrets: [],
    write: (line) => lines.push(line),
    now: Date.now,
  })
  const app = createApp({ ...api.services, log })
  const [known, unknown] = [(await makeKey(['read'])).key, formatKey(randomBytes(32))]
  const mistyped = `${unknown.slice(0, -6)}000000`
  for (const key of [known, unknown, mistyped]) {
    const headers = { authorization: `Bearer ${key}` }
    const made = await app.request('/v1/keys', { method: 'POST', headers, body: '{"name":"x"}' })
    expect(made.status).toBeGreaterThan(400)
    await app.request(`/v1/jobs/${key}?key=${key}`, { headers })
    await app.request(`/v1/${key}`, { method: 'PUT', headers: { ...headers, 'x-key': key } })
    await app.request('/v1/jobs', { headers: { authorization: `Token ${key}` } })
    await app.request(`/api/trpc/visionPipeline.${key}`, { headers })
    log('error', key, { deep: { key: [`${key}.`] } })
  }
  expect(lines.length).toBeGreaterThan(12)
  const written = lines.join('\n')
  for (const key of [known, unknown, mistyped]) {
    expect(written).not.toContain(key)
    // What may be said of a key is its beginning.
    expect(written).not.toContain(key.slice(0, 14))
  }
  expect(written).toContain(`${unknown.slice(0, 12)}[secret]`)
})
