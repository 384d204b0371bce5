import type { PoolConnection, RowDataPacket } from 'mysql2/promise'
import { isPassing } from './classify-error.ts'

/** The kind of server behind the URL, as far as session settings differ. */
export type Server = 'mysql' | 'mariadb' | 'vitess'

/** The isolation level of transactions. */
export type Isolation = 'READ COMMITTED' | 'REPEATABLE READ'

export interface SessionSettings {
  readonly isolation: Isolation
  /** The idle time after which the server ends a session, even within a transaction. */
  readonly idleSeconds: number
  /** The lock wait timeout. */
  readonly lockWaitSeconds: number
  /** The server ends a statement that takes longer: on MySQL only a SELECT, on MariaDB any. */
  readonly statementMs: number
}

/** Configures the connections of one pool. */
export interface Sessions {
  /** Configures the session once; called before each use. */
  ready(connection: PoolConnection): Promise<Server>
}

/**
 * READ COMMITTED: the gap locks of REPEATABLE READ deadlock claims against inserts, and a scan of a small table would lock,
 * and wait for, every row instead of the matching ones. Vitess keeps its own level, since a session setting takes a
 * reserved connection there; it is recognised by a statement that only Vitess supports.
 *
 * A setting that is in place is not set again: behind RDS Proxy the proxy has set it (infra/database.ts), and a SET would
 * pin the connection to one of the server's few.
 */
export function createSessions(settings: SessionSettings): Sessions {
  const done = new WeakSet<object>()
  let server: Server | undefined
  let recognising: Promise<Server> | undefined
  /** A worker opens several connections at once: the first one asks for all. If it breaks, the next one does. */
  const recognised = async (connection: PoolConnection): Promise<Server> => {
    while (server === undefined) {
      if (recognising) {
        await recognising.catch(() => undefined)
        continue
      }
      recognising = recognise(connection)
      try {
        server = await recognising
      } finally {
        recognising = undefined
      }
    }
    return server
  }
  return {
    ready: async (connection) => {
      const server = await recognised(connection)
      if (server !== 'vitess' && !done.has(connection.connection)) {
        await set(connection, wanted(server, settings))
        done.add(connection.connection)
      }
      return server
    },
  }
}

async function recognise(connection: PoolConnection): Promise<Server> {
  const refused = await connection.query('SHOW VITESS_TARGET').then(
    () => undefined,
    (error) => {
      if (isPassing(error)) throw error
      return String(error)
    },
  )
  if (refused === undefined) return 'vitess'
  // What does not know the statement says whose manual to look into, where it speaks English: one round trip less.
  const [, manual] = /manual that corresponds to your (MariaDB|MySQL) server/.exec(refused) ?? []
  if (manual) return manual === 'MariaDB' ? 'mariadb' : 'mysql'
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version')
  return /mariadb/i.test(row?.version) ? 'mariadb' : 'mysql'
}

type Setting = readonly [name: string, value: string | number]

function wanted(server: Server, settings: SessionSettings): readonly Setting[] {
  return [
    [server === 'mariadb' ? 'tx_isolation' : 'transaction_isolation', settings.isolation.replace(' ', '-')],
    ['wait_timeout', settings.idleSeconds],
    ['innodb_lock_wait_timeout', settings.lockWaitSeconds],
    server === 'mariadb'
      ? ['max_statement_time', settings.statementMs / 1000]
      : ['max_execution_time', settings.statementMs],
  ]
}

async function set(connection: PoolConnection, settings: readonly Setting[]): Promise<void> {
  const names = settings.map(([name]) => `@@SESSION.${name} AS ${name}`).join(', ')
  const [[row]] = await connection.query<RowDataPacket[]>(`SELECT ${names}`)
  const differing = settings.filter(([name, value]) =>
    typeof value === 'number' ? Number(row?.[name]) !== value : row?.[name] !== value,
  )
  if (differing.length === 0) return
  const values = differing.map(([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}`)
  await connection.query(`SET SESSION ${values.join(', ')}`)
}
