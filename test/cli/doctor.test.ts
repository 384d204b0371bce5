import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkDatabase, checks } from '../../cli/database-checks.ts'
import { operate } from '../../cli/operate.ts'
import { type DatabaseOptions, openDatabase } from '../../core/database/client.ts'
import { migrateDatabase } from '../../drizzle/migrate.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { runHere } from './run-command.ts'

let database: TestDatabase
let migrated: Awaited<ReturnType<typeof createEmptyDatabase>>
beforeAll(async () => {
  database = await createTestDatabase()
  migrated = await createEmptyDatabase()
  await migrateDatabase(migrated.url)
})
afterAll(async () => {
  await migrated.drop()
  await database.drop()
})

/** What is not ok, with a connection of these options. */
async function wrongWith(options: Partial<DatabaseOptions> = {}, url = migrated.url, now = Date.now) {
  const opened = openDatabase(url, { connections: 1, random: () => 0.5, ...options })
  try {
    const findings = await checkDatabase(opened, { url, now })
    return Object.fromEntries(findings.filter(({ ok }) => !ok).map(({ check, found }) => [check, found]))
  } finally {
    await opened.close()
  }
}

const doctor = (url: string, ...more: string[]) =>
  runHere((args, terminal) => operate(args, terminal, new AbortController().signal), ['doctor', ...more], {
    DATABASE_URL: url,
    DATA_DIR: '/nowhere',
  })

test('nothing is wrong with a database that npm start would use', async () => {
  const { code, output } = await doctor(migrated.url)
  expect([code, output]).toEqual([0, expect.not.stringContaining('WRONG')])
  for (const check of ['tls', 'isolation', 'grants', 'clock', 'time limits', 'migrations']) {
    expect(output).toMatch(new RegExp(`^${check} +ok `, 'm'))
  }
})

test('a database without tables lacks its migrations, and the command says so and exits with 1', async () => {
  const empty = await createEmptyDatabase()
  try {
    const { code, stdout } = await doctor(empty.url, '--json')
    const { ok, findings } = JSON.parse(stdout)
    expect([code, ok]).toEqual([1, false])
    expect(findings).toContainEqual({
      check: 'migrations',
      ok: false,
      found: expect.stringContaining('lacks'),
      todo: 'npm run db:migrate',
    })
  } finally {
    await empty.drop()
  }
})

test('another isolation, sessions that idle for long and a clock that is wrong are found', async () => {
  expect(await wrongWith({ isolation: 'REPEATABLE READ' })).toEqual({ isolation: 'REPEATABLE-READ' })
  expect(await wrongWith({ sessionIdleSeconds: 900 })).toEqual({ 'time limits': 'idle sessions end after 900 s' })
  expect(await wrongWith({}, migrated.url, () => Date.now() + 60_000)).toEqual({ clock: '60 s apart' })
  expect(await wrongWith({}, migrated.url, () => Date.now() - 60_000)).toEqual({ clock: '60 s apart' })
})

test('a connection without TLS is wrong where the database is on another machine', async () => {
  const elsewhere = { url: 'mysql://db.example:3306/vision', now: Date.now }
  expect(await checks.tls(database, elsewhere)).toMatchObject({ ok: false, found: 'none' })
  expect(await checks.tls(database, { ...elsewhere, url: migrated.url })).toMatchObject({ ok: true })
})

test('grants that are missing are named', async () => {
  // MariaDB grants everything on databases whose names begin with test_ to everybody.
  const name = `doctor_${randomBytes(6).toString('hex')}`
  const password = randomBytes(12).toString('hex')
  // A server with an anonymous user of its own host would take that one first.
  const users = ['%', 'localhost'].map((host) => `${name}@'${host}'`)
  await database.sql(`CREATE DATABASE ${name}`)
  try {
    await database.sql(`CREATE TABLE ${name}.vision_users LIKE vision_users`)
    for (const user of users) {
      await database.sql(`CREATE USER ${user} IDENTIFIED BY '${password}'`)
      await database.sql(`GRANT SELECT, INSERT ON ${name}.* TO ${user}`)
    }
    const url = Object.assign(new URL(database.url), { username: name, password, pathname: `/${name}` })
    await using opened = new AsyncDisposableStack()
    const limited = openDatabase(url.href, { connections: 1, random: () => 0.5 })
    opened.defer(() => limited.close())
    expect(await checks.grants(limited)).toMatchObject({ ok: false, found: 'without UPDATE, DELETE' })
    expect(await checks.grants(database)).toMatchObject({ ok: true })
  } finally {
    await database.sql(`DROP DATABASE ${name}`)
    for (const user of users) await database.sql(`DROP USER IF EXISTS ${user}`)
  }
})
