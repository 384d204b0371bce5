import { randomUUID } from 'node:crypto'
import mysql, { type RowDataPacket } from 'mysql2/promise'
import { inject } from 'vitest'
import { type Database, openDatabase } from '../../../core/database/client.ts'

/** A database of a test file's own on the server of the run. */
export interface TestDatabase extends Database {
  readonly url: string
  /** Raw SQL on a connection of its own: to look at rows, or to move the clock of a row. */
  sql(query: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** Leaves in every table what the migrations put there. */
  empty(): Promise<void>
  drop(): Promise<void>
}

/** Creates an empty database; the test drops it. */
export async function createEmptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const server = inject('databaseServer')
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const admin = await mysql.createConnection({ uri: server, maxPreparedStatements: 1 })
  await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: async () => {
      await admin.query(`DROP DATABASE ${name}`)
      await admin.end()
    },
  }
}

interface TestDatabaseOptions {
  readonly connections?: number
  /** Where the product finds it instead, as behind a proxy; `sql` goes to the server itself. */
  readonly through?: (url: string) => string
}

/** Creates a database with the schema in place. */
export async function createTestDatabase({
  connections = 10,
  through = (url) => url,
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { url, drop } = await createEmptyDatabase()
  const database = openDatabase(through(url), { connections, random: Math.random })
  const raw = await mysql.createConnection({
    uri: url,
    timezone: 'Z',
    dateStrings: true,
    multipleStatements: true,
    maxPreparedStatements: 1,
  })
  await raw.query(inject('schema').sql)
  return {
    ...database,
    url: through(url),
    sql: async (query, values = []) => (await raw.query(query, values))[0] as Record<string, unknown>[],
    empty: async () => {
      const { looking, emptying } = inject('schema')
      const [[found]] = await raw.query<RowDataPacket[]>(looking)
      // A test leaves rows in few of the tables: to ask takes less than to delete nothing from each of the others.
      const left = Object.keys(emptying).filter((table) => found?.[table] !== 0)
      if (left.length > 0) await raw.query(left.map((table) => emptying[table]).join(';\n'))
    },
    drop: async () => {
      await raw.end()
      await database.close()
      await drop()
    },
  }
}
