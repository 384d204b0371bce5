import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'

export interface MigrateOptions {
  /** The folder of the migrations; the project's own by default. */
  readonly folder?: string
  /** How long to wait for another migration to end, in seconds. */
  readonly lockSeconds?: number
  /** How long to go on trying a database that cannot be reached, in seconds: a new one may not be up yet. */
  readonly patienceSeconds?: number
}

/** A migration that cannot go on; the message says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** In seconds: shorter than any limit that a server or a proxy has for a statement. */
const longestLockWait = 5

const ownFolder = fileURLToPath(new URL('./migrations', import.meta.url))

/**
 * Applies every migration that the database does not have yet, one at a time whoever else tries (`GET_LOCK`).
 *
 * DDL cannot be rolled back, so each statement is noted before and after: a statement that the server refused had no
 * effect (DDL is atomic from MySQL 8 and MariaDB 10.6 on) and the next call goes on with it; one that was under way when
 * its process died is reported, since nobody can know whether it took effect.
 *
 * @param url of the database, its name included
 * @returns how many migrations were applied
 * @throws MigrationError when another migration holds the lock, when one is left half done, or when the database cannot
 *   be used; the password is never in the message
 */
export async function migrateDatabase(
  url: string,
  { folder = ownFolder, lockSeconds = 60, patienceSeconds = 0 }: MigrateOptions = {},
): Promise<number> {
  return withConnection(url, patienceSeconds, async (connection) => {
    // A statement that waits for a table's metadata lock holds up every query behind it.
    await connection.query('SET SESSION lock_wait_timeout = 30')
    await lock(connection, lockSeconds)
    await prepareTables(connection)
    const missing = await missingFrom(connection, folder)
    for (const migration of missing) await apply(connection, migration)
    return missing.length
  })
}

/**
 * Looks whether somebody else has applied every migration, and changes nothing: for a database whose schema may only be
 * changed from outside, as by PlanetScale's deploy requests.
 *
 * @param url of the database, its name included
 * @throws MigrationError naming what is missing, or when the database cannot be used
 */
export async function checkMigrations(
  url: string,
  { folder = ownFolder, patienceSeconds = 0 }: Omit<MigrateOptions, 'lockSeconds'> = {},
): Promise<void> {
  await withConnection(url, patienceSeconds, async (connection) => {
    const missing = await missingFrom(connection, folder)
    if (missing.length === 0) return
    const names = missing.map(({ folderMillis }) => nameOf(folder, folderMillis)).join(', ')
    throw new MigrationError(
      `The database lacks ${missing.length} of the migrations: ${names}. Apply them from outside, then deploy again. ` +
        'What was applied is noted in the table __drizzle_migrations, whose rows must come along: with PlanetScale, ' +
        'let deploy requests copy its data.',
    )
  })
}

async function withConnection<T>(
  url: string,
  patienceSeconds: number,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  let connection: Connection | undefined
  try {
    connection = await connect(url, performance.now() + patienceSeconds * 1000)
    return await work(connection)
  } catch (error) {
    if (error instanceof MigrationError) throw error
    const { message, code } = error as NodeJS.ErrnoException
    // Without its cause: the error of a URL that cannot be read carries the URL.
    throw new MigrationError(`The database cannot be migrated: ${message || code}`)
  } finally {
    // Ends the session, and the lock with it. Where the connection has died, what went wrong before tells why.
    await connection?.end().catch(() => undefined)
  }
}

/** What no waiting changes. */
const isFinal = ({ code = '' }: NodeJS.ErrnoException) =>
  ['ER_ACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR', 'ER_BAD_DB_ERROR', 'ERR_INVALID_URL'].includes(code)

/** @param until by performance.now() */
async function connect(url: string, until: number): Promise<Connection> {
  for (;;) {
    let connection: Connection | undefined
    try {
      connection = await mysql.createConnection({ uri: url, timezone: 'Z' })
      // A proxy lets one in before it has a server, and fails with the first statement.
      await connection.query('SELECT 1')
      return connection
    } catch (error) {
      connection?.destroy()
      if (isFinal(error as NodeJS.ErrnoException) || performance.now() >= until) throw error
      await delay(1_000)
    }
  }
}

/**
 * The migrations that a database does not have, the oldest first. Rows that belong to no file are those of a later release,
 * which somebody has gone back from.
 *
 * @throws MigrationError where one of them is older than one that was applied: it was written beside it and came in later, so
 *   it was never tried on top of it, and drizzle's own migrator would leave it out in silence
 */
async function missingFrom(connection: Connection, folder: string): Promise<MigrationMeta[]> {
  const done = await appliedTo(connection)
  const last = Math.max(0, ...done)
  const missing = readMigrationFiles({ migrationsFolder: folder }).filter(({ folderMillis }) => !done.has(folderMillis))
  const late = missing
    .filter(({ folderMillis }) => folderMillis < last)
    .map((file) => nameOf(folder, file.folderMillis))
  if (late.length === 0) return missing
  throw new MigrationError(
    `The database lacks ${late.join(', ')}, and has a later migration already. Delete ${late.length > 1 ? 'these files' : 'this file'} ` +
      'with what belongs to it in drizzle/migrations/meta, and generate it anew on top of the others (npm run db:generate). ' +
      'A database of a laptop alone may be thrown away instead.',
  )
}

