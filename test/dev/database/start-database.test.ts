// @module-tag long
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { expect, inject, onTestFinished, test } from 'vitest'
import { type DataFolder, openDataFolder } from '../../../dev/data/data-folder.ts'
import { startPrivateServer } from '../../../dev/database/private-server.ts'
import { type LocalDatabase, startDatabase, startPrivateDatabase } from '../../../dev/database/start-database.ts'
import { StartError } from '../../../dev/errors/start-error.ts'
import { createEmptyDatabase } from '../../support/database/test-database.ts'
import { installedServer, putServerData } from '../../support/dev/server-data.ts'
import { gone, startScript, temporaryFolder } from '../child-processes.ts'

const env = { PATH: process.env.PATH }

/** A folder, of the running test unless one is given, with such data in it. */
async function folderWithData(given?: string): Promise<string> {
  const path = given ?? (await temporaryFolder())
  await putServerData(path)
  return path
}

async function open(path: string): Promise<DataFolder> {
  const folder = await openDataFolder(path)
  onTestFinished(() => folder.release())
  return folder
}

async function started(folder: DataFolder, log: (line: string) => void = () => {}): Promise<LocalDatabase> {
  const database = await startDatabase({ folder, env, log })
  onTestFinished(() => database.stop())
  return database
}

async function query(url: string, sql: string): Promise<unknown[][]> {
  const connection = await createConnection({ uri: url, rowsAsArray: true })
  try {
    const [rows] = await connection.query<RowDataPacket[][]>(sql)
    return rows
  } finally {
    await connection.end()
  }
}

const serverPid = async (folder: string): Promise<number> =>
  JSON.parse(await readFile(join(folder, 'database-process.json'), 'utf8')).pid

async function guardOf(pid: number): Promise<number> {
  for (const name of await readdir('/proc')) {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (command.endsWith(`vision-pipeline-guard\0${pid}\0`)) return Number(name)
  }
  throw new Error(`nobody guards process ${pid}`)
}

/** A very long path with blanks. */
const longPath = async () =>
  join(await temporaryFolder(), 'a long folder, and it is "mine" '.repeat(4), 'x'.repeat(120))

test('a database made here, where an attempt was killed half way, is UTC, utf8mb4 and in the folder; stopped and started again it has its data', async () => {
  const path = await longPath()
  const leftover = join(path, 'database.new.0123456789ab')
  await mkdir(join(leftover, 'mysql'), { recursive: true })
  await writeFile(join(leftover, 'ibdata1'), 'half')
  const folder = await open(path)
  const first = await started(folder)
  expect((await readdir(path)).sort(), 'what was left behind is removed').toEqual([
    'database',
    'database-port',
    'database-process.json',
    'database-temporary',
    'database.log',
    expect.stringContaining('lock.'),
    'secrets',
  ])
  expect(first.description).toMatch(/^(MariaDB|MySQL) \d+\.\d+\.\d+, started here$/)
  expect(await query(first.url, 'SELECT @@time_zone, @@character_set_database, @@datadir')).toEqual([
    ['+00:00', 'utf8mb4', `${path}/database/`],
  ])
  await query(first.url, 'CREATE TABLE kept (word text)')
  await query(first.url, "INSERT INTO kept VALUES ('still here 🙂')")
  const pid = await serverPid(path)
  const guard = process.platform === 'linux' ? await guardOf(pid) : undefined
  await first.stop()
  await gone(pid, 0)
  if (guard) await gone(guard)

  const second = await started(folder)
  expect(await query(second.url, 'SELECT word FROM kept')).toEqual([['still here 🙂']])
})

test('every connection needs the password, and the application reaches its own database only', async () => {
  const folder = await open(await folderWithData())
  const database = await started(folder)
  const { port } = new URL(database.url)
  for (const [user, password] of [
    ['root', ''],
    ['', ''],
    ['vision', ''],
    ['vision', 'wrong'],
  ]) {
    await expect(
      createConnection({ host: '127.0.0.1', port: Number(port), user: user ?? '', password: password ?? '' }),
    ).rejects.toThrow(/Access denied|locked/)
  }
  await expect(query(database.url, 'SELECT * FROM mysql.user')).rejects.toThrow(/denied/)
  await expect(query(database.url, 'CREATE DATABASE another')).rejects.toThrow(/denied/)
})

test('an administrator may create databases', async () => {
  const folder = await open(await folderWithData())
  const database = await startPrivateDatabase({ folder, env, log: () => {}, administrator: true })
  onTestFinished(() => database.stop())
  await query(database.url, 'CREATE DATABASE another')
  const accounts = await query(
    database.url,
    "SELECT user, host FROM mysql.user WHERE user NOT LIKE 'mysql.%' AND user NOT IN ('mariadb.sys', 'PUBLIC')",
  )
  expect(accounts.sort()).toEqual([
    ['root', 'localhost'],
    ['vision', '127.0.0.1'],
  ])
  // Without a password where MySQL made the data.
  expect(String(await query(database.url, "SHOW CREATE USER 'root'@'localhost'"))).toContain('ACCOUNT LOCK')
})

test('two folders have two databases side by side, one of them under a very long path with blanks', async () => {
  const [one, two] = [await open(await folderWithData()), await open(await folderWithData(await longPath()))]
  const [first, second] = [await started(one), await started(two)]
  for (const [database, path] of [
    [first, one.path],
    [second, two.path],
  ] as const) {
    // A shared place would not do: a starting MariaDB empties it of all servers' temporary tables.
    expect(await query(database.url, 'SELECT @@tmpdir')).toEqual([[join(path, 'database-temporary')]])
  }
  await query(first.url, 'CREATE TABLE only_in_first (id int)')
  expect(await query(second.url, 'SHOW TABLES')).toEqual([])
})

