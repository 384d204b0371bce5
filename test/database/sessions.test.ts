import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { matchedBy, rowsOf } from '../../core/database/sql.ts'
import { type DatabaseProxy, startProxy } from '../support/database/proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let isMariaDb: boolean
beforeAll(async () => {
  // Its own: tables are added.
  direct = await createTestDatabase()
  await direct.sql('CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)')
  await direct.sql('INSERT INTO counters VALUES (1, 0), (2, 0)')
  await direct.sql(
    'CREATE TABLE narrow (id int PRIMARY KEY, n tinyint NOT NULL, word varchar(3) CHARACTER SET ascii, CHECK (n < 100))',
  )
  await direct.sql('INSERT INTO narrow VALUES (1, 1, NULL)')
  const [row] = await direct.sql('SELECT VERSION() AS version')
  isMariaDb = /mariadb/i.test(String(row?.version))
  proxy = await startProxy(direct.url)
})
afterAll(async () => {
  await proxy.close()
  await direct.drop()
})

const open = (url = direct.url, options = {}): Database =>
  openDatabase(url, { connections: 1, random: () => 0, ...options })
const add = (on: Database, id = 1) =>
  on.transact((tx) => matchedBy(tx, sql`UPDATE counters SET n = n + 1 WHERE id = ${id}`))
const sessionOf = async (on: Database) =>
  Number((await on.run((query) => rowsOf<{ id: number }>(query, sql`SELECT CONNECTION_ID() AS id`)))[0]?.id)
/** As Lambda freezes a function: nothing of this process runs meanwhile, and what has arrived is not read. */
const freeze = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)

