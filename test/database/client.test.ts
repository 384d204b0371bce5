import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import mysql from 'mysql2/promise'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../core/database/sql.ts'
import { innermost } from '../../core/domain/errors.ts'
import { type DatabaseProxy, startProxy } from '../support/database/proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
beforeAll(async () => {
  // Its own: a table is added.
  direct = await createTestDatabase()
  await direct.sql('CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)')
  await direct.sql('INSERT INTO counters VALUES (1, 0), (2, 0)')
  proxy = await startProxy(direct.url)
})
afterAll(async () => {
  await proxy.close()
  await direct.drop()
})

const open = (url: string, connections = 1): Database => openDatabase(url, { connections, random: Math.random })
const one = (on: Database) => on.run((query) => rowsOf<{ n: number }>(query, sql`SELECT 1 AS n`))
const add = (on: Database, id = 1) =>
  on.transact((tx) => matchedBy(tx, sql`UPDATE counters SET n = n + 1 WHERE id = ${id}`))
const counted = async (id = 1) => Number((await direct.sql('SELECT n FROM counters WHERE id = ?', [id]))[0]?.n)

test('nothing connects before the first query', async () => {
  const nowhere = open('mysql://nobody@127.0.0.1:1/none')
  await nowhere.close()
})

test('a server that stays away is database.unavailable, without its address', async () => {
  const nowhere = open('mysql://nobody:secret-word@127.0.0.1:1/none')
  const error = await one(nowhere).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'database.unavailable', detail: 'ECONNREFUSED' })
  expect(error.message).not.toMatch(/127\.0\.0\.1|secret-word/)
  await expect(add(nowhere)).rejects.toMatchObject({ code: 'database.unavailable' })
  await nowhere.close()
})

test('an error of a statement says where it was sent from, and a statement that succeeds does not look', async () => {
  const on = open(direct.url)
  const ask = async (query: Queryable) => [await rowsOf(query, sql`SELECT no_such_column`)]
  const fetchIt = async (query: Queryable) => [await ask(query)]
  const written = vi.spyOn(Error, 'captureStackTrace')
  await one(on)
  await add(on)
  expect(written).not.toHaveBeenCalled()
  written.mockRestore()
  const ways = [() => on.run(fetchIt), () => on.transact(fetchIt), () => on.run(fetchIt, { limitMs: 1_000 })]
  for (const way of ways) {
    const { stack } = innermost(await way().catch((error) => error)) as Error
    expect(stack).toMatch(/^Error: Unknown column 'no_such_column'[^\n]*\n/)
    const frames = stack?.match(/^ +at .*$/gm) ?? []
    const ours = frames.findIndex((frame) => /\bask\b.*client\.test\.ts/.test(frame))
    expect(ours, stack).toBeGreaterThanOrEqual(0)
    // As many as the log shows.
    expect(ours, stack).toBeLessThan(5)
    expect(frames[ours + 1]).toMatch(/\bfetchIt\b/)
  }
  await on.close()
})

test('it closes while a connection is being opened that fails', async () => {
  for (let at = 0; at < 40; at++) {
    const nowhere = open('mysql://nobody@127.0.0.1:1/none')
    const asked = one(nowhere).catch(() => undefined)
    await delay(at % 4)
    await nowhere.close()
    await asked
  }
})

test('a server that restarts between two statements is not noticed', async () => {
  const through = open(proxy.url(direct.url), 3)
  await Promise.all([add(through), one(through), one(through)])
  const before = await counted()
  await proxy.refuse()
  const both = Promise.all([add(through), one(through)])
  await delay(40)
  await proxy.resume()
  await both
  expect(await counted()).toBe(before + 1)
  await through.close()
})

test('a connection that dies in the middle of a transaction has it done again, from the start and once', async () => {
  const through = open(proxy.url(direct.url))
  const before = await counted()
  let times = 0
  await through.transact(async (tx) => {
    times++
    await matchedBy(tx, sql`UPDATE counters SET n = n + 1 WHERE id = 1`)
    if (times === 1) {
      await proxy.refuse()
      await proxy.resume()
    }
    return rowsOf(tx, sql`SELECT 1`)
  })
  expect(times).toBe(2)
  expect(await counted()).toBe(before + 1)
  await through.close()
})

