// @module-tag long
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { signToken } from '../../core/platform/auth.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../dev/emulators/providers/server.ts'
import { type Stack, startStack } from '../../dev/stack.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { rehearse } from './runbook.ts'

// Pausing and resuming, and a provider's key that is revoked too early, by the very lines of docs/deploying.md.

const secret = 'a secret of the rehearsal, 32 bytes or more'

vi.setConfig({ testTimeout: 120_000 })

let folder: string
let database: TestDatabase
let providers: ProviderEmulators
let stack: Stack
let place: Parameters<typeof rehearse>[1]
let image: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pause-'))
  // Its own: a stack runs on it between the tests.
  database = await createTestDatabase()
  providers = await startProviderEmulators()
  image = await fixtureUrl('halves.png', 'image/png')
  place = { folder, env: { DATABASE_URL: database.url } }
  stack = await startStack({
    env: {
      DATABASE_URL: database.url,
      AUTH_SECRET: secret,
      GEMINI_API_KEY: 'emulated',
      GEMINI_BASE_URL: providers.geminiBaseUrl,
      DEEPSEEK_API_KEY: 'emulated',
      DEEPSEEK_BASE_URL: providers.deepseekBaseUrl,
    },
    port: 0,
    dataDir: `${folder}/data`,
    say: () => undefined,
  })
})
afterAll(async () => {
  await stack.stop()
  await providers.stop()
  await database.drop()
  await rm(folder, { recursive: true })
})

async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const token = await signToken(secret, { userId: 'ann', scopes: [], lifeSeconds: 600, now: Date.now() })
  const response = await fetch(`${stack.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  expect(response.ok).toBe(true)
  return (await response.json()) as Record<string, unknown>
}
const create = async () =>
  Number((await call('POST', '/v1/jobs', { imageUrl: image, analysisPurpose: 'x', outputFormat: 'summary' })).jobId)
const stateOf = async (id: number) => {
  const { status, step } = await call('GET', `/v1/jobs/${id}`)
  return { status, step }
}
const ended = (id: number) => expect.poll(() => stateOf(id), { timeout: 60_000 }).toMatchObject({ status: 'completed' })

test('a provider that is paused holds up what needs it next, and nothing else', async () => {
  await rehearse('pause one provider', place)
  const before = providers.calls.counts()
  const id = await create()
  await expect.poll(() => stateOf(id)).toMatchObject({ status: 'pending', step: 'content' })
  expect(providers.calls.counts().deepseek.total).toBe(before.deepseek.total)
  await rehearse('resume one provider', place)
  await ended(id)
})

test('a fleet that is paused takes calls, claims nothing, and goes on', async () => {
  const [, status] = await rehearse('pause everything', place)
  expect(status).toMatch(/claiming: paused by cli:\S+ .*maintenance of the database/)
  const before = providers.calls.counts()
  const ids = [await create(), await create()]
  // It looks at the queue every second or so, and reports every few.
  const reports = () => database.sql('SELECT MAX(last_heartbeat_at) AS at FROM vision_workers')
  const seen = await reports()
  await expect.poll(reports, { timeout: 60_000 }).not.toEqual(seen)
  for (const id of ids) expect(await stateOf(id)).toMatchObject({ status: 'pending', step: 'analysis' })
  expect(providers.calls.counts()).toEqual(before)
  await rehearse('resume everything', place)
  for (const id of ids) await ended(id)
})

test('a key that was revoked before the new one was there fails no job', async () => {
  providers.faults.add({ provider: 'deepseek', kind: 'unauthorized', times: 'unlimited' })
  const id = await create()
  await expect
    .poll(() => database.sql("SELECT backoff_code AS code FROM vision_provider_states WHERE provider = 'deepseek'"))
    .toEqual([{ code: 'content.misconfigured' }])
  expect((await stateOf(id)).status).not.toBe('failed')
  providers.faults.clear()
  await rehearse('resume one provider', place)
  await ended(id)
})
