import { type SQL, sql } from 'drizzle-orm'
import type { MySqlColumn } from 'drizzle-orm/mysql-core'

type Counts<Counter extends string> = Record<Counter, number>

/** The sum of several entries; an entry's missing counter is a 0. */
export function sumCounts<Counter extends string>(
  counters: readonly Counter[],
  entries: readonly Partial<Counts<Counter>>[],
): Counts<Counter> {
  const sums = counters.map((counter) => [counter, entries.reduce((sum, { [counter]: count = 0 }) => sum + count, 0)])
  return Object.fromEntries(sums)
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
  const keyOf = (entry: Entry) =>
    JSON.stringify(
      keys.map((key) => {
        const value: unknown = entry[key]
        return typeof value === 'number' ? String(value).padStart(20, '0') : value
      }),
    )
  return [...Map.groupBy(entries, keyOf)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, same]) => {
      const last = same.at(-1)
      const sums = sumCounts(counters, same)
      return last === undefined || counters.every((counter) => sums[counter] === 0) ? [] : [{ ...last, ...sums }]
    })
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
