import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PortError } from '../boot/port.mjs'

/**
 * Listens on 127.0.0.1.
 *
 * @param port 0 means any free one
 * @throws PortError
 */
export async function listen(server: Server, port: number): Promise<{ port: number; stop: () => Promise<void> }> {
  await new Promise<void>((resolve, reject) => {
    // It was free a while ago.
    server.once('error', (error: NodeJS.ErrnoException) => reject(new PortError(port, error)))
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
