import type { PoolConnection, QueryOptions, QueryValues } from 'mysql2/promise'

/**
 * The part of a connection that drizzle uses. An error of a statement says where our code sent it, by the frames that wait for the
 * answer. The driver can do that by itself, and writes the stack down before each statement for it, which takes a tenth of what
 * a short one takes; here it is read when one fails.
 */
export function locating(connection: Pick<PoolConnection, 'query'>): PoolConnection {
  /** Those that say it: what waits for its turn behind a statement fails by its error. */
  const located = new WeakSet<Error>()
  const query = async (options: QueryOptions, values?: QueryValues) => {
    try {
      return await connection.query(options, values)
    } catch (error) {
      if (error instanceof Error && !located.has(error)) {
        located.add(error)
        error.stack = `${error.name}: ${error.message}\n${framesBelow(query)}`
      }
      throw error
    }
  }
  return { query } as unknown as PoolConnection
}

/** The frames of the stack that wait for a function, but for those of Node.js. */
function framesBelow(called: (...args: never[]) => unknown): string {
  const here: { stack?: string } = {}
  Error.captureStackTrace(here, called)
  const [, ...frames] = (here.stack ?? '').split('\n')
  return frames.filter((frame) => !frame.includes('node:internal/')).join('\n')
}
