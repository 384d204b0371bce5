import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Database, type DatabaseOptions, openDatabase } from '../../../core/database/client.ts'

/** The outcome of the next COMMIT. */
export type CommitFault =
  /** The connection breaks before the server has it. */
  | 'lost'
  /** The server commits, and the connection breaks before its answer arrives. */
  | 'answer lost'
  /** The connection breaks, and the server gets the COMMIT when the client has already come back to look. */
  | 'late'

/** How a server refuses a statement. */
export interface StatementFault {
  readonly matches: RegExp
  readonly errno: number
  readonly sqlState: string
  readonly message: string
}

/** A TCP proxy before a MySQL server, which breaks what a network breaks. */
export interface DatabaseProxy {
  /** The URL of a database, through the proxy. */
  url(databaseUrl: string): string
  /** The next COMMIT of any connection meets this fault, and no other does. */
  failNextCommit(fault: CommitFault): void
  /** How many COMMITs met a fault. */
  readonly faults: number
  /** Every statement that went through since it was last emptied. */
  readonly statements: string[]
  /** How many commits wrote something, be it a single statement's own. */
  readonly commits: number
  /**
   * The connection of the next statement that matches goes silent once the server has executed it: both sides stay connected
   * and hear nothing of each other any more, as when a machine vanishes. Resolves then.
   */
  goSilentAfter(statement: RegExp): Promise<void>
  /** Holds the answer to each statement back for so many milliseconds; 0 ends that. */
  delayAnswers(milliseconds: number): void
  /** Each statement that matches is answered with this error instead of being passed on; null ends that. */
  failStatements(fault: StatementFault | null): void
  /** Breaks every connection, and refuses new ones until `resume`. */
  refuse(): Promise<void>
  resume(): Promise<void>
  /** From now on nothing goes through the connections that are open, and neither end is told: the peer is dead to both. */
  fallSilent(): void
  /** The next so many connections are told that the server has too many. */
  tooManyConnections(count: number): void
  close(): Promise<void>
}

/** A database as the product opens it, whose connections go through a proxy of its own. */
export interface ProxiedDatabase extends Database {
  readonly proxy: DatabaseProxy
}

/**
 * Opens a database behind a proxy; closing it ends both, the proxy first: a connection that has gone silent cannot say goodbye, and
 * would keep its locks. What is random is nothing: a retry waits for no time.
 */
export async function openProxied(
  databaseUrl: string,
  options: Partial<DatabaseOptions> = {},
): Promise<ProxiedDatabase> {
  const proxy = await startProxy(databaseUrl)
  const database = openDatabase(proxy.url(databaseUrl), { connections: 1, random: () => 0, ...options })
  return {
    ...database,
    proxy,
    close: async () => {
      await proxy.close()
      await database.close().catch(() => undefined)
    },
  }
}

const lateMs = 300
const comQuery = 3

export async function startProxy(serverUrl: string): Promise<DatabaseProxy> {
  const { hostname, port: serverPort } = new URL(serverUrl)
  const pairs = new Set<readonly [Socket, Socket]>()
  const silencers = new Set<() => void>()
  const statements: string[] = []
  let fault: CommitFault | undefined
  let faults = 0
  let refusals = 0
  let commits = 0
  let silencing: { readonly after: RegExp; readonly done: () => void } | undefined
  let answerDelayMs = 0
  let refusal: StatementFault | null = null

  const server = createServer((client) => {
    client.on('error', () => client.destroy())
    if (refusals > 0) {
      refusals--
      client.end(tooMany())
      return
    }
    const upstream = connect(Number(serverPort), hostname)
    const pair = [client, upstream] as const
    pairs.add(pair)
    upstream.on('error', () => client.destroy())
    let muted = false
    silencers.add(() => {
      client.pause()
      upstream.pause()
    })
    let silent = false
    let inTransaction = false
    let wrote = false
    let parting: NodeJS.Timeout | undefined
    client.on('data', (packet) => {
      const statement = statementOf(packet)
      if (statement !== undefined) {
        statements.push(statement)
        if (/^(INSERT|UPDATE|DELETE)/i.test(statement)) wrote = true
        if (statement === 'BEGIN') inTransaction = true
        if (statement === 'COMMIT' || statement === 'ROLLBACK') inTransaction = false
        if (wrote && !inTransaction) {
          if (statement !== 'ROLLBACK') commits++
          wrote = false
        }
      }
      if (silent) return
      if (statement !== undefined && silencing?.after.test(statement)) {
        silent = true
        upstream.once('data', silencing.done)
        upstream.write(packet)
        silencing = undefined
        return
      }
      if (statement !== undefined && refusal?.matches.test(statement)) {
        client.write(errorPacket(refusal.errno, refusal.sqlState, refusal.message, 1))
        return
      }
      if (statement !== 'COMMIT' || fault === undefined) {
        upstream.write(packet)
        return
      }
      const met = fault
      fault = undefined
      faults++
      muted = true
      if (met === 'lost') {
        // The server rolls back when it notices, which the next statement on the same rows waits for.
        upstream.destroy()
        client.destroy()
      } else if (met === 'answer lost') {
        upstream.once('data', () => client.destroy())
        upstream.write(packet)
      } else {
        client.destroy()
        parting = setTimeout(() => upstream.end(packet), lateMs)
      }
    })
    upstream.on('data', (packet) => {
      if (muted || silent) return
      if (answerDelayMs === 0) client.write(packet)
      else setTimeout(() => client.write(packet), answerDelayMs)
    })
    client.on('close', () => {
      if (parting === undefined) upstream.destroy()
    })
    upstream.on('close', () => {
      pairs.delete(pair)
      client.destroy()
    })
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const [client, upstream] of pairs) {
      client.destroy()
      upstream.destroy()
    }
    await closed
  }
  await listen(0)
  const { port } = server.address() as AddressInfo

  return {
    url: (databaseUrl) => {
      const url = new URL(databaseUrl)
      url.host = `127.0.0.1:${port}`
      return url.href
    },
    failNextCommit: (next) => {
      fault = next
    },
    get faults() {
      return faults
    },
    goSilentAfter: (after) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      silencing = { after, done: resolve }
      return promise
    },
    delayAnswers: (milliseconds) => {
      answerDelayMs = milliseconds
    },
    failStatements: (next) => {
      refusal = next
    },
    statements,
    get commits() {
      return commits
    },
    refuse: stop,
    resume: () => listen(port),
    fallSilent: () => {
      for (const silence of silencers) silence()
      silencers.clear()
    },
    tooManyConnections: (count) => {
      refusals = count
    },
    close: stop,
  }
}

/** The text of a query; where both sides know query attributes, two counts (none, one set) come before it. */
function statementOf(packet: Buffer): string | undefined {
  if (packet[4] !== comQuery) return undefined
  return packet.subarray(packet[5] === 0 ? 7 : 5).toString()
}

/** Error 1040 as a server sends it instead of its greeting. */
function tooMany(): Buffer {
  return errorPacket(1040, '08004', 'Too many connections', 0)
}

/** An ERR packet: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_err_packet.html */
function errorPacket(errno: number, sqlState: string, message: string, sequence: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0xff, errno & 0xff, errno >> 8]),
    Buffer.from(`#${sqlState}${message}`, 'utf8'),
  ])
  return Buffer.concat([Buffer.from([body.length & 0xff, body.length >> 8, 0, sequence]), body])
}
