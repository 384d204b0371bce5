import { type Column, getTableColumns, getTableName, is, SQL } from 'drizzle-orm'
import type { MySqlTable } from 'drizzle-orm/mysql-core'
import type { ResultSetHeader } from 'mysql2/promise'
import type { Queryable } from './sql.ts'
import { type Cell, SqlText } from './sql-text.ts'

/** A row to insert; a column that no row of a statement sets gets its default. */
export type NewRow<Table extends MySqlTable> = {
  readonly [Column in keyof Table['$inferInsert']]: Table['$inferInsert'][Column] | SQL
}

/**
 * Inserts many rows by one statement, which names only the columns that a row sets, and none that is NULL in every row as it is
 * by default: the server reads each value of each row. Drizzle’s own names every column of the table, with a DEFAULT for each
 * of each row.
 *
 * @param rows at least one
 * @param onDuplicate the assignments to the row that has the same key; without them that is an error
 * @returns the id that the server gave to the first
 */
export async function insertRows<Table extends MySqlTable>(
  tx: Queryable,
  table: Table,
  rows: readonly NewRow<Table>[],
  onDuplicate?: SQL,
): Promise<number> {
  const columns = Object.entries(getTableColumns(table)).filter(([key, column]) =>
    rows.some((row) => isSet(row, key, column)),
  )
  const text = new SqlText()
  text.add(`INSERT INTO ${getTableName(table)} (${columns.map(([, { name }]) => `\`${name}\``).join(', ')}) VALUES `)
  rows.forEach((row, at) => {
    text.add(at === 0 ? '(' : ', (')
    columns.forEach(([key, column], place) => {
      if (place > 0) text.add(', ')
      const value = cellOf(row, key)
      if (value === undefined) text.add('DEFAULT')
      // What a column of numbers or of text gets is what it holds.
      else if (value === null || typeof value === column.dataType) text.value(value as Cell)
      else if (is(value, SQL)) text.value(value)
      else text.value(column.mapToDriverValue(value) as Cell)
    })
    text.add(')')
  })
  if (onDuplicate !== undefined) text.add(' ON DUPLICATE KEY UPDATE ').sql(onDuplicate)
  const [result] = await tx.execute(text.done())
  return (result as unknown as ResultSetHeader).insertId
}

function isSet(row: object, key: string, { notNull, hasDefault }: Column): boolean {
  const value = cellOf(row, key)
  return value !== undefined && (value !== null || notNull || hasDefault)
}

function cellOf(row: object, key: string): unknown {
  return (row as Readonly<Record<string, unknown>>)[key]
}