test('an idle connection that the server has closed is replaced', async () => {
  const through = open(direct.url)
  await through.run((on) => on.execute(sql`SET SESSION wait_timeout = 1`))
  await delay(1_500)
  expect(await one(through)).toEqual([{ n: 1 }])
  await through.close()
})

test('a session that an administrator ends under a statement has the statement repeated', async () => {
  const through = open(direct.url, 2)
  let id = 0
  let times = 0
  const slow = through.run(async (on) => {
    times++
    id = Number((await rowsOf<{ id: number }>(on, sql`SELECT CONNECTION_ID() AS id`))[0]?.id)
    return rowsOf(on, sql`SELECT SLEEP(${times === 1 ? 20 : 0}) AS slept`)
  })
  await expect.poll(() => id).toBeGreaterThan(0)
  await delay(100)
  await direct.sql('KILL ?', [id])
  await slow
  expect(times).toBe(2)
  await through.close()
})

test('a commit with an unknown result is database.unavailable if it cannot be verified', async () => {
  const through = open(proxy.url(direct.url))
  const before = await counted()
  proxy.failNextCommit('answer lost')
  await expect(add(through)).rejects.toMatchObject({ code: 'database.unavailable' })
  expect(await counted()).toBe(before + 1)
  await through.close()
})

test('a server with too many connections is asked again', async () => {
  const through = open(proxy.url(direct.url))
  proxy.tooManyConnections(3)
  expect(await one(through)).toEqual([{ n: 1 }])
  await through.close()
  const given = open(proxy.url(direct.url))
  proxy.tooManyConnections(100)
  await expect(one(given)).rejects.toMatchObject({ code: 'database.unavailable', detail: 'ER_CON_COUNT_ERROR' })
  proxy.tooManyConnections(0)
  await given.close()
})

test('a user with too many connections waits for one of them', async () => {
  const admin = await mysql.createConnection(inject('databaseServer'))
  const user = `few_${randomUUID().slice(0, 8)}`
  await admin.query(`CREATE USER '${user}'@'%' IDENTIFIED BY 'few' WITH MAX_USER_CONNECTIONS 1`)
  try {
    const url = new URL(direct.url)
    await admin.query(`GRANT ALL ON ${url.pathname.slice(1)}.* TO '${user}'@'%'`)
    url.username = user
    url.password = 'few'
    const first = open(url.href)
    const second = open(url.href)
    await one(first)
    const waiting = one(second)
    await delay(20)
    await first.close()
    expect(await waiting).toEqual([{ n: 1 }])
    await second.close()
  } finally {
    await admin.query(`DROP USER '${user}'@'%'`)
    await admin.end()
  }
})

test('two transactions that deadlock both take effect', async () => {
  const left = open(direct.url)
  const right = open(direct.url)
  const before = [await counted(1), await counted(2)]
  let met = 0
  const both = Promise.withResolvers<void>()
  const cross = (on: Database, order: readonly number[]) =>
    on.transact(async (tx) => {
      for (const [index, id] of order.entries()) {
        await matchedBy(tx, sql`UPDATE counters SET n = n + 1 WHERE id = ${id}`)
        if (index === 0 && ++met === 2) both.resolve()
        if (index === 0 && met <= 2) await both.promise
      }
    })
  await Promise.all([cross(left, [1, 2]), cross(right, [2, 1])])
  expect(met, 'one of them was done again').toBe(3)
  expect([await counted(1), await counted(2)]).toEqual(before.map((n) => n + 2))
  await Promise.all([left.close(), right.close()])
})

