import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import mysql, { type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { matchedBy, rowsOf } from '../../core/database/sql.ts'
import { secureDatabaseUrl } from '../../core/platform/config/database-url.ts'
import { openDataFolder } from '../../dev/data/data-folder.ts'
import { startPrivateDatabase } from '../../dev/database/start-database.ts'
import { putServerData } from '../support/dev/server-data.ts'
import { makeCertificate } from '../support/network/certificate.ts'

// A server of its own, since these tests change what holds for everybody on it.
const right = makeCertificate(['localhost'])
const wrong = makeCertificate(['db.example'])
let path: string
let server: Awaited<ReturnType<typeof startPrivateDatabase>>
let admin: Connection

const present = async ({ cert, key }: typeof right) => {
  await writeFile(join(path, 'server-cert.pem'), cert)
  await writeFile(join(path, 'server-key.pem'), key)
}

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'vision-pipeline-test-'))
  await present(right)
  await putServerData(path)
  server = await startPrivateDatabase({
    folder: await openDataFolder(path),
    env: process.env,
    log: () => undefined,
    administrator: true,
    settings: [
      `--ssl-cert=${join(path, 'server-cert.pem')}`,
      `--ssl-key=${join(path, 'server-key.pem')}`,
      '--max-allowed-packet=1048576',
      '--innodb-flush-log-at-trx-commit=0',
    ],
  })
  admin = await mysql.createConnection(server.url)
  await admin.query('CREATE TABLE words (id int PRIMARY KEY, word longtext)')
  await admin.query(`CREATE USER 'few'@'%' IDENTIFIED BY 'few'`)
  await admin.query(`GRANT ALL ON *.* TO 'few'@'%'`)
  // Whoever administers a server may write while it is read-only.
  await admin.query(`REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM 'few'@'%'`)
})
afterAll(async () => {
  await admin?.end()
  await server?.stop()
  await rm(path, { recursive: true, force: true })
})

/** The database by its name; what it presents is trusted, so that only the name can be wrong. */
const named = (ssl: object) => {
  const url = new URL(server.url)
  url.hostname = 'localhost'
  url.username = 'few'
  url.password = 'few'
  url.searchParams.set('ssl', JSON.stringify({ ca: right.cert, ...ssl }))
  return url.href
}
const cipher = async (url: string) => {
  const database = openDatabase(url, { connections: 1, random: () => 0 })
  try {
    const [row] = await database.run((on) => rowsOf<{ Value: string }>(on, sql`SHOW STATUS LIKE 'Ssl_cipher'`))
    return row?.Value
  } finally {
    await database.close()
  }
}

describe('a certificate', () => {
  test('of the right name is taken', async () => {
    expect(await cipher(secureDatabaseUrl(named({})))).toMatch(/./)
  })

  test('of another name is not, and nothing is sent to it', async () => {
    await present(wrong)
    await admin.query('FLUSH SSL')
    try {
      const refused = { code: 'database.unavailable', detail: 'HANDSHAKE_SSL_ERROR' }
      const ca = wrong.cert
      await expect(cipher(secureDatabaseUrl(named({ ca })))).rejects.toMatchObject(refused)
      await expect(cipher(secureDatabaseUrl(named({ ca, rejectUnauthorized: true })))).rejects.toMatchObject(refused)
      expect(await cipher(secureDatabaseUrl(named({ ca, verifyIdentity: false }))), 'it is the name').toMatch(/./)
    } finally {
      await present(right)
      await admin.query('FLUSH SSL')
    }
  })

  test('that no authority signed is refused', async () => {
    await expect(cipher(secureDatabaseUrl(named({ ca: wrong.cert })))).rejects.toMatchObject({
      code: 'database.unavailable',
    })
  })
})

describe('errors', () => {
  let database: Database
  beforeAll(() => {
    database = openDatabase(secureDatabaseUrl(named({})), { connections: 1, random: () => 0 })
  })
  afterAll(() => database.close())
  const insert = (id: number, bytes: number) =>
    database.transact((tx) => matchedBy(tx, sql`INSERT INTO words VALUES (${id}, ${'x'.repeat(bytes)})`))

  test('a server that has become a replica is tried on new connections, and is then the database’s trouble', async () => {
    await admin.query('SET GLOBAL read_only = 1')
    await expect(insert(1, 1)).rejects.toMatchObject({
      code: 'database.unavailable',
      detail: 'ER_OPTION_PREVENTS_STATEMENT',
    })
    await admin.query('SET GLOBAL read_only = 0')
    expect(await insert(1, 1)).toBe(1)
  })

  test('a packet that the server does not take fails the work, and the next has a connection', async () => {
    let times = 0
    const plain = openDatabase(server.url, { connections: 1, random: () => 0 })
    const sending = plain.transact((tx) => {
      times++
      return matchedBy(tx, sql`INSERT INTO words VALUES (2, ${'x'.repeat(2_000_000)})`)
    })
    const error = await sending.catch((thrown: unknown) => thrown)
    // The server refuses and hangs up; where the latter arrives first it looks like a broken connection, which is tried again.
    if ((error as { cause?: { code?: string } }).cause?.code === 'ER_NET_PACKET_TOO_LARGE') {
      expect([1, 2, 3, 4, 5]).toContain(times)
    } else {
      const detail = expect.stringMatching(/^(ECONNRESET|EPIPE|PROTOCOL_CONNECTION_LOST)$/)
      expect(error).toMatchObject({ code: 'database.unavailable', detail })
      expect(times).toBe(5)
    }
    expect(await plain.transact((tx) => matchedBy(tx, sql`INSERT INTO words VALUES (2, 'x')`))).toBe(1)
    await plain.close()
  })
})