/** A proxy that has numbers of its own for its sessions: always this one. */
async function startNumbering(serverUrl: string, session: number): Promise<{ url: string; close(): void }> {
  const { hostname, port } = new URL(serverUrl)
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    upstream.once('data', (greeting) => {
      // Behind the version, which ends with a zero: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html
      greeting.writeUInt32LE(session, greeting.indexOf(0, 5) + 1)
      client.write(greeting)
      upstream.pipe(client)
    })
    client.pipe(upstream)
    for (const end of [client, upstream]) end.on('error', () => undefined)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = new URL(serverUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return { url: url.href, close: () => server.close() }
}

describe('a function that was frozen', () => {
  test.each([
    ['a statement', (on: Database) => on.run((query) => matchedBy(query, sql`UPDATE counters SET n = n WHERE id = 1`))],
    ['a transaction', (on: Database) => add(on)],
  ])('has %s done on a new connection where the server has closed its own', async (_what, work) => {
    const thawed = open()
    const before = await sessionOf(thawed)
    await thawed.run((on) => on.execute(sql`SET SESSION wait_timeout = 1`))
    freeze(2_500)
    expect(await work(thawed)).toBe(1)
    expect(await sessionOf(thawed)).not.toBe(before)
    await thawed.close()
  })

  test('does not use what has been idle for two thirds of the server’s limit', async () => {
    let now = 0
    const thawed = open(direct.url, { now: () => now })
    const first = await sessionOf(thawed)
    now += 9_999
    expect(await sessionOf(thawed)).toBe(first)
    now += 10_000
    expect(await sessionOf(thawed)).not.toBe(first)
    await thawed.close()
  })
})

test('sessions have limits of the server’s own, and a SET only where something differs', async () => {
  proxy.statements.length = 0
  const through = open(proxy.url(direct.url))
  const name = isMariaDb ? 'max_statement_time * 1000' : 'max_execution_time'
  const [row] = await through.run((on) =>
    rowsOf<Record<string, number>>(
      on,
      sql`SELECT @@wait_timeout AS idle, @@innodb_lock_wait_timeout AS locks, ${sql.raw(`@@${name}`)} AS statement`,
    ),
  )
  expect(Object.values(row ?? {}).map(Number)).toEqual([15, 10, 20_000])
  await through.close()
  const sets = () => proxy.statements.filter((statement) => statement.startsWith('SET SESSION'))
  expect(sets()).toHaveLength(1)
})

describe('the kind of server', () => {
  /** What was asked to find out. */
  const asked = () => proxy.statements.filter((one) => /VITESS|VERSION/.test(one))
  /** As many sessions as there are connections, all at once. */
  const settings = (on: Database, connections: number) =>
    Promise.all(
      Array.from({ length: connections }, () =>
        on.run((query) => rowsOf<{ idle: number }>(query, sql`SELECT @@wait_timeout AS idle, SLEEP(0.2)`)),
      ),
    )

  test('is asked once for all connections, in one statement', async () => {
    proxy.statements.length = 0
    const through = open(proxy.url(direct.url), { connections: 4 })
    const sessions = await settings(through, 4)
    expect(sessions.map(([row]) => Number(row?.idle))).toEqual([15, 15, 15, 15])
    await through.close()
    expect(asked()).toEqual(['SHOW VITESS_TARGET'])
    expect(proxy.statements.filter((one) => one.startsWith('SET SESSION'))).toHaveLength(4)
  })

  test('is asked again where the first connection that asked found no answer', async () => {
    proxy.statements.length = 0
    const through = open(proxy.url(direct.url), { connections: 2, random: () => 1 })
    proxy.failStatements({ matches: /VITESS/, errno: 1213, sqlState: '40001', message: 'Deadlock found' })
    const sessions = settings(through, 2)
    await expect.poll(() => asked().length).toBeGreaterThan(0)
    proxy.failStatements(null)
    expect((await sessions).map(([row]) => Number(row?.idle))).toEqual([15, 15])
    await through.close()
    expect(asked().length).toBeGreaterThan(1)
  })

  test('is found in its version where the message is in another language', async () => {
    proxy.statements.length = 0
    const message = 'Fehler in der SQL-Syntax'
    proxy.failStatements({ matches: /VITESS/, errno: 1064, sqlState: '42000', message })
    const through = open(proxy.url(direct.url))
    expect((await settings(through, 1)).map(([row]) => Number(row?.idle))).toEqual([15])
    proxy.failStatements(null)
    await through.close()
    expect(asked()).toEqual(['SHOW VITESS_TARGET', 'SELECT VERSION() AS version'])
  })
})

test('a row that a dead client has locked is free once the server has missed it for the limit', async () => {
  const dying = open(proxy.url(direct.url), { sessionIdleSeconds: 2 })
  const locked = Promise.withResolvers<void>()
  const dead = dying
    .transact(async (tx) => {
      await matchedBy(tx, sql`UPDATE counters SET n = n + 100 WHERE id = 2`)
      proxy.fallSilent()
      locked.resolve()
      await matchedBy(tx, sql`UPDATE counters SET n = n + 100 WHERE id = 2`)
    })
    .catch(() => undefined)
  await locked.promise
  await expect(direct.sql('SELECT n FROM counters WHERE id = 2 FOR UPDATE NOWAIT'), 'it is locked').rejects.toThrow()
  await expect
    .poll(() => direct.sql('SELECT n FROM counters WHERE id = 2 FOR UPDATE NOWAIT').catch(() => 'locked'), {
      timeout: 20_000,
      interval: 200,
    })
    .toEqual([{ n: 0 }])
  expect(await add(direct, 2)).toBe(1)
  await proxy.refuse()
  await dead
  await dying.close()
  await proxy.resume()
})

describe('what takes too long', () => {
  const slow = (marker: string, rest = '') =>
    sql.raw(`SELECT '${marker}', COUNT(*) AS n FROM information_schema.collations a, information_schema.collations b,
      information_schema.collations c, information_schema.collations d ${rest}`)
  const running = async (marker: string) =>
    (
      await direct.sql(
        `SELECT id FROM information_schema.processlist WHERE info LIKE '%${marker}%' AND id <> CONNECTION_ID()`,
      )
    ).length

  test('a read with a limit is ended by the server, is not repeated, and leaves its connection in use', async () => {
    const hasty = open()
    const session = await sessionOf(hasty)
    const marker = randomUUID()
    let times = 0
    const read = hasty.run(
      (on) => {
        times++
        return rowsOf(on, slow(marker))
      },
      { limitMs: 200 },
    )
    await expect(read).rejects.toMatchObject({ code: 'database.unavailable' })
    expect(times).toBe(1)
    await expect.poll(() => running(marker)).toBe(0)
    expect(await sessionOf(hasty)).toBe(session)
    await hasty.close()
  })

  test('a limit is no hindrance to a read within it, whatever it begins with', async () => {
    const reads = [
      sql`SELECT 1 AS n`,
      sql`(SELECT 1 AS n) UNION ALL (SELECT 1)`,
      sql`WITH one AS (SELECT 1 AS n) SELECT n FROM one`,
    ]
    for (const read of reads) {
      const [row] = await direct.run((on) => rowsOf(on, read), { limitMs: 5_000 })
      expect(row).toEqual({ n: 1 })
    }
    const built = await direct.run((on) => on.select({ n: sql<number>`1` }).from(sql`counters`), { limitMs: 5_000 })
    expect(built).toHaveLength(2)
  })

  test('work that our clock ends is ended on the server too, and done once', async () => {
    const hasty = open(direct.url, { workMs: 1_000 })
    const marker = randomUUID()
    let times = 0
    const write = hasty.transact(async (tx) => {
      times++
      await tx.execute(sql.raw(`UPDATE counters SET n = n + SLEEP(60) WHERE id = 1 AND '${marker}' <> ''`))
    })
    await expect(write).rejects.toMatchObject({ code: 'database.unavailable' })
    expect(times).toBe(1)
    await expect.poll(() => running(marker)).toBe(0)
    expect(await add(hasty)).toBe(1)
    await hasty.close()
  })

  test('another session that has the same number, as behind a proxy or after a failover, goes on', async () => {
    const other = open()
    const session = await sessionOf(other)
    const numbering = await startNumbering(direct.url, session)
    const hasty = open(numbering.url, { workMs: 1_000 })
    await expect(hasty.run((on) => rowsOf(on, slow(randomUUID())))).rejects.toMatchObject({
      code: 'database.unavailable',
    })
    // Not before what it would end has been ended.
    await hasty.close()
    expect(await sessionOf(other)).toBe(session)
    await other.close()
    numbering.close()
  })

  test('an unlimited read is ended by the server at the time limit of the work', async () => {
    const hasty = open(direct.url, { workMs: 1_000 })
    const marker = randomUUID()
    await expect(hasty.run((on) => rowsOf(on, slow(marker)))).rejects.toMatchObject({ code: 'database.unavailable' })
    await expect.poll(() => running(marker)).toBe(0)
    await hasty.close()
  })

  test('a wait for a connection that others hold ends with the work’s time', async () => {
    const hasty = open(direct.url, { workMs: 300 })
    const held = Promise.withResolvers<void>()
    const holder = hasty.run(() => held.promise, { limitMs: 60_000 })
    await expect(hasty.run((on) => rowsOf(on, sql`SELECT 1`))).rejects.toMatchObject({ code: 'database.unavailable' })
    held.resolve()
    await holder
    expect(await add(hasty)).toBe(1)
    await hasty.close()
  })
})

describe('real errors of a real server', () => {
  const insert = (values: string) =>
    direct.run((on) => matchedBy(on, sql.raw(`INSERT INTO narrow (id, n, word) VALUES ${values}`)))

  test.each([
    ['a number out of range', "(2, 1000, 'a')"],
    ['a text too long', "(2, 1, 'abcd')"],
    ['a character that the column cannot hold', "(2, 1, '🦊')"],
    ['a NULL', "(2, NULL, 'a')"],
    ['a check', "(2, 101, 'a')"],
    ['a key met twice', "(1, 1, 'a')"],
  ])('%s is thrown as it is', async (_what, values) => {
    await expect(insert(values)).rejects.toMatchObject({ cause: { errno: expect.any(Number) } })
  })

  test('a table that is full is the database’s trouble, and not tried again', async () => {
    const through = open()
    let times = 0
    const filling = through.run(async (on) => {
      times++
      await on.execute(sql`SET SESSION max_heap_table_size = 16384`)
      await on.execute(sql`CREATE TEMPORARY TABLE small (a char(255)) ENGINE = MEMORY`)
      const rows = sql.join(Array(1_000).fill(sql`('a')`), sql`, `)
      await on.execute(sql`INSERT INTO small VALUES ${rows}`)
    })
    await expect(filling).rejects.toMatchObject({ code: 'database.unavailable', detail: 'ER_RECORD_FILE_FULL' })
    expect(times).toBe(1)
    await through.close()
  })

  test('a session that can only read is left for another', async () => {
    const through = open()
    await through.run((on) => on.execute(sql`SET SESSION TRANSACTION READ ONLY`))
    expect(await add(through)).toBe(1)
    await through.close()
  })

  test('a statement that was killed is repeated', async () => {
    const through = open()
    const session = await sessionOf(through)
    let times = 0
    const slow = through.run((on) => {
      times++
      return matchedBy(on, sql`UPDATE counters SET n = n + SLEEP(${times === 1 ? 20 : 0}) WHERE id = 1`)
    })
    await expect
      .poll(() =>
        direct.sql(`SELECT 1 FROM information_schema.processlist WHERE id = ? AND info LIKE '%SLEEP%'`, [session]),
      )
      .toHaveLength(1)
    await direct.sql('KILL QUERY ?', [session])
    await slow
    expect(times).toBe(2)
    await through.close()
  })
})