test('a row that stays locked is database.unavailable, and its connection can be used again', async () => {
  const waiting = openDatabase(direct.url, { connections: 1, random: () => 0 })
  await waiting.run((on) => on.execute(sql`SET SESSION innodb_lock_wait_timeout = 1`))
  const holder = await mysql.createConnection(direct.url)
  await holder.query('BEGIN')
  await holder.query('UPDATE counters SET n = n + 0 WHERE id = 2')
  await expect(add(waiting, 2)).rejects.toMatchObject({
    code: 'database.unavailable',
    detail: 'ER_LOCK_WAIT_TIMEOUT',
  })
  await holder.query('ROLLBACK')
  await holder.end()
  expect(await add(waiting, 2)).toBe(1)
  await waiting.close()
})

test('an error of the statement is thrown as it is, once, and leaves nothing of the transaction', async () => {
  const before = await counted()
  let times = 0
  await expect(
    direct.transact(async (tx) => {
      times++
      await matchedBy(tx, sql`UPDATE counters SET n = n + 1 WHERE id = 1`)
      await matchedBy(tx, sql`UPDATE no_such_table SET n = 1`)
    }),
  ).rejects.toMatchObject({ cause: { code: 'ER_NO_SUCH_TABLE' } })
  expect(times).toBe(1)
  expect(await counted()).toBe(before)
})

test('a statement on its own is READ COMMITTED as well, also on a new connection', async () => {
  const fresh = open(direct.url)
  const rows = await fresh.run((on) => rowsOf<{ Value: string }>(on, sql`SHOW VARIABLES LIKE 't%\\_isolation'`))
  expect(rows.map((row) => row.Value)).toEqual(['READ-COMMITTED'])
  await fresh.close()
})

test('transactions read what others have committed meanwhile', async () => {
  const before = await counted()
  const [first, second] = await direct.transact(async (tx) => {
    const read = async () => (await rowsOf<{ n: number }>(tx, sql`SELECT n FROM counters WHERE id = 1`))[0]?.n
    const earlier = await read()
    await direct.sql('UPDATE counters SET n = n + 1 WHERE id = 1')
    return [earlier, await read()]
  })
  expect([first, second]).toEqual([before, before + 1])
})

test.each([1290, 1836, 1317])(
  'a failover’s error %d is tried again, and then database.unavailable',
  async (errno) => {
    let times = 0
    const failing = direct.transact(async (tx) => {
      times++
      await tx.execute(sql.raw(`SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'a failover'`))
    })
    await expect(failing).rejects.toMatchObject({ code: 'database.unavailable' })
    expect(times).toBe(5)
    expect(await add(direct, 2)).toBe(1)
  },
  20_000,
)

test('a host that cannot be found just now is database.unavailable', async () => {
  const nowhere = openDatabase('mysql://root@nowhere.invalid/x', { connections: 1, random: () => 0 })
  await expect(nowhere.run((on) => rowsOf(on, sql`SELECT 1`))).rejects.toMatchObject({ code: 'database.unavailable' })
  await nowhere.close()
})

test('a server that takes too long is given up, in the middle of a transaction too, and the pool goes on', async () => {
  const hasty = openDatabase(direct.url, { connections: 1, random: () => 0, workMs: 1_000 })
  const [server] = await direct.sql('SELECT VERSION() AS version')
  const limit = /mariadb/i.test(String(server?.version)) ? 'max_statement_time' : 'max_execution_time'
  const before = await counted()
  let times = 0
  const slow = hasty.transact(async (tx) => {
    times++
    // The server's own limit is as long: MySQL's would end the sleep without an error, and the COMMIT would be on its way.
    await tx.execute(sql.raw(`SET SESSION ${limit} = 0`))
    await matchedBy(tx, sql`UPDATE counters SET n = n + 1 WHERE id = 1`)
    await tx.execute(sql`SELECT SLEEP(30)`)
  })
  await expect(slow).rejects.toMatchObject({ code: 'database.unavailable', detail: 'ETIMEDOUT' })
  expect(times, 'what was too slow once is not asked for again').toBe(1)
  expect(await hasty.run((on) => rowsOf(on, sql`SELECT 1 AS one`))).toEqual([{ one: 1 }])
  expect(await counted(), 'nothing was committed').toBe(before)
  await hasty.close()
})
