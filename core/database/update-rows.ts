import type { SQL } from 'drizzle-orm'
import { matchedBy, type Queryable } from './sql.ts'
import { SqlText } from './sql-text.ts'

/** The new value of a column. */
export type ColumnValue = SQL | string | number | null

/** An update of a row. */
export interface RowUpdate {
  /** The columns of its key, in the order of the index. */
  readonly key: Readonly<Record<string, number>>
  /** The new values, by column. */
  readonly columns: Readonly<Record<string, ColumnValue>>
}

/** A table and the index of its keys. The names are constants of ours, never input. */
export interface UpdatedTable {
  readonly table: string
  /** The index whose prefix the key is. */
  readonly index: string
  /** What the row is called; `t` if left out. */
  readonly alias?: string
}

/**
 * Updates many rows, each with its own values: one statement for all rows that change the same columns. A join with a table
 * of the values: given a list, the server may scan a small table, and lock what it passes.
 *
 * @param also assignments for all rows; the values of a row are `x`
 * @param only the condition on the rows
 * @returns how many rows matched
 */
export async function updateRows(
  tx: Queryable,
  { table, index, alias: t = 't' }: UpdatedTable,
  rows: readonly RowUpdate[],
  also?: SQL,
  only?: SQL,
): Promise<number> {
  // One that cannot be built fails as one that is refused: the others are awaited all the same.
  const update = async (alike: readonly RowUpdate[]) => {
    const [first] = alike
    if (first === undefined) return 0
    const set = Object.keys(first.columns).map((name) => `${t}.${name} = x.${name}`)
    if (set.length === 0 && also === undefined) return 0
    const names = [...Object.keys(first.key), ...Object.keys(first.columns)]
    const values = alike.map(({ key, columns }) => names.map((name) => key[name] ?? columns[name] ?? null))
    const on = Object.keys(first.key).map((name) => `${t}.${name} = x.${name}`)
    const text = new SqlText().add('UPDATE ').rows(names, values)
    text.add(` x STRAIGHT_JOIN ${table} ${t} FORCE INDEX (${index}) ON ${on.join(' AND ')} SET ${set.join(', ')}`)
    if (also !== undefined) text.add(set.length === 0 ? '' : ', ').sql(also)
    if (only !== undefined) text.add(' WHERE ').sql(only)
    return matchedBy(tx, text.done())
  }
  const groups = Map.groupBy(rows, ({ columns }) => Object.keys(columns).join())
  return (await Promise.all([...groups.values()].map(update))).reduce((sum, matched) => sum + matched, 0)
}
