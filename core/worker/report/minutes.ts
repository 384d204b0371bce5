import { sql } from 'drizzle-orm'
import type { RunStats } from '../../../drizzle/schema.ts'
import { asDate, type Queryable, rowsOf } from '../../database/sql.ts'
import { addStats, noStats } from '../../domain/run-stats.ts'
import { counters, emptyTally, type Tally } from '../../domain/tally.ts'

/** What all workers did in one minute. */
export interface Minute {
  /** The start of the minute. */
  readonly minute: Date
  readonly workers: number
  readonly tally: Tally
  readonly stats: RunStats
}

type Row = Tally & { readonly minute: string; readonly workerId: string; readonly stats: string | null }

/** How many rows are read at a time, which bounds the memory. */
const page = 1_000
/** Rows are kept for a week, but at most a day of them is shown. */
export const mostMinutes = 1_440

/**
 * The sums of all workers' reports for each of the last minutes, the current one included, the oldest first; minutes
 * without reports are left out. Reads one row for each minute and worker, along the key, and no jobs.
 */
export async function getMinutes(on: Queryable, minutes: number): Promise<readonly Minute[]> {
  const found: Minute[] = []
  const since = sql`UTC_TIMESTAMP(3) - INTERVAL ${Math.min(minutes, mostMinutes)} MINUTE`
  let last: Row | undefined
  for (;;) {
    const beyond = last
      ? sql`minute >= ${last.minute} AND (minute > ${last.minute} OR worker_id > ${last.workerId})`
      : sql`minute > ${since}`
    const rows = await rowsOf<Row>(
      on,
      sql`SELECT CAST(minute AS CHAR) AS minute, worker_id AS workerId, stats, ${sql.raw(counters.join(', '))}
        FROM vision_worker_minutes FORCE INDEX (PRIMARY) WHERE ${beyond}
        ORDER BY vision_worker_minutes.minute, worker_id LIMIT ${page}`,
    )
    for (const row of rows) {
      const minute = asDate(row.minute)
      const same = found.at(-1)?.minute.getTime() === minute.getTime() ? found.pop() : undefined
      found.push({
        minute,
        workers: (same?.workers ?? 0) + 1,
        tally: addTally(same?.tally ?? emptyTally(), row),
        stats: addStats(same?.stats ?? noStats(), row.stats ? JSON.parse(row.stats) : noStats()),
      })
    }
    last = rows.at(-1)
    if (rows.length < page) return found
  }
}

function addTally(one: Tally, other: Tally): Tally {
  return Object.fromEntries(counters.map((name) => [name, Number(one[name]) + Number(other[name])])) as Record<
    keyof Tally,
    number
  >
}

/** The sum of several minutes. */
export function sumOfMinutes(minutes: readonly Minute[]): Pick<Minute, 'tally' | 'stats'> {
  return {
    tally: minutes.reduce((sum, { tally }) => addTally(sum, tally), emptyTally() as Tally),
    stats: minutes.reduce((sum, { stats }) => addStats(sum, stats), noStats()),
  }
}
