import net, { type AddressInfo, type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import type { TestCertificate } from './certificate.ts'

/** Does to a client whatever it likes, once the head of a request has arrived. */
export type Behaviour = (connection: Socket, path: string) => void

/** A server on 127.0.0.1 that keeps to no rule but those of the test. */
export interface HostileServer {
  readonly port: number
  /** The heads of all requests, as they were sent. */
  readonly requests: readonly string[]
  /** The name that each TLS client asked for, and the protocol that was agreed on. */
  readonly handshakes: readonly string[]
  behave(behaviour: Behaviour): void
  /** Forgets what was recorded. */
  reset(): void
  /** Resolves when no client is connected any more. */
  allGone(): Promise<void>
  stop(): Promise<void>
}

/** @param certificate makes it speak TLS */
export async function startHostileServer(certificate?: TestCertificate): Promise<HostileServer> {
  const requests: string[] = []
  const handshakes: string[] = []
  const connections = new Set<Socket>()
  let behaviour: Behaviour = (connection) => connection.destroy()

  const serve = (connection: Socket) => {
    let head = ''
    connection.on('error', () => {})
    connection.on('data', (data) => {
      if (head.includes('\r\n\r\n')) return
      head += data.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      requests.push(head)
      behaviour(connection, head.split(' ')[1] ?? '')
    })
  }
  const server = certificate
    ? tls.createServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'] }, (connection: TLSSocket) => {
        handshakes.push(`${connection.servername} ${connection.alpnProtocol}`)
        serve(connection)
      })
    : net.createServer(serve)
  // The TCP connections themselves: there is none of TLS when its handshake fails.
  server.on('connection', (connection: Socket) => {
    connection.on('error', () => {})
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    handshakes,
    behave: (next) => {
      behaviour = next
    },
    reset: () => {
      requests.length = 0
      handshakes.length = 0
    },
    allGone: async () => {
      while (connections.size > 0) {
        const [connection] = connections
        await new Promise((resolve) => connection?.once('close', resolve))
      }
    },
    stop: async () => {
      for (const connection of connections) connection.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers with just these bytes, and closes. */
export const answer =
  (...parts: readonly (string | Uint8Array)[]): Behaviour =>
  (connection) => {
    for (const part of parts) connection.write(part)
    connection.end()
  }

/** Writes the same bytes every so many milliseconds, until the client is gone. */
export const drip =
  (start: string, next: string | Uint8Array, everyMs = 20): Behaviour =>
  (connection) => {
    connection.write(start)
    const timer = setInterval(() => connection.write(next), everyMs)
    connection.on('close', () => clearInterval(timer))
  }

/** Writes the same bytes as fast as the client reads, until it is gone. */
export const flood =
  (start: string | Uint8Array, next: string | Uint8Array): Behaviour =>
  (connection) => {
    connection.write(start)
    const pour = () => {
      while (!connection.destroyed && connection.write(next));
    }
    connection.on('drain', pour)
    pour()
  }
