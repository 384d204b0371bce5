import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { beforeEach, expect, inject, onTestFinished, test } from 'vitest'
import { migrate } from '../../cli/migrate-command.ts'
import { openDataFolder } from '../../dev/data/data-folder.ts'
import { startDatabase } from '../../dev/database/start-database.ts'
import { startScript, temporaryFolder } from '../dev/child-processes.ts'
import { createEmptyDatabase } from '../support/database/test-database.ts'
import { putServerData } from '../support/dev/server-data.ts'
import { runHere, runProcess } from './run-command.ts'

let dataDir: string
beforeEach(async () => {
  dataDir = join(await temporaryFolder(), 'data')
})

const environment = (env: Record<string, string>) => ({ PATH: process.env.PATH, DATA_DIR: dataDir, ...env })
const run = (args: string[], env: Record<string, string> = {}) => runHere(migrate, args, environment(env))

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
  const first = await runProcess('migrate.ts', [], environment({ DATABASE_URL: url }))
  expect(first.code).toBe(0)
  expect(first.output).toMatch(/^\d+ migrations? (was|were) applied to /)
  const second = await run([], { DATABASE_URL: url })
  expect(second.code).toBe(0)
  expect(second.output).toBe(`${place} is up to date.\n`)
})

test('without DATABASE_URL it migrates the database of the data folder, and leaves it stopped', {
  tags: 'long',
}, async () => {
  await putServerData(dataDir)
  const folder = await openDataFolder(dataDir)
  await (await startDatabase({ folder, env: { PATH: process.env.PATH }, log: () => undefined })).stop()
  await folder.release()
  const { code, output } = await run([])
  expect([code, output]).toEqual([0, expect.stringMatching(/applied to 127\.0\.0\.1:\d+\/vision_pipeline/)])
  expect((await readdir(dataDir)).filter((name) => /^lock|process/.test(name))).toEqual([])
})

test('a data folder that is not there, or holds no database, is named and left alone', async () => {
  const folder = await temporaryFolder()
  for (const mistyped of [join(folder, 'dtaa'), folder]) {
    const { code, output } = await run([], { DATA_DIR: mistyped })
    expect([code, output]).toEqual([1, expect.stringMatching(new RegExp(`${mistyped}\\. Correct DATA_DIR`))])
  }
  expect(await readdir(folder)).toEqual([])
})

test.each([['--help'], ['-h']])('%s prints the usage and migrates nothing', async (option) => {
  const url = await emptyDatabase()
  const help = await run([option], { DATABASE_URL: url })
  expect(help.code).toBe(0)
  expect(help.output).toContain('Usage: npm run db:migrate')
  expect(await tables(url)).toEqual([])
})

test.each([['--dry-run'], ['production']])(
  '%s, which it does not know, is refused instead of migrating',
  async (word) => {
    const url = await emptyDatabase()
    const refused = await run([word], { DATABASE_URL: url })
    expect(refused.code).toBe(2)
    expect(refused.output).toContain(word)
    expect(refused.output).toContain('Usage:')
    expect(refused.output).not.toContain('    at ')
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
  const refused = await run([], { DATABASE_URL: url.replace('HOST', new URL(inject('databaseServer')).host) })
  expect(refused.code).toBe(1)
  expect(refused.output).toMatch(says)
  expect(refused.output.trim().split('\n')).toHaveLength(1)
  expect(refused.output).not.toContain('hunter2')
})

test('while the stack runs it says that npm start migrates by itself', async () => {
  const holder = startScript('hold-folder.ts', [dataDir])
  await holder.says(/held/)
  const refused = await run([])
  expect(refused.code).toBe(1)
  expect(refused.output).toContain(`process ${holder.pid}`)
  expect(refused.output).toContain('Stop the stack first, or leave it: npm start migrates by itself.')
})
