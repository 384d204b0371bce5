import type { PoolConnection, QueryValues } from 'mysql2/promise'
import { withTimeout } from '../platform/async.ts'
import { TimeLimitExceeded } from './classify-error.ts'
import type { Server } from './session.ts'

/**
 * Does something on a connection, and destroys the connection if it takes longer: one that does not answer is as good as
 * dead. A server that vanished without a word, as in a failover, would otherwise be noticed by TCP alone, after a quarter
 * of an hour.
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
 * The part of a connection that drizzle uses, with a time limit of the server's own on every SELECT: in the statement, since
 * a setting of the session would take a round trip before and another after it.
 */
export function limitedTo(milliseconds: number, connection: PoolConnection, server: Server): PoolConnection {
  const query = (options: { readonly sql: string }, values?: QueryValues) =>
    connection.query({ ...options, sql: limitStatement(options.sql, milliseconds, server) }, values)
  return { query } as unknown as PoolConnection
}

/** A SELECT with a time limit in the server's own words; any other statement as it is. */
export function limitStatement(statement: string, milliseconds: number, server: Server): string {
  const limit = Math.max(1, Math.round(milliseconds))
  if (server === 'mariadb') {
    return /^[\s(]*(select|with)\b/i.test(statement)
      ? `SET STATEMENT max_statement_time = ${limit / 1000} FOR ${statement}`
      : statement
  }
  return statement.replace(/^[\s(]*select\b/i, (select) => `${select} /*+ MAX_EXECUTION_TIME(${limit}) */`)
}
