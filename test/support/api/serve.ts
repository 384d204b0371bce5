import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { createApp } from '../../../core/api/app.ts'

/** An API on a port of this machine. */
export interface Served {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  /** How many connections there are. */
  connections(): Promise<number>
  /** Breaks every connection, and takes no new ones. */
  kill(): Promise<void>
}

export async function serveApp(app: Pick<ReturnType<typeof createApp>, 'fetch'>): Promise<Served> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
