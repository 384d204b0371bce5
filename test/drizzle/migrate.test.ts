import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkMigrations, MigrationError, migrateDatabase } from '../../drizzle/migrate.ts'
import { endedStatuses, statuses, steps, waitingStatuses } from '../../drizzle/schema.ts'
import { createEmptyDatabase } from '../support/database/test-database.ts'

let url: string
let drop: () => Promise<void>
let connection: Connection
let folder: string
beforeEach(async () => {
  ;({ url, drop } = await createEmptyDatabase())
  connection = await mysql.createConnection(url)
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
})
afterEach(async () => {
  await connection.end()
  await drop()
  rmSync(folder, { recursive: true, force: true })
})

/** Writes migrations in drizzle's own layout, each a list of statements. */
function write(...migrations: readonly (readonly string[])[]): void {
  mkdirSync(join(folder, 'meta'), { recursive: true })
  const entries = migrations.map((statements, idx) => {
    const tag = `000${idx}_test`
    writeFileSync(join(folder, `${tag}.sql`), statements.join('\n--> statement-breakpoint\n'))
    return { idx, version: '5', when: 1_000 + idx, tag, breakpoints: true }
  })
  const journal = { version: '7', dialect: 'mysql', entries }
  writeFileSync(join(folder, 'meta', '_journal.json'), JSON.stringify(journal))
}

async function query(sql: string): Promise<RowDataPacket[]> {
  const [rows] = await connection.query<RowDataPacket[]>(sql)
  return rows
}
const tables = async () => (await query('SHOW TABLES')).map((row) => String(Object.values(row)[0])).sort()
const applied = async () => (await query('SELECT created_at FROM __drizzle_migrations')).map((row) => row.created_at)