test('when its owner is killed the database ends too, and what was committed is there at the next start', async () => {
  const path = await folderWithData()
  const owner = startScript('hold-database.ts', [path])
  const url = await owner.says(/mysql:.*/)
  await query(url, 'CREATE TABLE kept (id int)')
  await query(url, 'INSERT INTO kept VALUES (7)')
  const pid = await serverPid(path)
  owner.child.kill('SIGKILL')
  await gone(pid)
  const database = await started(await open(path))
  expect(await query(database.url, 'SELECT id FROM kept')).toEqual([[7]])
})

test.runIf(process.platform === 'linux')(
  'a server that lost its owner and its guard is ended by the next start',
  async () => {
    const path = await folderWithData()
    const owner = startScript('hold-database.ts', [path])
    const url = await owner.says(/mysql:.*/)
    await query(url, 'CREATE TABLE kept (id int)')
    const orphan = await serverPid(path)
    process.kill(await guardOf(orphan), 'SIGKILL')
    owner.child.kill('SIGKILL')
    await gone(owner.pid)
    await query(url, 'SELECT 1')

    const lines: string[] = []
    const database = await started(await open(path), (line) => lines.push(line))
    expect(lines).toEqual([expect.stringContaining(`process ${orphan}, SIGTERM`)])
    await gone(orphan, 0)
    expect(await query(database.url, 'SHOW TABLES')).toEqual([['kept']])
  },
)

test('a server that was itself killed recovers what was committed', async () => {
  const path = await folderWithData()
  const folder = await open(path)
  const lines: string[] = []
  const first = await started(folder, (line) => lines.push(line))
  await query(first.url, 'CREATE TABLE kept (id int)')
  await query(first.url, 'INSERT INTO kept VALUES (1), (2)')
  const pid = await serverPid(path)
  process.kill(pid, 'SIGKILL')
  await gone(pid)
  await first.endedByItself
  await expect.poll(() => lines).toEqual([expect.stringContaining('exited unexpectedly (SIGKILL)')])
  await first.stop()
  const second = await started(folder)
  expect(await query(second.url, 'SELECT count(*) FROM kept')).toEqual([[2]])
})

test('a port that was taken meanwhile is replaced by another, and a foreign server is not mistaken for ours', async () => {
  const folder = await open(await folderWithData())
  const server = await installedServer()
  const taken = Number(new URL(inject('databaseServer')).port)
  const ports = [taken]
  const started = await startPrivateServer({
    folder,
    server,
    administrator: false,
    settings: [],
    log: () => {},
    // Free at that moment: a port picked earlier may be another test's by then, and the next try picks again.
    pickPort: async () => ports.shift() ?? freePort(),
  })
  onTestFinished(() => started.stop())
  expect(started.port).not.toBe(taken)
  expect(ports).toEqual([])
})

test('a server that does not start shows the end of its log, without the password, and the ways out', async () => {
  const folder = await open(await folderWithData())
  const refusal = await startPrivateDatabase({ folder, env, log: () => {}, settings: ['--no-such-setting'] }).catch(
    (error) => error,
  )
  expect(refusal.message).toMatch(/did not start[\s\S]*no-such-setting[\s\S]*DATABASE_URL/)
  expect(refusal.message).not.toContain(await folder.secret('database-password', 24))
})

test('data of the other kind of server is left alone', async () => {
  const path = await folderWithData()
  const folder = await open(path)
  await (await started(folder)).stop()
  const file = join(path, 'database', 'vision-pipeline-server')
  await writeFile(file, (await readFile(file, 'utf8')).startsWith('mysql') ? 'mariadb\n' : 'mysql\n')
  const { program } = await installedServer()
  const directories = [dirname(program), '/usr/bin']
  await expect(startDatabase({ folder, env, log: () => {}, directories })).rejects.toThrow(/was made by .* no longer/)
})

test('a DATABASE_URL that answers is used as it is and nothing is started', async () => {
  const path = await temporaryFolder()
  const folder = await open(path)
  const { url, drop } = await createEmptyDatabase()
  onTestFinished(drop)
  const database = await startDatabase({ folder, env: { ...env, DATABASE_URL: url }, log: () => {} })
  expect(database.url).toBe(url)
  expect(database.description).toMatch(/^(MariaDB|MySQL) \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+$/)
  await database.stop()
  await query(url, 'SELECT 1')
  expect((await readdir(path)).filter((name) => name.startsWith('database'))).toEqual([])
})

test.each([
  ['a wrong password', 'mysql:', undefined],
  ['nobody listening', 'mysql:', '1'],
  ['another protocol', 'postgres:', undefined],
])('a DATABASE_URL with %s is refused without showing the password', async (_what, protocol, port) => {
  const folder = await open(await temporaryFolder())
  const { host, hostname } = new URL(inject('databaseServer'))
  const url = `${protocol}//nobody:hunter2%40home@${port ? `${hostname}:${port}` : host}/vision`
  const refusal = await startDatabase({ folder, env: { DATABASE_URL: url }, log: () => {} }).catch((error) => error)
  expect(refusal).toBeInstanceOf(StartError)
  expect(refusal.message).toContain('DATABASE_URL')
  expect(inspect(refusal)).not.toContain('hunter2')
})

test('a DATABASE_URL without the name of a database is refused', async () => {
  const folder = await open(await temporaryFolder())
  const { host } = new URL(inject('databaseServer'))
  for (const path of ['', '/', '/?ssl={}']) {
    const env = { DATABASE_URL: `mysql://root@${host}${path}` }
    await expect(startDatabase({ folder, env, log: () => {} })).rejects.toThrow('DATABASE_URL names no database')
  }
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
