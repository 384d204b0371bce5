import { createServer, type RequestListener, type Server } from 'node:http'
import { listen } from '../../dev/parts/listen.ts'
import { startProfile } from './flame-graph.ts'

/** The memory of a process, now and at its peak, in bytes. */
export interface Memory {
  readonly rss: number
  readonly peak: number
  readonly heap: number
}

/** Read on Linux. It uses nothing of this file: its text is also run in other processes. */
export function memory(): Memory {
  const { rss, heapUsed } = process.memoryUsage()
  // `maxRSS` begins with what the parent held, which bundles before it starts a process.
  const status = process.getBuiltinModule('node:fs').readFileSync('/proc/self/status', 'utf8')
  return { rss, heap: heapUsed, peak: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024 }
}

/** Serves in a process of its own, and answers what its parent asks: its use of processor and memory, or a profile. */
export async function serve(server: Server | RequestListener): Promise<void> {
  const listening = typeof server === 'function' ? createServer(server) : server
  // A connection that is idle during the other server's turn stays open.
  listening.keepAliveTimeout = 600_000
  const { port } = await listen(listening, 0)
  let endProfile: Awaited<ReturnType<typeof startProfile>> | undefined
  process.on('message', async (asked) => {
    if (asked === 'cpu') process.send?.(process.cpuUsage())
    if (asked === 'memory') process.send?.(memory())
    if (asked === 'start profile') {
      endProfile = await startProfile()
      process.send?.({})
    }
    if (asked === 'end profile') process.send?.(await endProfile?.())
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ port })
}
