import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { beforeEach, expect, inject, onTestFinished, test } from 'vitest'
import { quickImports } from '../../dev/boot/prepare.mjs'
import { start, startScript, type TestProcess, temporaryFolder } from '../dev/child-processes.ts'
import { createEmptyDatabase } from '../support/database/test-database.ts'

const script = join(import.meta.dirname, '../../cli/migrate.ts')

let dataDir: string
beforeEach(async () => {
  dataDir = join(await temporaryFolder(), 'data')
})

const run = (args: string[], env: Record<string, string> = {}): TestProcess =>
  start(process.execPath, [...quickImports, script, ...args], {
    env: { PATH: process.env.PATH, DATA_DIR: dataDir, ...env },
  })

async function emptyDatabase(): Promise<string> {
  const { url, drop } = await createEmptyDatabase()
  onTestFinished(drop)
  return url
}

async function tables(url: string): Promise<unknown[]> {
  const connection = await mysql.createConnection(url)
  const [rows] = await connection.query<mysql.RowDataPacket[]>('SHOW TABLES')
  await connection.end()
  return rows
}

test('migrates the database of DATABASE_URL once, and says so', async () => {
  const url = await emptyDatabase()
  const place = new URL(url).host + new URL(url).pathname
  const first = run([], { DATABASE_URL: url })
  expect((await first.end).code).toBe(0)
  expect(first.output()).toMatch(/^\d+ migrations? (was|were) applied to /)
  const second = run([], { DATABASE_URL: url })
  expect((await second.end).code).toBe(0)
  expect(second.output()).toBe(`${place} is up to date.\n`)
})

test('without DATABASE_URL it migrates the database of the data folder, and leaves it stopped', async () => {
  const first = run([])
  expect((await first.end).code).toBe(0)
  expect(first.output()).toMatch(/applied to 127\.0\.0\.1:\d+\/vision_pipeline/)
  expect((await readdir(dataDir)).filter((name) => /^lock|process/.test(name))).toEqual([])
})

test.each([['--help'], ['-h']])('%s prints the usage and migrates nothing', async (option) => {
  const url = await emptyDatabase()
  const help = run([option], { DATABASE_URL: url })
  expect(await help.end).toEqual({ code: 0, signal: null })
  expect(help.output()).toContain('Usage: npm run db:migrate')
  expect(await tables(url)).toEqual([])
})

test.each([['--dry-run'], ['production']])(
  '%s, which it does not know, is refused instead of migrating',
  async (word) => {
    const url = await emptyDatabase()
    const refused = run([word], { DATABASE_URL: url })
    expect((await refused.end).code).toBe(2)
    expect(refused.output()).toContain(word)
    expect(refused.output()).toContain('Usage:')
    expect(refused.output()).not.toContain('    at ')
    expect(await tables(url)).toEqual([])
  },
)

test.each([
  ['a wrong password', 'mysql://nobody:hunter2@HOST/vision', /Access denied/],
  ['nobody listening', 'mysql://nobody:hunter2@127.0.0.1:1/vision', /ECONNREFUSED/],
  ['another protocol', 'postgres://nobody:hunter2@HOST/vision', /not for MySQL/],
  ['no database', 'mysql://nobody:hunter2@HOST/', /names no database/],
  ['no URL', 'hunter2', /not a URL/],
])('a DATABASE_URL with %s is told in one line, without the password', async (_what, url, says) => {
  const refused = run([], { DATABASE_URL: url.replace('HOST', new URL(inject('databaseServer')).host) })
  expect((await refused.end).code).toBe(1)
  expect(refused.output()).toMatch(says)
  expect(refused.output().trim().split('\n')).toHaveLength(1)
  expect(refused.output()).not.toContain('hunter2')
})

test('while the stack runs it says that npm start migrates by itself', async () => {
  const holder = startScript('hold-folder.ts', [dataDir])
  await holder.says(/held/)
  const refused = run([])
  expect((await refused.end).code).toBe(1)
  expect(refused.output()).toContain(`process ${holder.pid}`)
  expect(refused.output()).toContain('Stop the stack first, or leave it: npm start migrates by itself.')
})
