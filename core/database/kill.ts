import mysql, { type ConnectionOptions, type RowDataPacket } from 'mysql2/promise'

/** A session as its client knows it. */
export interface Session {
  readonly threadId: number | null
  /** The client's own port. */
  readonly port: number | undefined
}

/** Kills statements on the server that their clients have given up. */
export interface Killer {
  /**
   * Tries to kill a session, without waiting for it or failing. Behind a proxy or NAT, the session's own limits must do.
   */
  kill(session: Session): void
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/** The most connections that are remembered: the server's own limits end the others. */
const remembered = 100
/** Every user may see their own sessions. */
const ownQuery = 'SELECT 1 FROM information_schema.processlist WHERE id = ? AND host LIKE ?'

/** A separate connection, opened on demand, one at a time: those of the pool may all be blocked. */
export function createKiller(options: ConnectionOptions): Killer {
  const threads = new Map<number, number>()
  let working: Promise<void> | undefined

  const work = async () => {
    const connection = await mysql.createConnection(options)
    try {
      for (const [thread, port] of threads) {
        threads.delete(thread)
        // It may have ended by itself, and its number may belong to another session: a proxy has its own numbers, and a
        // restarted or promoted server starts over.
        const values = [thread, `%:${port}`]
        const [ours] = await connection.query<RowDataPacket[]>({ sql: ownQuery, values, timeout: 2_000 })
        if (ours.length === 0) continue
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
    kill: ({ threadId, port }) => {
      if (threadId === null || port === undefined || threads.size >= remembered) return
      threads.set(threadId, port)
      if (working === undefined) start()
    },
    idle: async () => working,
  }
}
