import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'

export interface MigrateOptions {
  /** The folder of the migrations; the project's own by default. */
  readonly folder?: string
  /** How long to wait for another migration, in seconds. */
  readonly lockSeconds?: number
  /** How long to retry a database that cannot be reached, in seconds: a new one may not be up yet. */
  readonly patienceSeconds?: number
}

/** A migration that cannot continue; the message says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** In seconds: shorter than any statement time limit of a server or a proxy. */
const longestLockWait = 5

const ownFolder = fileURLToPath(new URL('./migrations', import.meta.url))

/**
 * Applies every pending migration, one process at a time (`GET_LOCK`).
 *
 * DDL cannot be rolled back, so each statement is recorded before and after: a statement that the server refused had no
 * effect (DDL is atomic from MySQL 8 and MariaDB 10.6 on), and the next call continues with it; a statement whose process
 * died is reported, since its effect is unknown.
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
 * Checks that every migration has been applied, and changes nothing: for a database whose schema is managed externally, as
 * by PlanetScale's deploy requests.
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
    // Without its cause: the error of a malformed URL contains the URL.
    throw new MigrationError(`The database cannot be migrated: ${message || code}`)
  } finally {
    // Ends the session, and the lock with it. If the connection has died, the earlier error says why.
    await connection?.end().catch(() => undefined)
  }
}

/** Errors that waiting does not resolve. */
const isFinal = ({ code = '' }: NodeJS.ErrnoException) =>
  ['ER_ACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR', 'ER_BAD_DB_ERROR', 'ERR_INVALID_URL'].includes(code)

/** @param until by performance.now() */
async function connect(url: string, until: number): Promise<Connection> {
  for (;;) {
    let connection: Connection | undefined
    try {
      connection = await mysql.createConnection({ uri: url, timezone: 'Z' })
      // A proxy accepts connections before it has a server, and fails at the first statement.
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
 * The migrations that a database lacks, the oldest first. Rows without a file belong to a later release that was rolled
 * back.
 *
 * @throws MigrationError if one of them is older than an applied one: it was written in parallel and merged later, so it
 *   was never tested on top of that, and drizzle's own migrator would silently skip it
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
    // A server or proxy with a statement time limit aborts a longer wait.
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
  // The table of drizzle's own migrator, so that its tools see what was applied.
  await connection.query(
    'CREATE TABLE IF NOT EXISTS `__drizzle_migrations` (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)',
  )
  await connection.query(
    `CREATE TABLE IF NOT EXISTS vision_migration_progress (
      created_at bigint PRIMARY KEY, applied int NOT NULL, under_way int NOT NULL)`,
  )
}

/** When the applied migrations were written, which drizzle identifies them by. */
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
