import type { PoolConnection, QueryOptions, QueryValues } from 'mysql2/promise'

/** The part of a connection that statements of one transaction go through, one after the other. */
export interface Turns extends Pick<PoolConnection, 'query'> {
  /** Sends nothing more; what waits for its turn fails. */
  stop(): void
}

/**
 * Lets the work of a transaction hand over a statement before the former ones are answered, so that it is built while the server is busy. It is
 * sent once they have succeeded, and not at all after one has failed: a deadlock ends the transaction on the server, and what the driver
 * sent after it would take effect by itself.
 */
export function inTurn(connection: PoolConnection): Turns {
  let last: Promise<unknown> | undefined
  let stopped = false
  const send = (options: QueryOptions) => {
    if (stopped) throw new Error('The transaction has ended before this statement was sent.')
    return connection.query(options)
  }
  const query = (options: QueryOptions, values?: QueryValues) => {
    // Here, and not when its turn comes: to write values into a long text takes a while.
    const built =
      values === undefined ? options : { ...options, sql: connection.format(options.sql, values), values: null }
    const before = last
    const answer = before === undefined ? send(built) : before.then(() => send(built))
    last = answer
    const done = () => {
      if (last === answer) last = undefined
    }
    answer.then(done, () => {
      stopped = true
    })
    return answer
  }
  return {
    query: query as PoolConnection['query'],
    stop: () => {
      stopped = true
    },
  }
}
