import { createServer, type RequestListener, type Server } from 'node:http'
import { listen } from '../../dev/parts/listen.ts'
import { startProfile } from '../support/flame-graph.ts'

/** Serves a part of bench/api-requests.ts in a process of its own, and does what its parent asks. */
export async function serve(server: Server | RequestListener): Promise<void> {
  const listening = typeof server === 'function' ? createServer(server) : server
  // A connection that is idle during the other server's turn stays open.
  listening.keepAliveTimeout = 600_000
  const { port } = await listen(listening, 0)
  let endProfile: Awaited<ReturnType<typeof startProfile>> | undefined
  process.on('message', async (asked) => {
    if (asked === 'cpu') process.send?.(process.cpuUsage())
    if (asked === 'start profile') {
      endProfile = await startProfile()
      process.send?.({})
    }
    if (asked === 'end profile') process.send?.(await endProfile?.())
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ port })
}
