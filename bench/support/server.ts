import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { environment } from '../../core/platform/config/load.ts'
import { openDataFolder } from '../../dev/data/data-folder.ts'
import { startPrivateDatabase } from '../../dev/database/start-database.ts'
import { migrateDatabase } from '../../drizzle/migrate.ts'
import { mysqlDirectories } from '../../test/setup/mysql-server.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A database of a measurement's own, with the schema in place. */
export interface BenchDatabase {
  /** `mysql://…`, of a user who may do anything. */
  readonly url: string
  /** As in `MySQL 9.7.4`. */
  readonly name: string
  readonly kind: 'mariadb' | 'mysql'
  /** A connection beside those that are measured. */
  readonly raw: Connection
  sql(query: string, values?: unknown[]): Promise<RowDataPacket[]>
}

/** What a private server is started with: room for the indexes of two million jobs, and no wait for the disk at a commit. */
const common = [
  '--innodb-buffer-pool-size=1G',
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-doublewrite=0',
  '--max-connections=200',
]
/**
 * The sizes of the redo log that the servers have by themselves. A local data folder has 8 MB, to stay small: at a thousand jobs a
 * second it is full every half second, and the server writes pages out only to make room in it.
 */
const redoLog = { mariadb: '--innodb-log-file-size=96M', mysql: '--innodb-redo-log-capacity=100M' } as const
export const settingsInWords = '1 GB buffer pool, redo log of the default size, flushed each second'

/**
 * The databases to measure on, one after the other: on a private MariaDB and a private MySQL, on one of them where the
 * argument names it, or on the server of TEST_DATABASE_URL alone. Each is dropped after its measurement.
 */
export async function onEachServer(only: string | undefined, measure: (on: BenchDatabase) => Promise<void>) {
  const given = environment().TEST_DATABASE_URL
  const kinds = only ? [only] : given ? ['given'] : ['mariadb', 'mysql']
  for (const kind of kinds) {
    if (!['given', 'mariadb', 'mysql'].includes(kind)) throw new Error(`${kind} is neither mariadb nor mysql`)
    await using cleanup = new AsyncDisposableStack()
    await measure(await openBenchDatabase(cleanup, kind))
  }
}

/** A database on a private server of one kind, or on that of TEST_DATABASE_URL where there is one. It is dropped at the end. */
export async function openBenchDatabase(cleanup: AsyncDisposableStack, kind = 'mariadb'): Promise<BenchDatabase> {
  const server = environment().TEST_DATABASE_URL ?? (await startServer(kind, cleanup))
  return create(cleanup, server, `bench_${process.pid}`)
}

/** A further database, on the server of another, whose name it has with an ending. It is dropped at the end. */
export function openBeside(
  cleanup: AsyncDisposableStack,
  { url }: BenchDatabase,
  ending: string,
): Promise<BenchDatabase> {
  return create(cleanup, url, `${new URL(url).pathname.slice(1)}_${ending}`)
}

async function create(cleanup: AsyncDisposableStack, server: string, name: string): Promise<BenchDatabase> {
  const raw = await mysql.createConnection({ uri: server, timezone: 'Z', multipleStatements: false })
  cleanup.defer(() => raw.end())
  await raw.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`)
  cleanup.defer(async () => void (await raw.query(`DROP DATABASE ${name}`)))
  await raw.query(`USE ${name}`)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  await migrateDatabase(url)
  const [[row]] = await raw.query<RowDataPacket[]>('SELECT VERSION() AS version')
  const [, number] = /^([\d.]+)/.exec(row?.version) ?? []
  const isMariaDb = /mariadb/i.test(row?.version)
  return {
    url,
    name: `${isMariaDb ? 'MariaDB' : 'MySQL'} ${number}`,
    kind: isMariaDb ? 'mariadb' : 'mysql',
    raw,
    sql: async (query, values = []) => (await raw.query<RowDataPacket[]>(query, values))[0],
  }
}

async function startServer(kind: string, cleanup: AsyncDisposableStack): Promise<string> {
  const folder = await openDataFolder(await temporaryFolder(cleanup))
  cleanup.defer(() => folder.release())
  const env = environment()
  const { url, stop } = await startPrivateDatabase({
    folder,
    env,
    log: console.error,
    administrator: true,
    settings: [...common, kind === 'mysql' ? redoLog.mysql : redoLog.mariadb],
    ...(kind === 'mysql' && { directories: await mysqlDirectories(env, console.error) }),
  })
  cleanup.defer(stop)
  return url
}

/** Empties the tables of jobs and of what they leave. */
export async function truncateJobs({ sql }: BenchDatabase): Promise<void> {
  for (const table of [
    'jobs',
    'job_texts',
    'job_outputs',
    'job_attempts',
    'usage',
    'users',
    'workers',
    'worker_minutes',
    'webhook_endpoints',
    'webhook_deliveries',
  ]) {
    await sql(`TRUNCATE TABLE vision_${table}`)
  }
}

/** SQL for the numbers from a first one up, at most a hundred thousand of them: a table of one column, `n`. */
export function numbers(first: number, count: number): string {
  const digit = `(${Array.from({ length: 10 }, (_, d) => `SELECT ${d} AS d`).join(' UNION ALL ')})`
  return `(SELECT ${first} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
    FROM ${['f', 'e', 'c', 'b', 'a'].map((alias) => `${digit} AS ${alias}`).join(', ')}
    HAVING n < ${first + count}) AS numbers`
}