describe('the migrations of the project', () => {
  test('make the tables, and the second time nothing', async () => {
    expect(await migrateDatabase(url)).toBeGreaterThanOrEqual(1)
    expect(await tables()).toEqual(expect.arrayContaining(['vision_job_attempts', 'vision_job_outputs', 'vision_jobs']))
    expect(await migrateDatabase(url)).toBe(0)
  })

  test('are applied once when eight processes begin at the same moment', async () => {
    const counts = await Promise.all(Array.from({ length: 8 }, () => migrateDatabase(url)))
    expect(counts.filter((count) => count > 0)).toHaveLength(1)
    expect(await query('SELECT * FROM vision_migration_progress')).toEqual([])
    expect((await applied()).length).toBe(counts.reduce((sum, count) => sum + count))
  })

  test('make times in milliseconds, and no column that follows the zone of a session', async () => {
    await migrateDatabase(url)
    const columns = await query(
      `SELECT TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS type, DATETIME_PRECISION AS digits, COLUMN_DEFAULT AS preset
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'vision\\_job%'
         AND DATA_TYPE IN ('datetime', 'timestamp')`,
    )
    expect(columns.length).toBeGreaterThan(5)
    for (const column of columns) {
      expect(column).toMatchObject({ type: 'datetime', digits: 3 })
      expect(column.preset ?? 'NULL').toBe('NULL')
    }
  })

  test('make every text column compare byte by byte', async () => {
    await migrateDatabase(url)
    const collations = await query(
      `SELECT DISTINCT COLLATION_NAME AS name FROM information_schema.COLUMNS
       WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'vision\\_job%' AND COLLATION_NAME IS NOT NULL`,
    )
    for (const { name } of collations) expect(name).toMatch(/_bin$/)
  })

  test('have the words of a job in the order of the code, so that one more at the end rewrites no row', async () => {
    await migrateDatabase(url)
    const listOf = async (column: string) => {
      const [row] = await query(`SHOW COLUMNS FROM vision_jobs LIKE '${column}'`)
      return String(row?.Type).match(/[a-z]+(?=')/g)
    }
    for (const column of ['status', 'batch_status']) expect(await listOf(column)).toEqual(statuses)
    for (const column of ['next_step', 'lane']) expect(await listOf(column)).toEqual(steps)
    expect(await listOf('waiting_as')).toEqual(waitingStatuses)
    expect(await listOf('ended_as')).toEqual(endedStatuses)
  })

  test('refuse a status, a step and an outcome that there is not', async () => {
    await migrateDatabase(url)
    for (const [table, column] of [
      ['vision_jobs', 'status'],
      ['vision_jobs', 'next_step'],
      ['vision_job_outputs', 'kind'],
      ['vision_job_attempts', 'outcome'],
    ]) {
      const insert = connection.query(insertInto(String(table), String(column), 'nonsense'))
      await expect(insert, `${table}.${column}`).rejects.toThrow(/constraint|truncated/i)
    }
  })
})

describe('the migration to the field’s words', () => {
  /** The schema as it was, with a row for everything that is renamed. */
  async function makeRows(): Promise<void> {
    await migrateDatabase(url, { folder: firstMigrations(9) })
    await connection.query(insertInto('vision_jobs', 'status', 'pending'))
    await connection.query("UPDATE vision_jobs SET turn = 7, complaint = 'palette is missing'")
    for (const status of ['held', 'held', 'scheduled'])
      await connection.query(insertInto('vision_jobs', 'status', status))
    await connection.query(
      "INSERT INTO vision_users (user_id, held_at) VALUES ('u', '2026-01-02 03:04:05.678'), ('v', NULL)",
    )
    await connection.query(
      `INSERT INTO vision_gates (name, stopped_at, stopped_by, paused_until, pause_code, pauses, strikes, down_since)
       VALUES ('gemini', '2026-01-01', 'ann', '2026-01-02', 'analysis.rate_limited', 2, 5, '2026-01-03'), ('all', NULL, NULL,
         NULL, NULL, 0, 0, NULL)`,
    )
    await connection.query(
      `INSERT INTO vision_workers (id, place, started_at, last_beat_at) VALUES ('w', 'here', '2026-01-01', '2026-01-02')`,
    )
    for (const parameters of [
      { gate: 'gemini', reason: '{"gate":' },
      { olderThanDays: 2, note: 'gate' },
    ]) {
      await connection.query(
        `INSERT INTO vision_operator_actions (at, actor, action, parameters, result, dry_run)
         VALUES (UTC_TIMESTAMP(3), 'cli:ann', 'pause', ?, '{"done":true}', 0)`,
        [JSON.stringify(parameters)],
      )
    }
  }

  test('keeps every row of a database that has the earlier ones', async () => {
    await makeRows()
    expect(await migrateDatabase(url)).toBeGreaterThanOrEqual(1)
    expect(await query('SELECT status, start_tag, answer_issue FROM vision_jobs ORDER BY id')).toEqual([
      { status: 'pending', start_tag: 7, answer_issue: 'palette is missing' },
      { status: 'blocked', start_tag: 0, answer_issue: null },
      { status: 'blocked', start_tag: 0, answer_issue: null },
      { status: 'scheduled', start_tag: 0, answer_issue: null },
    ])
    const seen = "DATE_FORMAT(blocked_seen_at, '%Y-%m-%d %H:%i:%s.%f') AS seen"
    expect(await query(`SELECT user_id, ${seen} FROM vision_users FORCE INDEX (blocked) ORDER BY user_id`)).toEqual([
      { user_id: 'u', seen: '2026-01-02 03:04:05.678000' },
      { user_id: 'v', seen: null },
    ])
    const states = `SELECT provider, DAY(paused_at) AS paused, paused_by, DAY(backoff_until) AS until, backoff_code, backoffs,
      consecutive_failures, DAY(opened_at) AS opened FROM vision_provider_states ORDER BY provider`
    const nothing = { paused: null, paused_by: null, until: null, backoff_code: null, opened: null }
    expect(await query(states)).toEqual([
      { provider: 'all', ...nothing, backoffs: 0, consecutive_failures: 0 },
      {
        provider: 'gemini',
        paused: 1,
        paused_by: 'ann',
        until: 2,
        backoff_code: 'analysis.rate_limited',
        backoffs: 2,
        consecutive_failures: 5,
        opened: 3,
      },
    ])
    expect(
      await query('SELECT host, DAY(last_heartbeat_at) AS day FROM vision_workers FORCE INDEX (heartbeat)'),
    ).toEqual([{ host: 'here', day: 2 }])
    const actions = await query('SELECT parameters FROM vision_operator_actions ORDER BY id')
    expect(actions.map((row) => JSON.parse(row.parameters))).toEqual([
      { provider: 'gemini', reason: '{"gate":' },
      { olderThanDays: 2, note: 'gate' },
    ])
  })

  test('leaves the indexes of the queue to those that follow, and no way back to the former status', async () => {
    await makeRows()
    await migrateDatabase(url)
    const columns = async (name: string) =>
      (await query(`SHOW INDEX FROM vision_jobs WHERE Key_name = '${name}'`)).map((row) => row.Column_name)
    expect(await columns('claim')).toEqual(['waiting_as', 'lane', 'start_tag', 'id'])
    expect(await columns('owner')).toEqual(['user_id', 'waiting_as', 'lane', 'start_tag'])
    await expect(connection.query(insertInto('vision_jobs', 'status', 'held'))).rejects.toThrow(/constraint|truncated/i)
    await connection.query(insertInto('vision_jobs', 'status', 'blocked'))
  })
})

/** The first of the project's migrations, in a folder of their own. */
function firstMigrations(count: number): string {
  const project = join(import.meta.dirname, '../../drizzle/migrations')
  cpSync(project, folder, { recursive: true })
  const path = join(folder, 'meta', '_journal.json')
  const journal = JSON.parse(readFileSync(path, 'utf8')) as { entries: unknown[] }
  writeFileSync(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }))
  return folder
}

