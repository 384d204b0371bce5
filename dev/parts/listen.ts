import type { Server } from 'node:http'
import { PortError } from '../boot/port.mjs'
import { type Listening, listenOnLoopback } from '../emulators/listen.ts'

/**
 * Listens on the stack's port, on 127.0.0.1. It was free a while ago.
 *
 * @param port 0 means any free one
 * @throws PortError
 */
export function listen(server: Server, port: number): Promise<Listening> {
  return listenOnLoopback(server, port).catch((error: NodeJS.ErrnoException) => {
    throw new PortError(port, error)
  })
}
