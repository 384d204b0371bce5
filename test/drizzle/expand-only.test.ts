import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mysql, { type Connection } from 'mysql2/promise'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrateDatabase } from '../../drizzle/migrate.ts'
import { contractions, readSchema, type Schema } from '../support/database/schema-changes.ts'
import { createEmptyDatabase } from '../support/database/test-database.ts'

const migrations = join(import.meta.dirname, '../../drizzle/migrations')
const { lastMigration } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../drizzle/last-release.json'), 'utf8'),
) as { lastMigration: string | null }

let url: string
let drop: () => Promise<void>
let connection: Connection
let folder: string
beforeEach(async () => {
  ;({ url, drop } = await createEmptyDatabase())
  connection = await mysql.createConnection({ uri: url, multipleStatements: true })
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
})
afterEach(async () => {
  await connection.end()
  await drop()
  rmSync(folder, { recursive: true, force: true })
})

interface Journal {
  readonly entries: readonly { readonly idx: number; readonly when: number; readonly tag: string }[]
}
const journalOf = (of: string) => JSON.parse(readFileSync(join(of, 'meta/_journal.json'), 'utf8')) as Journal

/** The schema that the last release was written for, and that of the files as they are. */
async function schemas(files: string, last: string): Promise<{ before: Schema; after: Schema }> {
  const { entries, ...rest } = journalOf(files)
  const end = entries.findIndex(({ tag }) => tag === last)
  if (end < 0) throw new Error(`drizzle/last-release.json names ${last}, which is no migration`)
  cpSync(files, folder, { recursive: true })
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ ...rest, entries: entries.slice(0, end + 1) }))
  await migrateDatabase(url, { folder })
  const before = await readSchema(connection)
  await migrateDatabase(url, { folder: files })
  return { before, after: await readSchema(connection) }
}

test('the migrations since the last release take nothing from its code', async () => {
  // Before the first release there is nobody to take anything from.
  if (lastMigration === null) return
  const { before, after } = await schemas(migrations, lastMigration)
  expect(before.columns.size).toBeGreaterThan(50)
  expect(contractions(before, after)).toEqual([])
})

test('the migrations were written in the order in which they are applied', () => {
  const times = journalOf(migrations).entries.map(({ when }) => when)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
})

test('a release that names a migration that is not there is an error, not a pass', async () => {
  await expect(schemas(migrations, '0099_gone')).rejects.toThrow('names 0099_gone')
})

const table = `CREATE TABLE t (
  id int AUTO_INCREMENT PRIMARY KEY, name varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, note text,
  amount decimal(10,2) NOT NULL DEFAULT 0, status varchar(10) NOT NULL,
  open_name varchar(20) CHARACTER SET ascii COLLATE ascii_bin GENERATED ALWAYS AS (if(status = 'open', name, null)) STORED, KEY by_name (name, id),
  CONSTRAINT known CHECK (status IN ('open', 'done')))`

const changes = async (statements: string) => {
  await connection.query(table)
  const before = await readSchema(connection)
  await connection.query(statements)
  return contractions(before, await readSchema(connection))
}

describe('what old code cannot live with is refused', () => {
  test.each([
    ['a column that is gone', 'ALTER TABLE t DROP COLUMN note', /^t\.note is gone/],
    ['a column of another name', 'ALTER TABLE t RENAME COLUMN note TO remark', /^t\.note is gone, or has another name/],
    ['a table that is gone', 'DROP TABLE t', /^t\.id is gone/],
    [
      'a shorter text',
      'ALTER TABLE t MODIFY name varchar(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL',
      /^t\.name was varchar\(20\)/,
    ],
    ['a smaller number', 'ALTER TABLE t MODIFY id smallint AUTO_INCREMENT', /^t\.id was int.* which holds less/],
    [
      'fewer digits before the point',
      'ALTER TABLE t MODIFY amount decimal(10,4) NOT NULL DEFAULT 0',
      /^t\.amount was decimal/,
    ],
    ['another type', 'ALTER TABLE t MODIFY note int', /^t\.note was text and is int/],
    ['no NULL any more', "ALTER TABLE t MODIFY note text NOT NULL DEFAULT ('')", /^t\.note takes no NULL/],
    ['a default that is gone', 'ALTER TABLE t MODIFY amount decimal(10,2) NOT NULL', /^t\.amount may not be left out/],
    [
      'another collation',
      'ALTER TABLE t MODIFY name varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL',
      /^t\.name compares by/,
    ],
    [
      'a new column without a default',
      'ALTER TABLE t ADD owner varchar(10) NOT NULL',
      /^t\.owner is new and may not be left out/,
    ],
    [
      'a derived column that is derived in another way',
      "ALTER TABLE t MODIFY open_name varchar(20) CHARACTER SET ascii COLLATE ascii_bin GENERATED ALWAYS AS (if(status = 'done', name, null)) STORED",
      /^t\.open_name is derived in another way: .*done/,
    ],
    ['an index that statements name', 'ALTER TABLE t DROP KEY by_name', /^the index t\.by_name/],
    ['an index of other columns', 'ALTER TABLE t DROP KEY by_name, ADD KEY by_name (name)', /^the index t\.by_name/],
    ['a new uniqueness', 'ALTER TABLE t ADD UNIQUE KEY once (name)', /^t\.once \(unique name\) refuses/],
    ['a new check', 'ALTER TABLE t ADD CONSTRAINT positive CHECK (amount >= 0)', /^the check t\.positive is new/],
    [
      'a check that allows less',
      "ALTER TABLE t DROP CONSTRAINT known; ALTER TABLE t ADD CONSTRAINT known CHECK (status IN ('open', 'over'))",
      /^the check t\.known allows less/,
    ],
  ])('%s', async (_what, statements, message) => {
    expect(await changes(statements)).toContainEqual(expect.stringMatching(message))
  })
})

describe('what old code does not notice is let through', () => {
  test.each([
    ['a new table', 'CREATE TABLE u (id int PRIMARY KEY, owner varchar(10) NOT NULL UNIQUE, CHECK (id > 0))'],
    ['a new column that may be left out', 'ALTER TABLE t ADD owner varchar(10), ADD tries int NOT NULL DEFAULT 0'],
    [
      'a check of new columns alone',
      'ALTER TABLE t ADD tries int NOT NULL DEFAULT 0, ADD CONSTRAINT few CHECK (tries < 9)',
    ],
    [
      'a new column that is derived',
      "ALTER TABLE t ADD done_name varchar(20) CHARACTER SET ascii COLLATE ascii_bin GENERATED ALWAYS AS (if(status = 'done', name, null)) STORED",
    ],
    ['a longer text', 'ALTER TABLE t MODIFY name varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL'],
    ['a larger number', 'ALTER TABLE t MODIFY id bigint AUTO_INCREMENT'],
    ['a longer kind of text', 'ALTER TABLE t MODIFY note mediumtext'],
    ['more digits', 'ALTER TABLE t MODIFY amount decimal(14,4) NOT NULL DEFAULT 0'],
    ['a NULL where there was none', 'ALTER TABLE t MODIFY status varchar(10) NULL'],
    ['a new index', 'ALTER TABLE t ADD KEY by_status (status, id)'],
    [
      'a check that allows more',
      "ALTER TABLE t DROP CONSTRAINT known; ALTER TABLE t ADD CONSTRAINT known CHECK (status IN ('open', 'done', 'held'))",
    ],
    ['a check that is gone', 'ALTER TABLE t DROP CONSTRAINT known'],
  ])('%s', async (_what, statements) => {
    expect(await changes(statements)).toEqual([])
  })
})