/** The name of a migration's file, by its time. */
function nameOf(folder: string, when: number): string {
  const { entries } = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    entries: readonly { when: number; tag: string }[]
  }
  return entries.find((entry) => entry.when === when)?.tag ?? String(when)
}

/** Locks are the server's, not the database's: two databases on one server must not wait for each other. */
async function lock(connection: Connection, seconds: number): Promise<void> {
  const [[place] = []] =
    await connection.query<(RowDataPacket & { name: string | null })[]>('SELECT DATABASE() AS name')
  if (!place?.name) {
    throw new MigrationError('The URL names no database. It looks like mysql://user:password@host:port/database.')
  }
  const until = performance.now() + seconds * 1000
  for (;;) {
    // A server that ends long statements, or a proxy that has it do so, breaks off a longer wait.
    const left = Math.max(0, Math.ceil((until - performance.now()) / 1000))
    const [[row] = []] = await connection.query<(RowDataPacket & { got: number | null })[]>(
      "SELECT GET_LOCK(CONCAT('vision-migrate:', LEFT(SHA2(DATABASE(), 256), 40)), ?) AS got",
      [Math.min(left, longestLockWait)],
    )
    if (row?.got === 1) return
    if (row?.got === null || row === undefined) {
      throw new MigrationError('The server did not give the lock and did not say why (GET_LOCK gave NULL). Try again.')
    }
    if (performance.now() >= until) {
      throw new MigrationError(`Another migration has held the lock for ${seconds} s. Try again when it has ended.`)
    }
  }
}

async function prepareTables(connection: Connection): Promise<void> {
  // The same table as drizzle's own migrator keeps, so that its tools see what was applied.
  await connection.query(
    'CREATE TABLE IF NOT EXISTS `__drizzle_migrations` (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)',
  )
  await connection.query(
    `CREATE TABLE IF NOT EXISTS vision_migration_progress (
      created_at bigint PRIMARY KEY, applied int NOT NULL, under_way int NOT NULL)`,
  )
}

/** When the applied migrations were written, as drizzle names them by. */
async function appliedTo(connection: Connection): Promise<ReadonlySet<number>> {
  try {
    const [rows] = await connection.query<(RowDataPacket & { created_at: number })[]>(
      'SELECT created_at FROM `__drizzle_migrations`',
    )
    return new Set(rows.map((row) => Number(row.created_at)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ER_NO_SUCH_TABLE') return new Set()
    throw error
  }
}

async function apply(connection: Connection, migration: MigrationMeta): Promise<void> {
  const key = migration.folderMillis
  await connection.query('INSERT IGNORE INTO vision_migration_progress VALUES (?, 0, 0)', [key])
  const [[progress] = []] = await connection.query<(RowDataPacket & { applied: number; under_way: number })[]>(
    'SELECT applied, under_way FROM vision_migration_progress WHERE created_at = ?',
    [key],
  )
  const applied = progress?.applied ?? 0
  if (progress?.under_way) throw new MigrationError(halfDone(migration, applied))
  for (const [index, statement] of migration.sql.entries()) {
    if (index < applied) continue
    await connection.query('UPDATE vision_migration_progress SET under_way = 1 WHERE created_at = ?', [key])
    try {
      await connection.query(statement)
    } catch (error) {
      // A refused statement had no effect. If the connection died instead, this fails too and the mark stays.
      await connection.query('UPDATE vision_migration_progress SET under_way = 0 WHERE created_at = ?', [key])
      const reason = error instanceof Error ? error.message : String(error)
      throw new MigrationError(
        `Statement ${index + 1} of ${migration.sql.length} was refused: ${reason}. ` +
          `Those before it stay applied; correct the cause and migrate again to go on from here.\n${statement.trim()}`,
        { cause: error },
      )
    }
    await connection.query('UPDATE vision_migration_progress SET applied = ?, under_way = 0 WHERE created_at = ?', [
      index + 1,
      key,
    ])
  }
  await connection.query('INSERT INTO `__drizzle_migrations` (hash, created_at) VALUES (?, ?)', [migration.hash, key])
  await connection.query('DELETE FROM vision_migration_progress WHERE created_at = ?', [key])
}

function halfDone(migration: MigrationMeta, applied: number): string {
  const row = `vision_migration_progress WHERE created_at = ${migration.folderMillis}`
  return [
    `A migration is half done: statement ${applied + 1} of ${migration.sql.length} was under way when its process ended.`,
    (migration.sql[applied] ?? '').trim(),
    'Look whether it took effect in the database, then migrate again after:',
    `  if it did:      UPDATE ${row.replace(' WHERE', ` SET applied = ${applied + 1}, under_way = 0 WHERE`)}`,
    `  if it did not:  UPDATE ${row.replace(' WHERE', ' SET under_way = 0 WHERE')}`,
  ].join('\n')
}
