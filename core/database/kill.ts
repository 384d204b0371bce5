import mysql, { type ConnectionOptions } from 'mysql2/promise'

/** Ends statements on the server whose clients have given them up. */
export interface Killer {
  /** Tries to end a session; not awaited, and no error. Where a proxy stands between, the session's own limits must do. */
  kill(threadId: number | null): void
  /** Until nothing more is under way. */
  idle(): Promise<void>
}

/** More than so many are not remembered: the server's own limits end them. */
const remembered = 100

/** One connection of its own at a time, opened when there is something to end: those of the pool may all be waiting. */
export function createKiller(options: ConnectionOptions): Killer {
  const threads = new Set<number>()
  let working: Promise<void> | undefined

  const work = async () => {
    const connection = await mysql.createConnection(options)
    try {
      for (const thread of threads) {
        threads.delete(thread)
        // It may have ended by itself.
        await connection.query({ sql: 'KILL ?', values: [thread], timeout: 2_000 }).catch(() => undefined)
      }
    } finally {
      connection.destroy()
    }
  }
  const start = () => {
    working = work()
      .catch(() => threads.clear())
      .finally(() => {
        working = undefined
        if (threads.size > 0) start()
      })
  }
  return {
    kill: (threadId) => {
      if (threadId === null || threads.size >= remembered) return
      threads.add(threadId)
      if (working === undefined) start()
    },
    idle: async () => working,
  }
}
