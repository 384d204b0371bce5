import type { PoolConnection, QueryValues } from 'mysql2/promise'
import { withTimeout } from '../platform/async.ts'
import { TimeLimitExceeded } from './classify-error.ts'
import type { Server } from './session.ts'

/**
 * Runs work on a connection, and destroys the connection if it takes longer: one that does not answer is as good as dead.
 * Otherwise only TCP would notice that a server has vanished, as in a failover, after a quarter of an hour.
 *
 * @throws TimeLimitExceeded
 */
export function within<T>(milliseconds: number, connection: PoolConnection, work: () => Promise<T>): Promise<T> {
  return withTimeout(milliseconds, work(), () => {
    connection.destroy()
    throw new TimeLimitExceeded(`the database did not answer in ${milliseconds} ms`)
  })
}

/**
 * The part of a connection that drizzle uses, with a server-side time limit on every SELECT: in the statement, since a
 * session setting would take two more round trips.
 */
export function limitedTo(milliseconds: number, connection: PoolConnection, server: Server): PoolConnection {
  const query = (options: { readonly sql: string }, values?: QueryValues) =>
    connection.query({ ...options, sql: limitStatement(options.sql, milliseconds, server) }, values)
  return { query } as unknown as PoolConnection
}

/** A SELECT with a server-side time limit; any other statement unchanged. */
function limitStatement(statement: string, milliseconds: number, server: Server): string {
  const limit = Math.max(1, Math.round(milliseconds))
  if (server === 'mariadb') {
    return /^[\s(]*(select|with)\b/i.test(statement)
      ? `SET STATEMENT max_statement_time = ${limit / 1000} FOR ${statement}`
      : statement
  }
  return statement.replace(/^[\s(]*select\b/i, (select) => `${select} /*+ MAX_EXECUTION_TIME(${limit}) */`)
}
