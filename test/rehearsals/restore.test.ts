// @module-tag long
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { skipIds } from '../../cli/skip-ids-command.ts'
import { signToken } from '../../core/platform/auth.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../dev/emulators/providers/server.ts'
import { type Stack, startStack } from '../../dev/stack.ts'
import { runHere } from '../cli/run-command.ts'
import { createEmptyDatabase } from '../support/database/test-database.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { rehearse } from './runbook.ts'

vi.setConfig({ testTimeout: 120_000 })

// Putting a copy of the database back, by the very lines of docs/deploying.md.

const secret = 'a secret of the rehearsal, 32 bytes or more'
// Those of the server's own make come first.
const PATH = [inject('databasePrograms'), process.env.PATH].filter(Boolean).join(':')
const hasClients = ['mysqldump', 'mysql'].every((tool) => {
  try {
    return execFileSync(tool, ['--version'], { stdio: 'ignore', env: { PATH } }) === null
  } catch {
    return false
  }
})

// .ci/run installs them.
describe.skipIf(!hasClients)('a copy of the database that is put back', () => {
  let folder: string
  let providers: ProviderEmulators
  let old: Awaited<ReturnType<typeof createEmptyDatabase>>
  let restoredUrl: string
  let admin: Connection
  let stack: Stack | undefined
  let image: string
  const restored = `test_${randomUUID().replaceAll('-', '')}`

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restore-'))
    providers = await startProviderEmulators()
    old = await createEmptyDatabase()
    image = await fixtureUrl('halves.png', 'image/png')
    const server = new URL(inject('databaseServer'))
    admin = await mysql.createConnection({ uri: server.href, timezone: 'Z' })
    server.pathname = `/${restored}`
    restoredUrl = server.href
    const access = { host: server.hostname, port: server.port, user: server.username, password: server.password }
    const options = Object.entries(access).flatMap(([key, value]) =>
      value ? [`${key}=${decodeURIComponent(value)}`] : [],
    )
    for (const name of ['old.cnf', 'new.cnf']) {
      await writeFile(join(folder, name), ['[client]', ...options, ''].join('\n'), { mode: 0o600 })
    }
  })
  afterAll(async () => {
    await stack?.stop()
    await providers.stop()
    await admin.query(`DROP DATABASE IF EXISTS ${restored}`)
    await admin.end()
    await old.drop()
    await rm(folder, { recursive: true })
  })

  /** The product with a database, and with the bucket that outlives it. */
  const start = (url: string) =>
    startStack({
      env: {
        DATABASE_URL: url,
        AUTH_SECRET: secret,
        GEMINI_API_KEY: 'emulated',
        GEMINI_BASE_URL: providers.geminiBaseUrl,
        DEEPSEEK_API_KEY: 'emulated',
        DEEPSEEK_BASE_URL: providers.deepseekBaseUrl,
      },
      port: 0,
      dataDir: join(folder, 'data'),
      say: () => undefined,
    })
  const call = async (method: string, path: string, body?: object) => {
    const token = await signToken(secret, { userId: 'ann', scopes: [], lifeSeconds: 600, now: Date.now() })
    const response = await fetch(`${stack?.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const create = async (analysisPurpose: string): Promise<number> => {
    const { body } = await call('POST', '/v1/jobs', { imageUrl: image, analysisPurpose, outputFormat: 'summary' })
    return Number(body.jobId)
  }
  const stateOf = async (id: number) => {
    const { body } = await call('GET', `/v1/jobs/${id}`)
    return body.status === 'pending' ? `pending: ${body.step}` : body.status
  }
  const analyses = () => providers.calls.counts().gemini.total
  const query = async (sql: string) => (await admin.query<RowDataPacket[]>(sql))[0]

  test('has no id twice, claims nothing before it was looked at, and then goes on where it was', async () => {
    const place = {
      folder,
      env: { PATH, OLD: new URL(old.url).pathname.slice(1), NEW: restored, DATABASE_URL: old.url },
    }
    stack = await start(old.url)
    const done = await create('one that ended')
    await expect.poll(() => stateOf(done)).toBe('completed')
    await rehearse('pause one provider', place)
    const halfway = await create('one that waits for a provider')
    await expect.poll(() => stateOf(halfway)).toBe('pending: content')
    providers.faults.add({ provider: 'gemini', kind: 'hang', times: 1, match: 'one that runs' })
    const running = await create('one that runs')
    await expect.poll(() => providers.calls.counts().gemini.outcomes).toMatchObject({ answered: 2, hang: 1 })
    expect(await stateOf(running)).toBe('processing')
    await rehearse('back up', place)

    const lost = await create('one that was made since')
    await stack.stop()
    stack = undefined
    const analysesBefore = analyses()
    await rehearse('restore', { folder, env: { ...place.env, DATABASE_URL: restoredUrl } })
    stack = await start(restoredUrl)

    // Paused: nothing of the old state is touched.
    expect(await stateOf(done)).toBe('completed')
    expect(await stateOf(halfway)).toBe('pending: content')
    expect(await stateOf(running)).toBe('processing')
    expect((await call('GET', `/v1/jobs/${lost}`)).status).toBe(404)
    const { body } = await call('GET', `/v1/jobs/${done}`)
    const link = (body.image as { url: string }).url
    expect((await fetch(link)).status).toBe(200)
    const next = await create('one that was made after all')
    expect(next).toBeGreaterThan(lost)
    // The clock of its lease: a minute.
    await query(`UPDATE ${restored}.vision_jobs SET lease_expires_at = UTC_TIMESTAMP(3) WHERE id = ${running}`)
    expect(analyses()).toBe(analysesBefore)

    const env = { ...place.env, DATABASE_URL: restoredUrl }
    const [status] = await rehearse('go on', { folder, env })
    expect(status).toMatch(/claiming: paused by cli:\S+ .*restored from a backup/)
    await rehearse('resume one provider', { folder, env })
    for (const id of [halfway, running, next])
      await expect.poll(() => stateOf(id), { timeout: 60_000 }).toBe('completed')
    // An analysis that was paid for before the copy is not paid for again; the run that was under way is.
    expect(analyses()).toBe(analysesBefore + 2)
    const attempts = await query(
      `SELECT outcome FROM ${restored}.vision_job_attempts WHERE job_id = ${running} ORDER BY id`,
    )
    expect(attempts.at(-1)?.outcome).toBe('completed')
    expect(attempts.length).toBeGreaterThan(1)
  })
})

describe('npm run db:skip-ids', () => {
  test.each([
    [['--by', '0'], /--by must be a whole number from 1/],
    [['--by', '1.5'], /not '1.5'/],
    [['--up', '1'], /Unknown option '--up'/],
    [[], /DATABASE_URL is missing: the restored database/],
  ])('%j is refused with what to change', async (args, message) => {
    const { code, output } = await runHere(skipIds, args, {})
    expect([code, output]).toEqual([2, expect.stringMatching(message)])
  })
})
