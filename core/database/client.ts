import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/mysql2'
import mysql, { type PoolConnection } from 'mysql2/promise'
import { VisionError } from '../domain/errors.ts'
import { withTimeout } from '../platform/async.ts'
import { locating } from './call-site.ts'
import { classifyError, isLockWait, nameOf, sparesConnection, TimeLimitExceeded } from './classify-error.ts'
import { inTurn, type Turns } from './in-turn.ts'
import { createKiller } from './kill.ts'
import { workMs as defaultWorkMs, lockWaitSeconds, sessionIdleSeconds } from './limits.ts'
import { createSessions, type Isolation } from './session.ts'
import { type Queryable, rowsOf } from './sql.ts'
import { limitedTo, within } from './time-limit.ts'

/** The database as the queue uses it: a few connections, opened when they are first needed. */
export interface Database {
  /**
   * Runs an idempotent READ COMMITTED statement, and retries it after a broken connection or a lock fault, but not after a
   * time limit.
   *
   * @throws VisionError `database.unavailable` if the database is at fault and the tries are used up; an error of the
   *   values or the statement is thrown unchanged (see `classifyError`)
   */
  run<T>(work: (on: Queryable) => Promise<T>, options?: RunOptions): Promise<T>
  /**
   * Runs `work` in one READ COMMITTED transaction, again from the start after a deadlock, a lock wait that timed out,
   * or a connection that broke before COMMIT was sent. Work may hand over several statements before it awaits them: see `inTurn`.
   *
   * @param landed called when the connection broke after COMMIT was sent: returns the result if the commit took effect,
   *   undefined if it did not (the work is then repeated). Without it an unknown commit is `database.unavailable`.
   * @throws VisionError as `run` does
   */
  transact<T>(
    work: (tx: Queryable) => Promise<T>,
    landed?: (on: Queryable) => Promise<T | undefined>,
    options?: TransactOptions,
  ): Promise<T>
  /** Ends every connection. */
  close(): Promise<void>
}

export interface RunOptions {
  /** The server ends each SELECT that takes longer, in milliseconds; for reads with a waiting caller. */
  readonly limitMs?: number | undefined
}

export interface TransactOptions {
  /**
   * Whether the work is repeated after a lock wait timeout; true if left out. If false, the timeout is thrown: for a caller
   * with other work that need not wait for the lock.
   */
  readonly waitsAgain?: boolean | undefined
}

export interface DatabaseOptions {
  /** The most connections; further callers wait for a free one. */
  readonly connections: number
  /** 0 to 1, for the jitter between tries. */
  readonly random: () => number
  /** Milliseconds of a clock that runs on while the process is frozen; the system's if left out. */
  readonly now?: () => number
  /** The time limit of one use of a connection, in milliseconds. */
  readonly workMs?: number
  /** The idle time after which the server ends a session, in seconds. */
  readonly sessionIdleSeconds?: number
  /** A different isolation level, to test that the statements are correct in it too: Vitess uses its own. */
  readonly isolation?: Isolation
}

const tries = 5
/** The share of the server's idle timeout after which an idle connection is no longer trusted. */
const trusted = 2 / 3
/** The server's time to report that it has ended a statement, in milliseconds. */
const answerMs = 1_000

