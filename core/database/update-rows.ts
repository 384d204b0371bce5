import { type SQL, sql } from 'drizzle-orm'
import { matchedBy, type Queryable } from './sql.ts'

/** What a column is set to. */
export type ColumnValue = SQL | string | number | null

/** A row that is to be changed. */
export interface RowUpdate {
  /** The columns that tell which, in the order of the index. */
  readonly key: Readonly<Record<string, number>>
  /** What it is set to, by the column. */
  readonly columns: Readonly<Record<string, ColumnValue>>
}

/** A table and how its rows are found. The names are ours, and none of them comes from outside. */
export interface UpdatedTable {
  readonly table: string
  /** The index that the key is a prefix of. */
  readonly index: string
}

/**
 * Updates many rows, each with values of its own: one statement for all rows that change the same columns. A join with a table of
 * the values, since a server would rather scan a small table than look a list up, and lock what it passes.
 *
 * @param also what all of them are set to as well; the row is `t`, its values are `x`
 * @param only which of them
 * @returns how many rows matched
 */
export async function updateRows(
  tx: Queryable,
  { table, index }: UpdatedTable,
  rows: readonly RowUpdate[],
  also?: SQL,
  only?: SQL,
): Promise<number> {
  let matched = 0
  for (const alike of Map.groupBy(rows, ({ columns }) => Object.keys(columns).join()).values()) {
    const [first] = alike
    if (first === undefined) continue
    const set = [
      ...Object.keys(first.columns).map((name) => sql.raw(`t.${name} = x.${name}`)),
      ...(also === undefined ? [] : [also]),
    ]
    if (set.length === 0) continue
    const values = alike.map(({ key, columns }, at) => {
      const named = Object.entries({ ...key, ...columns })
      const cells = named.map(([name, value]) => (at === 0 ? sql`${value} AS ${sql.raw(name)}` : sql`${value}`))
      return sql`SELECT ${sql.join(cells, sql`, `)}`
    })
    const on = Object.keys(first.key).map((name) => `t.${name} = x.${name}`)
    matched += await matchedBy(
      tx,
      sql`UPDATE (${sql.join(values, sql` UNION ALL `)}) x
        STRAIGHT_JOIN ${sql.raw(`${table} t FORCE INDEX (${index}) ON ${on.join(' AND ')}`)}
        SET ${sql.join(set, sql`, `)}${only === undefined ? sql`` : sql` WHERE ${only}`}`,
    )
  }
  return matched
}
