import { fillPlaceholders, type GetColumnData, type Query } from 'drizzle-orm'
import { type MySqlColumn, type MySqlSelectBuilder, QueryBuilder } from 'drizzle-orm/mysql-core'
import type { Queryable } from './sql.ts'

type Fields = Readonly<Record<string, MySqlColumn>>
type RowOf<Selected extends Fields> = { [Name in keyof Selected]: GetColumnData<Selected[Name], 'query'> }

/** Runs a SELECT with the values of its placeholders: numbers, texts, and lists of them within parentheses. */
export type Select<Row> = (on: Queryable, values: Readonly<Record<string, unknown>>) => Promise<Row[]>

/**
 * A SELECT of columns whose text is built at its first use, for reads that every call makes: to build one takes drizzle
 * several times as long as to send it and to read its rows.
 *
 * @param fields the columns of one table, by the names that the rows have them under
 * @param build its conditions, with `sql.placeholder` for what changes
 */
export function selectOnce<Selected extends Fields>(
  fields: Selected,
  build: (select: MySqlSelectBuilder<Selected, never, 'qb'>) => { toSQL(): Query },
): Select<RowOf<Selected>> {
  const columns = Object.entries(fields)
  // To give an object forty names one by one makes V8 keep them in a hash table, and a copy of one that has them does not.
  const empty: Readonly<Record<string, unknown>> = Object.fromEntries(columns.map(([name]) => [name, null]))
  let built: Query | undefined
  const read = (values: readonly unknown[]) => {
    const row = { ...empty }
    for (let index = 0; index < columns.length; index++) {
      const [name, column] = columns[index] as (typeof columns)[number]
      const value = values[index]
      if (value !== null) row[name] = column.mapFromDriverValue(value)
    }
    return row as RowOf<Selected>
  }
  return async (on, values) => {
    built ??= build(new QueryBuilder().select(fields) as never).toSQL()
    // Moments as the text that columns are made of, as drizzle has the driver return them.
    const options = { sql: built.sql, rowsAsArray: true, dateStrings: true }
    const [rows] = await on.$client.query(options, fillPlaceholders(built.params, values))
    return (rows as unknown as unknown[][]).map(read)
  }
}