function insertInto(table: string, column: string, value: string): string {
  const rows: Record<string, Record<string, string>> = {
    vision_jobs: {
      user_id: "'u'",
      status: "'pending'",
      max_retries: '3',
      image_url: "''",
      analysis_purpose: "''",
      output_format: "''",
      language: "''",
      created_at: 'UTC_TIMESTAMP(3)',
      updated_at: 'UTC_TIMESTAMP(3)',
      expires_at: 'UTC_TIMESTAMP(3)',
    },
    vision_job_outputs: { job_id: '1', kind: "'analysis'", model: "''", body: "'{}'", created_at: 'UTC_TIMESTAMP(3)' },
    vision_job_attempts: { job_id: '1', worker_id: "''", step: "'analysis'", started_at: 'UTC_TIMESTAMP(3)' },
  }
  const row = { ...rows[table], [column]: `'${value}'` }
  return `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${Object.values(row).join()})`
}

test('a new migration is applied to a database that has the earlier ones', async () => {
  write(['CREATE TABLE one (id int)'])
  expect(await migrateDatabase(url, { folder })).toBe(1)
  write(['CREATE TABLE one (id int)'], ['CREATE TABLE two (id int)', 'ALTER TABLE two ADD name text'])
  expect(await migrateDatabase(url, { folder })).toBe(1)
  expect(await tables()).toEqual(expect.arrayContaining(['one', 'two']))
  expect(await applied()).toEqual([1_000, 1_001])
})

