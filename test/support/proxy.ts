import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What becomes of the next COMMIT. */
export type CommitFault =
  /** The connection breaks before the server has it. */
  | 'lost'
  /** The server commits, and the connection breaks before its answer arrives. */
  | 'answer lost'
  /** The connection breaks, and the server gets the COMMIT when the client has already come back to look. */
  | 'late'

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
  /** Breaks every connection, and refuses new ones until `resume`. */
  refuse(): Promise<void>
  resume(): Promise<void>
  /** From now on nothing goes through the connections that are open, and neither end is told: the peer is dead to both. */
  fallSilent(): void
  /** The next so many connections are told that the server has too many. */
  tooManyConnections(count: number): void
  close(): Promise<void>
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
    let parting: NodeJS.Timeout | undefined
    client.on('data', (packet) => {
      const statement = statementOf(packet)
      if (statement !== undefined) statements.push(statement)
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
      if (!muted) client.write(packet)
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
    statements,
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
  const body = Buffer.concat([Buffer.from([0xff, 0x10, 0x04]), Buffer.from('#08004Too many connections')])
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body])
}
