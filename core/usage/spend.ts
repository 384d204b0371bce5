import { sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from '../database/sql.ts'

/**
 * What a call costs, in nano-dollars, of a user of whom nothing is known yet: 1,500 tokens in and 800 out by the price of
 * gemini-3.5-flash-lite (core/providers/registry.ts), the dearer of the two steps.
 */
export const callCostAtFirst = 2_450_000

const daysOfMean = 7

/** What a user has spent today, UTC, in nano-dollars. */
export interface Spend {
  /** Calls that may have been billed, or whose price is not known, by what a call of the user's costs. */
  readonly spent: number
  /** What a call is about to cost: the mean of the user's calls of the last week. */
  readonly callCost: number
}

/** Reads the user's own rows of the ledger, of a week and along the primary key. */
export async function readSpend(on: Queryable, userId: string): Promise<Spend> {
  const [row] = await rowsOf<Record<'cost' | 'unknown' | 'weekCost' | 'weekCalls', number | string | null>>(
    on,
    sql`SELECT SUM(IF(day = UTC_DATE(), cost, 0)) AS cost,
        SUM(IF(day = UTC_DATE(), possibly_billed + unpriced_calls, 0)) AS unknown,
        SUM(cost) AS weekCost, SUM(calls - unpriced_calls) AS weekCalls
      FROM vision_usage FORCE INDEX (PRIMARY)
      WHERE user_id = ${userId} AND day > UTC_DATE() - INTERVAL ${daysOfMean} DAY`,
  )
  const calls = Number(row?.weekCalls ?? 0)
  const callCost = calls > 0 ? Math.ceil(Number(row?.weekCost ?? 0) / calls) : callCostAtFirst
  return { spent: Number(row?.cost ?? 0) + Number(row?.unknown ?? 0) * callCost, callCost }
}

/** What is left of a user's money of the day, with the calls of the jobs in flight reckoned as if they had been made. */
export interface Budget {
  /** In nano-dollars; infinite without a limit. */
  readonly left: number
  readonly callCost: number
}

/**
 * @param callsInFlight how many calls the user's jobs in flight may still take
 * @param costPerDay in nano-dollars; undefined if there is no limit
 */
export async function readBudget(
  on: Queryable,
  userId: string,
  callsInFlight: number,
  costPerDay: number | undefined,
): Promise<Budget> {
  if (costPerDay === undefined) return { left: Number.POSITIVE_INFINITY, callCost: 0 }
  const { spent, callCost } = await readSpend(on, userId)
  return { left: costPerDay - spent - callsInFlight * callCost, callCost }
}