test('a refused statement is named with its reason, and once it is corrected the rest is applied', async () => {
  write(['CREATE TABLE one (id int)', 'ALTER TABLE none ADD name text', 'CREATE TABLE three (id int)'])
  const error = await migrateDatabase(url, { folder }).catch((thrown) => thrown)
  expect(error).toBeInstanceOf(MigrationError)
  expect(error.message).toMatch(/Statement 2 of 3 was refused: .*none.*doesn't exist/)
  expect(error.message).toContain('ALTER TABLE none ADD name text')
  expect(await tables()).not.toContain('three')
  await expect(migrateDatabase(url, { folder }), 'and again while it is not corrected').rejects.toThrow(
    /Statement 2 of 3/,
  )

  write(['CREATE TABLE one (id int)', 'ALTER TABLE one ADD name text', 'CREATE TABLE three (id int)'])
  expect(await migrateDatabase(url, { folder })).toBe(1)
  expect(await tables()).toEqual(expect.arrayContaining(['one', 'three']))
  expect(await query('SELECT * FROM vision_migration_progress')).toEqual([])
})

describe('a migration whose process is killed in the middle of a statement', () => {
  /** Kills a migrating process while its second statement is held up by a lock, and the statement with it. */
  async function kill(): Promise<void> {
    write(['CREATE TABLE one (id int)', 'ALTER TABLE one ADD name text', 'CREATE TABLE three (id int)'])
    // The lock that holds up the statement needs the table to be there.
    await connection.query('CREATE TABLE one (id int)')
    write(['DO 0', 'ALTER TABLE one ADD name text', 'CREATE TABLE three (id int)'])
    const holder = await mysql.createConnection(url)
    await holder.query('BEGIN')
    await holder.query('SELECT * FROM one')
    const child = migrateInChild()
    await expect.poll(async () => (await running('ALTER TABLE one ADD name text')).length).toBe(1)
    child.kill('SIGKILL')
    await once(child, 'exit')
    // The server goes on with a statement whose client is gone; end it, or it would take effect after all.
    for (const { id } of await running('ALTER TABLE one ADD name text')) await connection.query('KILL ?', [id])
    await expect.poll(async () => (await running('ALTER TABLE one ADD name text')).length).toBe(0)
    await holder.end()
  }

  function migrateInChild(): ChildProcess {
    const script = `import { migrateDatabase } from ${JSON.stringify(join(import.meta.dirname, '../../drizzle/migrate.ts'))}
      await migrateDatabase(process.argv[1], { folder: process.argv[2] })`
    return spawn(process.execPath, ['--input-type=module', '-e', script, url, folder], { stdio: 'ignore' })
  }

  async function running(statement: string): Promise<RowDataPacket[]> {
    return query(
      `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE INFO LIKE '${statement}%' AND ID <> CONNECTION_ID()`,
    )
  }

  /** The statement that the message offers for a case. */
  async function follow(which: 'did' | 'did not'): Promise<void> {
    const error = await migrateDatabase(url, { folder }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(MigrationError)
    expect(error.message).toMatch(/half done: statement 2 of 3/)
    expect(error.message).toContain('ALTER TABLE one ADD name text')
    const [, statement] = new RegExp(`if it ${which}:\\s+(UPDATE .*)`).exec(error.message) ?? []
    await connection.query(String(statement))
  }

  test('is reported, and goes on with the statement where it had not taken effect', async () => {
    await kill()
    await follow('did not')
    expect(await migrateDatabase(url, { folder })).toBe(1)
    expect(await query('SHOW COLUMNS FROM one')).toHaveLength(2)
    expect(await tables()).toContain('three')
  })

  test('is reported, and goes on after the statement where it had', async () => {
    await kill()
    await connection.query('ALTER TABLE one ADD name text')
    await follow('did')
    expect(await migrateDatabase(url, { folder })).toBe(1)
    expect(await query('SHOW COLUMNS FROM one')).toHaveLength(2)
    expect(await tables()).toContain('three')
    expect(await applied()).toEqual([1_000])
  })
})

test('an older migration that comes in later is refused by its name, and nothing is skipped', async () => {
  write(['CREATE TABLE one (id int)'], ['CREATE TABLE two (id int)'], ['CREATE TABLE three (id int)'])
  const journal = join(folder, 'meta', '_journal.json')
  const whole = JSON.parse(readFileSync(journal, 'utf8')) as { entries: { tag: string }[] }
  // A branch that did not have the second yet.
  const without = { ...whole, entries: whole.entries.filter(({ tag }) => tag !== '0001_test') }
  writeFileSync(journal, JSON.stringify(without))
  expect(await migrateDatabase(url, { folder })).toBe(2)
  writeFileSync(journal, JSON.stringify(whole))
  for (const attempt of [migrateDatabase, checkMigrations]) {
    const error = await attempt(url, { folder }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(MigrationError)
    expect(String(error)).toMatch(/lacks 0001_test, and has a later migration already.*db:generate/)
  }
  expect(await tables()).not.toContain('two')
})

test('going back to code with fewer migrations is no error, and changes nothing', async () => {
  write(['CREATE TABLE one (id int)'], ['CREATE TABLE two (id int)'])
  await migrateDatabase(url, { folder })
  write(['CREATE TABLE one (id int)'])
  expect(await migrateDatabase(url, { folder })).toBe(0)
  await checkMigrations(url, { folder })
  expect(await tables()).toContain('two')
})

test('a migration elsewhere is waited for longer than a server lets one statement wait', async () => {
  await connection.query("SELECT GET_LOCK(CONCAT('vision-migrate:', LEFT(SHA2(DATABASE(), 256), 40)), 0)")
  write(['CREATE TABLE one (id int)'])
  const waiting = migrateDatabase(url, { folder, lockSeconds: 60 })
  const waits = new Set<string>()
  const waiter =
    "SELECT INFO AS info FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'SELECT GET_LOCK%'"
  await expect.poll(async () => (await query(waiter)).length).toBe(1)
  for (const { info } of await query(waiter)) waits.add(String(info))
  expect([...waits].every((statement) => /, 5\) AS got/.test(statement))).toBe(true)
  // The wait of one statement ends, and the next begins.
  await connection.query('DO SLEEP(6)')
  await connection.query("SELECT RELEASE_LOCK(CONCAT('vision-migrate:', LEFT(SHA2(DATABASE(), 256), 40)))")
  expect(await waiting).toBe(1)
})

test('a URL without the name of a database is refused at once, as what it is', async () => {
  const server = new URL(url)
  server.pathname = '/'
  const error = await migrateDatabase(server.href).catch((thrown) => thrown)
  expect(error).toBeInstanceOf(MigrationError)
  expect(error.message).toMatch(/names no database/)
})

test('a wait for the lock that the server breaks off is not taken for a migration elsewhere', async () => {
  await connection.query("SELECT GET_LOCK(CONCAT('vision-migrate:', LEFT(SHA2(DATABASE(), 256), 40)), 0)")
  const waiting = migrateDatabase(url, { lockSeconds: 60 }).catch((thrown) => thrown)
  const waiter = () =>
    query("SELECT ID AS id FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'SELECT GET_LOCK%'")
  await expect.poll(async () => (await waiter()).length).toBe(1)
  for (const { id } of await waiter()) await connection.query('KILL QUERY ?', [id])
  const error = await waiting
  expect(error).toBeInstanceOf(MigrationError)
  expect(error.message).not.toMatch(/Another migration/)
})

test.each([
  ['a wrong password', (server: URL) => Object.assign(server, { username: 'nobody' })],
  ['nobody listening', (server: URL) => Object.assign(server, { port: '1' })],
  ['nonsense', () => 'mysql://u:hunter2@:x/'],
])('a database that cannot be used is a MigrationError without the password: %s', async (_what, change) => {
  const server = new URL(url)
  server.password = 'hunter2'
  const error = await migrateDatabase(String(change(server))).catch((thrown) => thrown)
  expect(error).toBeInstanceOf(MigrationError)
  expect(inspect(error)).not.toContain('hunter2')
})

test('a migration that is already going on elsewhere is waited for, and then named', async () => {
  await connection.query("SELECT GET_LOCK(CONCAT('vision-migrate:', LEFT(SHA2(DATABASE(), 256), 40)), 0)")
  await expect(migrateDatabase(url, { lockSeconds: 1 })).rejects.toThrow(/Another migration has held the lock for 1 s/)
  expect(await tables()).toEqual([])
})
