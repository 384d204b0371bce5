import { type SQL, sql } from 'drizzle-orm'
import type { MySql2Database } from 'drizzle-orm/mysql2'
import type { Connection, ResultSetHeader } from 'mysql2/promise'
import { SqlText } from './sql-text.ts'

export { asDate } from '../../drizzle/schema.ts'

/** A database or a transaction: either runs queries. */
export type Queryable = Pick<MySql2Database, 'select' | 'insert' | 'update' | 'delete' | 'execute'> & {
  /** The driver's connection, for statements that drizzle does not build. */
  readonly $client: Pick<Connection, 'query'>
}

/** The rows of a raw SELECT. Datetimes are text: see `asDate`. */
export async function rowsOf<Row>(on: Queryable, query: SQL): Promise<Row[]> {
  const [rows] = await on.execute(query)
  return rows as unknown as Row[]
}

/** How many rows a raw statement matched, rather than changed: fences need the matched ones. */
export async function matchedBy(on: Queryable, query: SQL): Promise<number> {
  const [result] = await on.execute(query)
  return (result as unknown as ResultSetHeader).affectedRows
}

/** The SQL for a moment a number of milliseconds from now, by the database's clock. */
export function inMilliseconds(milliseconds: number): SQL {
  return sql`UTC_TIMESTAMP(3) + INTERVAL ${Math.round(milliseconds * 1000)} MICROSECOND`
}

/** Values within parentheses, for `IN`, as flat text: drizzle would look at each of them a few times. */
export function listOf(values: readonly (number | string)[]): SQL {
  const text = new SqlText()
  values.forEach((value, at) => {
    text.add(at === 0 ? '(' : ', ').value(value)
  })
  return text.add(')').done()
}

/**
 * Users as a table of one column, `user_id`, to be joined by key. Given a list, the server would scan a table that it takes
 * for small.
 */
export function tableOfUsers(userIds: readonly string[]): SQL {
  const cast = (userId: string) => sql`CAST(${userId} AS CHAR CHARACTER SET ascii)`
  const rows = userIds.map((userId, at) => [at === 0 ? cast(userId) : userId])
  return new SqlText().rows(['user_id'], rows).done()
}
