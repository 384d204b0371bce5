import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/mysql2'
import mysql, { type PoolConnection } from 'mysql2/promise'
import { VisionError } from '../errors.ts'
import { codeOf, isDemotion, isLockFault, isPassing } from './classify-error.ts'
import { type Queryable, rowsOf } from './sql.ts'

/** The database as the queue uses it: a few connections, opened when they are first needed. */
export interface Database {
  /**
   * Runs a READ COMMITTED statement that may be repeated, and repeats it after a broken connection or a lock fault.
   *
   * @throws VisionError `database.unavailable` once the tries are used up
   */
  run<T>(work: (on: Queryable) => Promise<T>): Promise<T>
  /**
   * Runs `work` in one READ COMMITTED transaction, again from the start after a deadlock, a lock wait that timed out,
   * or a connection that broke before COMMIT was sent.
   *
   * @param landed asked when the connection broke after COMMIT was sent: the result if the commit took effect, undefined
   *   if it did not (the work is then done again). Without it an unknown commit is `database.unavailable`.
   * @throws VisionError `database.unavailable` once the tries are used up
   */
  transact<T>(work: (tx: Queryable) => Promise<T>, landed?: (on: Queryable) => Promise<T | undefined>): Promise<T>
  /** Ends every connection. */
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** At most so many connections; who needs one more waits for a turn. */
  readonly connections: number
  /** 0 to 1, for the jitter between tries. */
  readonly random: () => number
  /** How long one piece of work on a connection may take, in milliseconds. */
  readonly workMs?: number
}

const tries = 5
/**
 * Ample for the longest transaction, and short enough for a worker's deadline: a server that vanished without a word, as
 * in a failover, would otherwise be noticed by TCP alone, after a quarter of an hour.
 */
const defaultWorkMs = 20_000

/** Opens a pool; nothing connects before the first query. Times are UTC whatever the server's zone is. */
export function openDatabase(url: string, { connections, random, workMs = defaultWorkMs }: DatabaseOptions): Database {
  const pool = mysql.createPool({
    uri: url,
    connectionLimit: connections,
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: 10_000,
    enableKeepAlive: true,
  })
  const isolate = isolation()
  const pause = (attempt: number) => delay(random() * 50 * 2 ** attempt)

  const run: Database['run'] = async (work) => {
    for (let attempt = 1; ; attempt++) {
      let connection: PoolConnection | undefined
      try {
        const mine = await pool.getConnection()
        connection = mine
        const result = await within(workMs, mine, async () => {
          await isolate(mine)
          return work(drizzle({ client: mine }))
        })
        mine.release()
        return result
      } catch (error) {
        if (!isPassing(error)) {
          connection?.release()
          throw error
        }
        connection?.destroy()
        if (attempt >= tries) throw unavailable(error)
        await pause(attempt)
      }
    }
  }

  const transact: Database['transact'] = async (work, landed) => {
    for (let attempt = 1; ; attempt++) {
      let commitSent = false
      let connection: PoolConnection | undefined
      try {
        const mine = await pool.getConnection()
        connection = mine
        const result = await within(workMs, mine, async () => {
          await isolate(mine)
          await mine.query('BEGIN')
          const made = await work(drizzle({ client: mine }))
          commitSent = true
          await mine.query('COMMIT')
          return made
        })
        mine.release()
        return result
      } catch (error) {
        if (connection) await rollBack(connection, error, workMs)
        if (!isPassing(error)) throw error
        if (commitSent && !isLockFault(error)) {
          if (landed === undefined) throw unavailable(error)
          const result = await run(landed)
          if (result !== undefined) return result
        }
        if (attempt >= tries) throw unavailable(error)
        await pause(attempt)
      }
    }
  }

  return { run, transact, close: () => pool.end() }
}

/** A connection that takes longer is as good as dead. */
async function within<T>(milliseconds: number, connection: PoolConnection, work: () => Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    connection.destroy()
    reject(Object.assign(new Error(`the database did not answer in ${milliseconds} ms`), { code: 'ETIMEDOUT' }))
  }, milliseconds)
  const working = work()
  try {
    return await Promise.race([working, late])
  } finally {
    clearTimeout(timer)
    // What the dead connection still throws is no news.
    working.catch(() => undefined)
  }
}

async function rollBack(connection: PoolConnection, error: unknown, workMs: number): Promise<void> {
  try {
    await within(workMs, connection, () => connection.query('ROLLBACK'))
    // A writer that was demoted still answers: the next one must not get this connection.
    if (isDemotion(error)) connection.destroy()
    else connection.release()
  } catch {
    connection.destroy()
  }
}

/**
 * Sets READ COMMITTED once on each connection: the gap locks of REPEATABLE READ deadlock claims against inserts, and
 * where a small table is scanned it locks, and waits for, every row on the way instead of those that match. Vitess is
 * left as it is, since a session setting there takes a reserved connection; it is known by a statement that only it
 * understands.
 */
function isolation(): (connection: PoolConnection) => Promise<void> {
  const done = new WeakSet<object>()
  let vitess: boolean | undefined
  return async (connection) => {
    if (done.has(connection.connection)) return
    vitess ??= await connection.query('SHOW VITESS_TARGET').then(
      () => true,
      (error) => {
        if (isPassing(error)) throw error
        return false
      },
    )
    if (!vitess) await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
    done.add(connection.connection)
  }
}

/** Whether the database answers a query now; what a health check asks. */
export function databaseAnswers({ run }: Pick<Database, 'run'>): Promise<boolean> {
  return run((on) => rowsOf(on, sql`SELECT 1`)).then(
    (rows) => rows.length > 0,
    () => false,
  )
}

function unavailable(cause: unknown): VisionError {
  return new VisionError('database.unavailable', { cause, detail: codeOf(cause) ?? 'the connection died' })
}
