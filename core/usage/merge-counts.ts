import { type SQL, sql } from 'drizzle-orm'
import type { MySqlColumn, MySqlTable } from 'drizzle-orm/mysql-core'
import { insertRows, type NewRow } from '../database/insert-rows.ts'
import type { Queryable } from '../database/sql.ts'

type Counts<Counter extends string> = Record<Counter, number>

/** The sum of several entries; an entry's missing counter is a 0. */
export function sumCounts<Counter extends string>(
  counters: readonly Counter[],
  entries: readonly Partial<Counts<Counter>>[],
): Counts<Counter> {
  const sums = Object.fromEntries(counters.map((counter) => [counter, 0])) as Counts<Counter>
  for (const entry of entries) addTo(sums, counters, entry)
  return sums
}

function addTo<Counter extends string>(
  sums: Counts<Counter>,
  counters: readonly Counter[],
  entry: Partial<Counts<Counter>>,
): void {
  for (const counter of counters) sums[counter] += entry[counter] ?? 0
}

/**
 * Merges entries of the same key into one row each; a row that would change no counter is left out. All transactions get the
 * rows in the same order, so that no two can deadlock.
 *
 * @param keys the columns of the key
 * @returns for each row the sums; its other columns are those of the last entry
 */
export function mergeCounts<Counter extends string, Entry extends Partial<Counts<Counter>>>(
  keys: readonly (keyof Entry)[],
  counters: readonly Counter[],
  entries: readonly Entry[],
): (Entry & Counts<Counter>)[] {
  // For each text of a key, the last entry that has it, and the sums.
  const rows = new Map<string, { last: Entry; readonly sums: Counts<Counter> }>()
  for (const entry of entries) {
    const key = JSON.stringify(
      keys.map((name) => {
        const value: unknown = entry[name]
        return typeof value === 'number' ? String(value).padStart(20, '0') : value
      }),
    )
    const row = rows.get(key)
    if (row === undefined) rows.set(key, { last: entry, sums: sumCounts(counters, [entry]) })
    else {
      row.last = entry
      addTo(row.sums, counters, entry)
    }
  }
  return [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, { last, sums }]) => (counters.every((counter) => sums[counter] === 0) ? [] : [{ ...last, ...sums }]))
}

/**
 * Adds rows to those that stand. Counters that no row changes are left out: a server adds each of each row, and most
 * transactions change a few.
 *
 * @param rows at least one
 */
export async function addCounts<
  Counter extends string,
  Table extends MySqlTable & Readonly<Record<Counter, MySqlColumn>>,
>(
  tx: Queryable,
  table: Table,
  counters: readonly Counter[],
  rows: readonly (NewRow<Table> & Counts<Counter>)[],
): Promise<void> {
  const changed = counters.filter((counter) => rows.some((row) => row[counter] !== 0))
  const unchanged: object = Object.fromEntries(
    counters.filter((counter) => !changed.includes(counter)).map((counter) => [counter, undefined]),
  )
  await insertRows(
    tx,
    table,
    rows.map((row) => ({ ...row, ...unchanged })),
    increments(table, changed),
  )
}

/** The assignments that add a row's counters to those of the row that stands: for ON DUPLICATE KEY UPDATE. */
export function increments<Counter extends string>(
  table: Readonly<Record<Counter, MySqlColumn>>,
  counters: readonly Counter[],
): SQL {
  return sql.raw(counters.map((counter) => added(table[counter].name)).join(', '))
}

function added(column: string): string {
  return `${column} = ${column} + VALUES(${column})`
}
