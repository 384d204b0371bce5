import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'

/** How often a worker with free places looks for a job that has come, in milliseconds. */
export const lookMs = 100
/**
 * In this time it claims twice at once, in milliseconds, and lets what comes then gather until the next poll: a job that is claimed and
 * settled alone takes more than twice as many statements as one of three.
 */
export const gatherMs = 4_000
/** For how long it looks after it has claimed its last job, when it has none, in milliseconds. */
export const watchfulMs = 10_000
/** The server's time for a look, in milliseconds. */
const limitMs = 1_000

/** A worker's view of the queue between two polls. */
export interface Lookout {
  /** Resolves when a job is pending; never, if none comes before it is stopped. */
  readonly seen: Promise<void>
  /** Resolves when no look is under way. */
  stop(): Promise<void>
}

/**
 * Looks every 100 ms whether a job is pending: one statement, which reads the head of each lane and nothing else. What else
 * there is to do, and whether the job may be claimed, the next poll finds out.
 *
 * @param afterMs the wait before the first look
 */
export function lookOut(database: Database, afterMs: number): Lookout {
  const { promise: seen, resolve } = Promise.withResolvers<void>()
  const stopped = new AbortController()
  const look = async () => {
    try {
      await delay(afterMs, undefined, { signal: stopped.signal })
      while (!stopped.signal.aborted) {
        if (await isPending(database)) return resolve()
        await delay(lookMs, undefined, { signal: stopped.signal })
      }
    } catch {
      // Stopped, or the database is in trouble: the next poll says which.
    }
  }
  const looking = look()
  return {
    seen,
    stop: () => {
      stopped.abort()
      return looking
    },
  }
}

const head = sql`SELECT EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (claim) WHERE waiting_as = 'pending' AND lane = 'content')
  OR EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (claim) WHERE waiting_as = 'pending' AND lane = 'analysis') AS pending`

async function isPending(database: Database): Promise<boolean> {
  const [row] = await database.run((on) => rowsOf<{ pending: number }>(on, head), { limitMs })
  return Number(row?.pending) === 1
}