/** Opens a pool; nothing connects before the first query. Times are UTC whatever the server's zone is. */
export function openDatabase(url: string, options: DatabaseOptions): Database {
  const { connections, random, now = Date.now, workMs = defaultWorkMs } = options
  const idleSeconds = options.sessionIdleSeconds ?? sessionIdleSeconds
  const access = {
    uri: url,
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: 10_000,
    enableKeepAlive: true,
    // Nothing here is prepared. For its default of 16,000 the driver sets aside half a megabyte for each connection,
    // which takes more CPU time than all else that connecting does.
    maxPreparedStatements: 1,
    // A parser that is compiled for each shape of result pays at thousands of rows; at its first use it takes six times as
    // long as one that is not, and a first answer has a new shape in each of its statements.
    disableEval: true,
    // See `locating`.
    trace: false,
  }
  const pool = mysql.createPool({ ...access, connectionLimit: connections })
  const killer = createKiller({ ...access, connectTimeout: 3_000 })
  const sessions = createSessions({
    isolation: options.isolation ?? 'READ COMMITTED',
    idleSeconds,
    lockWaitSeconds: Math.max(1, Math.min(lockWaitSeconds, Math.floor(workMs / 2_000))),
    statementMs: workMs,
  })
  const pause = (attempt: number) => delay(random() * 50 * 2 ** attempt)
  const usedAt = new WeakMap<object, number>()
  /** Kept here, since a destroyed connection no longer has it. */
  const ports = new WeakMap<object, number | undefined>()
  /** Connections that were last used before this are not trusted. */
  let trustedSince = Number.NEGATIVE_INFINITY

  /** A connection that was idle for long, as in a frozen function, may have been closed without this end noticing. */
  const connect = async (): Promise<PoolConnection> => {
    for (;;) {
      const connection = await inTime(workMs, pool.getConnection())
      const used = usedAt.get(connection.connection)
      if (used === undefined) {
        ports.set(connection.connection, portOf(connection))
        return connection
      }
      if (used >= trustedSince && now() - used < idleSeconds * 1000 * trusted) return connection
      connection.destroy()
    }
  }
  const release = (connection: PoolConnection) => {
    usedAt.set(connection.connection, now())
    connection.release()
  }
  const giveUp = (connection: PoolConnection, error: unknown) => {
    connection.destroy()
    if (!(error instanceof TimeLimitExceeded)) return
    killer.kill({ threadId: connection.threadId, port: ports.get(connection.connection) })
    // If the server has vanished, the other connections are dead as well.
    trustedSince = now()
  }
  /** Decides whether the work is repeated, and waits before it is. */
  const again = async (error: unknown, attempt: number, until: number): Promise<void> => {
    const fault = classifyError(error)
    if (fault === 'unavailable' || attempt >= tries || now() >= until) throw unavailable(error)
    await pause(attempt)
  }

  const run: Database['run'] = async (work, { limitMs } = {}) => {
    const until = now() + workMs
    for (let attempt = 1; ; attempt++) {
      let connection: PoolConnection | undefined
      try {
        const mine = await connect()
        connection = mine
        const result = await within(limitMs === undefined ? workMs : limitMs + answerMs, mine, async () => {
          const server = await sessions.ready(mine)
          const client = locating(mine)
          return work(drizzle({ client: limitMs === undefined ? client : limitedTo(limitMs, client, server) }))
        })
        release(mine)
        return result
      } catch (error) {
        if (connection && sparesConnection(error)) release(connection)
        else if (connection) giveUp(connection, error)
        if (isOthers(error)) throw error
        await again(error, attempt, until)
      }
    }
  }

  const transact: Database['transact'] = async (work, landed, { waitsAgain = true } = {}) => {
    const until = now() + workMs
    for (let attempt = 1; ; attempt++) {
      let commitSent = false
      let connection: PoolConnection | undefined
      let turns: Turns | undefined
      try {
        const mine = await connect()
        connection = mine
        const result = await within(workMs, mine, async () => {
          await sessions.ready(mine)
          await mine.query('BEGIN')
          turns = inTurn(mine)
          const made = await work(drizzle({ client: locating(turns) }))
          // What nobody has awaited would be sent after COMMIT, and take effect by itself.
          turns.stop()
          commitSent = true
          await mine.query('COMMIT')
          return made
        })
        release(mine)
        return result
      } catch (error) {
        turns?.stop()
        if (connection) await rollBack(connection, error)
        if (commitSent && classifyError(error) !== 'lock') {
          if (landed === undefined) throw unavailable(error)
          const result = await run(landed)
          if (result !== undefined) return result
        }
        if (isOthers(error) || (!waitsAgain && isLockWait(error))) throw error
        await again(error, attempt, until)
      }
    }
  }

  const rollBack = async (connection: PoolConnection, error: unknown): Promise<void> => {
    if (!sparesConnection(error)) {
      giveUp(connection, error)
      return
    }
    try {
      await within(workMs, connection, () => connection.query('ROLLBACK'))
      release(connection)
    } catch (broken) {
      giveUp(connection, broken)
    }
  }

  return {
    run,
    transact,
    close: async () => {
      // A connection that is being opened meanwhile, and fails, is closed as well.
      await pool.end().catch(() => undefined)
      await killer.idle()
    },
  }
}

/** Whether an error is not the database's fault, and so is thrown unchanged. */
function isOthers(error: unknown): boolean {
  const fault = classifyError(error)
  return fault === undefined || fault === 'data' || fault === 'programming'
}

/** The local port; mysql2 does not have the socket in its types. */
function portOf({ connection }: PoolConnection): number | undefined {
  return (connection as unknown as { readonly stream?: Socket }).stream?.localPort
}

/** Waits for a free connection, for at most as long as others may use one; a late one is released. */
function inTime(milliseconds: number, connecting: Promise<PoolConnection>): Promise<PoolConnection> {
  let isLate = false
  connecting.then(
    (connection) => isLate && connection.release(),
    () => undefined,
  )
  return withTimeout(milliseconds, connecting, () => {
    isLate = true
    throw new TimeLimitExceeded(`no connection was free in ${milliseconds} ms`)
  })
}

/** Whether the database answers a query now; for health checks. */
export function databaseAnswers({ run }: Pick<Database, 'run'>): Promise<boolean> {
  return run((on) => rowsOf(on, sql`SELECT 1`)).then(
    (rows) => rows.length > 0,
    () => false,
  )
}

function unavailable(cause: unknown): VisionError {
  return cause instanceof VisionError
    ? cause
    : new VisionError('database.unavailable', { cause, detail: nameOf(cause) })
}
