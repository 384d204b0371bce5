import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server that listens on 127.0.0.1. */
export interface Listening {
  readonly port: number
  /** Ends every open connection, hanging ones too, and frees the port. */
  stop(): Promise<void>
}

/**
 * Listens on 127.0.0.1.
 *
 * @param port 0 means any free one
 * @throws the server's error, such as EADDRINUSE
 */
export async function listenOnLoopback(server: Server, port: number): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
