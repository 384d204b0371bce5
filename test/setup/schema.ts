import { randomBytes } from 'node:crypto'
import mysql, { type RowDataPacket } from 'mysql2/promise'
import { migrateDatabase } from '../../drizzle/migrate.ts'

/** What the migrations make of an empty database. */
export interface Schema {
  /** The names of the tables. */
  readonly tables: readonly string[]
  /** SQL, of many statements, that makes the same of another one at once. */
  readonly sql: string
  /** SQL that says of each table of ours in which the migrations put nothing, by its name, whether it has rows. */
  readonly looking: string
  /** By the name of each table of ours, the SQL, of many statements, that leaves in it what the migrations put there. */
  readonly emptying: Readonly<Record<string, string>>
}

/**
 * Applies the migrations to a database that goes again, and reads what they made.
 *
 * @param server the URL of a server where databases may be created
 */
export async function readSchema(server: string): Promise<Schema> {
  const name = `test_schema_${randomBytes(8).toString('hex')}`
  const url = new URL(server)
  url.pathname = `/${name}`
  const admin = await mysql.createConnection(server)
  try {
    await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`)
    await migrateDatabase(url.href)
    return await readDatabase(url.href)
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${name}`)
    await admin.end()
  }
}

/** What was migrated is not what a test made. */
const bookkeeping = ['__drizzle_migrations', 'vision_migration_progress']

/** The tables of a database, and the SQL that makes them with their rows. */
export async function readDatabase(url: string): Promise<Schema> {
  // Moments and numbers as the server writes them.
  const connection = await mysql.createConnection({ uri: url, dateStrings: true, bigNumberStrings: true })
  try {
    const [named] = await connection.query<RowDataPacket[]>("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
    const tables = named.map((row) => String(Object.values(row)[0]))
    const statements: string[] = []
    const emptying: Record<string, string> = {}
    const looks: string[] = []
    for (const table of tables) {
      const [[made]] = await connection.query<RowDataPacket[]>('SHOW CREATE TABLE ??', [table])
      statements.push(made?.['Create Table'])
      const [rows] = await connection.query<RowDataPacket[]>('SELECT * FROM ??', [table])
      const filled = rows.map((row) => connection.format('INSERT INTO ?? SET ?', [table, row]))
      statements.push(...filled)
      if (bookkeeping.includes(table)) continue
      emptying[table] = [connection.format('DELETE FROM ??', [table]), ...filled].join(';\n')
      // A test may have deleted what the migrations put there.
      if (filled.length === 0) looks.push(connection.format('EXISTS (SELECT 1 FROM ??) AS ??', [table, table]))
    }
    return { tables, sql: statements.join(';\n'), looking: `SELECT ${looks.join(', ')}`, emptying }
  } finally {
    await connection.end()
  }
}
