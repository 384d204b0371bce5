import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import mysql from 'mysql2/promise'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { handler } from '../../functions/migrate.ts'
import { startProxy } from '../support/database/proxy.ts'
import { createEmptyDatabase } from '../support/database/test-database.ts'
import { bundle } from '../support/functions/bundle.ts'

let url: string
let drop: () => Promise<void>
beforeEach(async () => {
  ;({ url, drop } = await createEmptyDatabase())
  vi.stubEnv('DATABASE_URL', url)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await drop()
})

test('the deployment has the migrations applied, once', async () => {
  const { applied } = await handler({ mode: 'apply' })
  expect(applied).toBeGreaterThanOrEqual(1)
  expect(await handler({ mode: 'apply' })).toEqual({ applied: 0 })
})

test('two calls at once both succeed, however long the first one takes: the second waits for as long as it may run', async () => {
  const context = { getRemainingTimeInMillis: () => 900_000 }
  const counts = await Promise.all([handler({ mode: 'apply' }, context), handler({ mode: 'apply' }, context)])
  expect(counts.map(({ applied }) => applied > 0).toSorted()).toEqual([false, true])
  const connection = await mysql.createConnection(url)
  // The server may still be giving back what the second call held: its connection has only just been closed.
  const [held] = await connection.query(
    "SELECT GET_LOCK(CONCAT('vision-migrate:', LEFT(SHA2(DATABASE(), 256), 40)), 10) AS held",
  )
  expect(held).toEqual([{ held: 1 }])
  // With 121 s left there is one to wait in.
  await expect(handler({ mode: 'apply' }, { getRemainingTimeInMillis: () => 121_000 })).rejects.toThrow(
    /Another migration has held the lock for 1 s/,
  )
  await connection.end()
})

test('where they are applied from outside it fails until they are, and changes nothing', async () => {
  await expect(handler({ mode: 'check' })).rejects.toThrow(/lacks \d+ of the migrations: 0000_queue/)
  await expect(handler({ mode: 'check' })).rejects.toThrow('__drizzle_migrations')
  const connection = await mysql.createConnection(url)
  const [tables] = await connection.query('SHOW TABLES')
  await connection.end()
  expect(tables).toEqual([])
  await handler({ mode: 'apply' })
  expect(await handler({ mode: 'check' })).toEqual({ applied: 0 })
})

test('a database that is not up yet is waited for', async () => {
  const proxy = await startProxy(url)
  try {
    await proxy.refuse()
    vi.stubEnv('DATABASE_URL', proxy.url(url))
    await expect(handler({ mode: 'apply' })).rejects.toThrow('cannot be migrated')
    const migrating = handler({ mode: 'apply', patienceSeconds: 60 })
    await delay(1_500)
    await proxy.resume()
    expect((await migrating).applied).toBeGreaterThanOrEqual(1)
  } finally {
    await proxy.close()
  }
})

test('a password that is wrong is not tried again', async () => {
  const wrong = new URL(url)
  wrong.username = 'nobody'
  wrong.password = 'hidden-password'
  vi.stubEnv('DATABASE_URL', wrong.href)
  await expect(handler({ mode: 'apply', patienceSeconds: 600 })).rejects.toThrow('Access denied')
})

test('a database that is not to be had fails the call, without its password', async () => {
  vi.stubEnv('DATABASE_URL', 'mysql://ann:hidden-password@127.0.0.1:1/vision')
  const error = await handler({ mode: 'check' }).catch(String)
  expect(error).toContain('MigrationError: The database cannot be migrated')
  expect(error).not.toContain('hidden-password')
})

test('no other mode is guessed', async () => {
  await expect(handler({ mode: 'drop' })).rejects.toThrow('mode')
})

test('as it is bundled, with the files beside it, it does so from its own folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vision-migrate-'))
  try {
    await bundle('migrate', folder)
    await cp('drizzle/migrations', join(folder, 'drizzle/migrations'), { recursive: true })
    const module = JSON.stringify('./migrate.mjs')
    const call = `console.log(JSON.stringify(await (await import(${module})).handler({ mode: 'apply' })))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', call], {
      cwd: folder,
      env: { DATABASE_URL: url },
    })
    expect(JSON.parse(stdout).applied).toBeGreaterThanOrEqual(1)
    expect(await handler({ mode: 'check' })).toEqual({ applied: 0 })
  } finally {
    await rm(folder, { recursive: true })
  }
})
