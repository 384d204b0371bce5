import { type SQL, sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from '../database/sql.ts'

/**
 * The assumed cost of a call for a user without history, in nano-dollars: 1,500 tokens in and 800 out at the price of
 * gemini-3.5-flash-lite (core/providers/registry.ts), the more expensive of the two steps.
 */
export const callCostAtFirst = 2_450_000

const daysOfMean = 7

/** What a user has spent today (UTC), in nano-dollars. */
export interface Spend {
  /** The estimated cost of calls that may have been billed, or whose price is not known. */
  readonly spent: number
  /** The expected cost of a call: the mean of the user's calls of the last week. */
  readonly callCost: number
}

/** Sums of `vision_usage`, for a SELECT that reads the rows of `inWeekOf`. */
export const spendColumns = sql`SUM(IF(day = UTC_DATE(), cost, 0)) AS cost,
  SUM(IF(day = UTC_DATE(), possibly_billed + unpriced_calls, 0)) AS unknown,
  SUM(cost) AS weekCost, SUM(calls - unpriced_calls) AS weekCalls`

/** What `spendColumns` read; null where the user has no rows. */
export type SpendRow = Readonly<Record<'cost' | 'unknown' | 'weekCost' | 'weekCalls', number | string | null>>

/** The condition of the user's own rows of the ledger, a week along the primary key. */
export function inWeekOf(userId: string): SQL {
  return sql`user_id = ${userId} AND day > UTC_DATE() - INTERVAL ${daysOfMean} DAY`
}

/** What the rows of a week say that the user has spent. */
export function spendOf(row: SpendRow | undefined): Spend {
  const calls = Number(row?.weekCalls ?? 0)
  const callCost = calls > 0 ? Math.ceil(Number(row?.weekCost ?? 0) / calls) : callCostAtFirst
  return { spent: Number(row?.cost ?? 0) + Number(row?.unknown ?? 0) * callCost, callCost }
}

/** Reads what a user has spent. */
export async function readSpend(on: Queryable, userId: string): Promise<Spend> {
  const [row] = await rowsOf<SpendRow>(
    on,
    sql`SELECT ${spendColumns} FROM vision_usage FORCE INDEX (PRIMARY) WHERE ${inWeekOf(userId)}`,
  )
  return spendOf(row)
}

/** What remains of a user's daily budget, with the calls of the jobs in flight counted at their expected cost. */
export interface Budget {
  /** In nano-dollars; infinite if unlimited. */
  readonly left: number
  readonly callCost: number
}

/**
 * @param callsInFlight the most calls that the user's jobs in flight may still take
 * @param costPerDay in nano-dollars; undefined if unlimited
 * @param spend what the user has spent, where it was read in the same transaction; read if left out
 */
export async function readBudget(
  on: Queryable,
  userId: string,
  callsInFlight: number,
  costPerDay: number | undefined,
  spend?: Spend,
): Promise<Budget> {
  if (costPerDay === undefined) return { left: Number.POSITIVE_INFINITY, callCost: 0 }
  const { spent, callCost } = spend ?? (await readSpend(on, userId))
  return { left: costPerDay - spent - callsInFlight * callCost, callCost }
}
