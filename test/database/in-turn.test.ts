import { sql } from 'drizzle-orm'
import mysql from 'mysql2/promise'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { matchedBy, type Queryable } from '../../core/database/sql.ts'
import { updateRows } from '../../core/database/update-rows.ts'
import { innermost } from '../../core/domain/errors.ts'
import { type DatabaseProxy, startProxy } from '../support/database/proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let database: Database
beforeAll(async () => {
  // Its own: tables are added.
  direct = await createTestDatabase()
  await direct.sql('CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)')
  await direct.sql('CREATE TABLE notes (note varchar(20) PRIMARY KEY)')
  proxy = await startProxy(direct.url)
  database = openDatabase(proxy.url(direct.url), { connections: 1, random: Math.random })
})
afterAll(async () => {
  await database.close()
  await proxy.close()
  await direct.drop()
})
beforeEach(async () => {
  await direct.sql('DELETE FROM notes')
  await direct.sql('REPLACE INTO counters VALUES (1, 0), (2, 0)')
})

const noteDown = (tx: Queryable, note: string) => matchedBy(tx, sql`INSERT INTO notes VALUES (${note})`)
const add = (tx: Queryable, id: number) => matchedBy(tx, sql`UPDATE counters SET n = n + 1 WHERE id = ${id}`)
const notes = async () => (await direct.sql('SELECT note FROM notes ORDER BY note')).map(({ note }) => note)

test('statements that are handed over at once are sent one after the other, in their order', async () => {
  proxy.statements.length = 0
  const found = await database.transact((tx) =>
    Promise.all([noteDown(tx, 'first?'), add(tx, 1), add(tx, 9), noteDown(tx, "it's the last")]),
  )
  expect(found).toEqual([1, 1, 0, 1])
  expect(await notes()).toEqual(['first?', "it's the last"])
  expect(proxy.statements.slice(-6).map((statement) => statement.replaceAll(/\s+/g, ' '))).toEqual([
    'BEGIN',
    "INSERT INTO notes VALUES ('first?')",
    'UPDATE counters SET n = n + 1 WHERE id = 1',
    'UPDATE counters SET n = n + 1 WHERE id = 9',
    "INSERT INTO notes VALUES ('it\\'s the last')",
    'COMMIT',
  ])
})

test('after one that failed nothing is sent, and its error is what is thrown', async () => {
  await direct.sql("INSERT INTO notes VALUES ('there')")
  proxy.statements.length = 0
  const work = database.transact((tx) =>
    Promise.all([add(tx, 1), noteDown(tx, 'there'), noteDown(tx, 'after'), add(tx, 2)]),
  )
  await expect(work).rejects.toMatchObject({ cause: { code: 'ER_DUP_ENTRY' } })
  expect(proxy.statements.slice(-2)).toEqual([expect.stringContaining("'there'"), 'ROLLBACK'])
  expect(await notes()).toEqual(['there'])
})

test('nor after the work has thrown, whatever was handed over', async () => {
  proxy.statements.length = 0
  const work = database.transact(async (tx) => {
    const sent = [add(tx, 1), noteDown(tx, 'after')].map((answer) => answer.catch(() => undefined))
    await add(tx, 2).catch(() => undefined)
    sent.push(
      noteDown(tx, 'next').catch(() => undefined),
      noteDown(tx, 'last').catch(() => undefined),
    )
    throw new Error('changed its mind')
  })
  await expect(work).rejects.toThrow('changed its mind')
  // On the same connection.
  await database.transact((tx) => add(tx, 1))
  expect(proxy.statements.join()).toContain('ROLLBACK')
  expect(proxy.statements.join()).not.toContain('last')
  expect(await notes()).toEqual([])
})

test('nor after the COMMIT, where it would take effect by itself', async () => {
  let left: Promise<unknown> | undefined
  await database.transact(async (tx) => {
    left = Promise.allSettled([add(tx, 1), noteDown(tx, 'late')])
  })
  await left
  await database.transact((tx) => add(tx, 1))
  expect(await notes()).toEqual([])
})

test('what follows a statement that a deadlock has ended does not take effect by itself', async () => {
  const other = await mysql.createConnection(direct.url)
  await other.query('BEGIN')
  // The server undoes the transaction that has changed less.
  await other.query(`INSERT INTO notes VALUES ${Array.from({ length: 50 }, (_, at) => `('other ${at}')`).join()}`)
  await other.query('UPDATE counters SET n = n + 1 WHERE id = 2')
  let tries = 0
  await database.transact(async (tx) => {
    tries++
    if (tries > 1) return
    await add(tx, 1)
    const blocked = Promise.all([add(tx, 2), noteDown(tx, 'after')])
    const rival = other.query('UPDATE counters SET n = n + 1 WHERE id = 1')
    try {
      await blocked
    } finally {
      await rival
    }
  })
  await other.query('ROLLBACK')
  await other.end()
  expect(tries, 'a deadlock was met').toBe(2)
  expect(await notes()).toEqual([])
})

test('an error says where the statement that failed was sent, and not one that waited for it', async () => {
  await direct.sql("INSERT INTO notes VALUES ('there')")
  const theFaulty = async (tx: Queryable) => {
    await noteDown(tx, 'there')
  }
  const theWaiting = async (tx: Queryable) => {
    await add(tx, 1)
  }
  const work = database.transact((tx) => Promise.all([theFaulty(tx), theWaiting(tx)]))
  const error = await work.then(
    () => undefined,
    (thrown) => innermost(thrown),
  )
  // Until those that waited have failed as well.
  await database.transact((tx) => add(tx, 1))
  expect((error as Error).stack).toContain('theFaulty')
})

test('a row that cannot be written leaves no failure of another that nobody hears of', async () => {
  const unheard: unknown[] = []
  const hear = (reason: unknown) => unheard.push(reason)
  process.on('unhandledRejection', hear)
  const table = { table: 'counters', index: 'PRIMARY' }
  const rows = [
    { key: { id: 1 }, columns: { n: 1 } },
    { key: { id: 2 }, columns: { id: 2, n: Number.NaN } },
  ]
  const work = database.transact((tx) => Promise.all([add(tx, 1), updateRows(tx, table, rows)]))
  await expect(work).rejects.toThrow('No column can hold NaN')
  await database.transact((tx) => add(tx, 1))
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', hear)
  expect(unheard).toEqual([])
})
