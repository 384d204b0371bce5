import { sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from '../database/sql.ts'

/**
 * What a call costs, in nano-dollars, of a user of whom nothing is known yet: 1,500 tokens in and 800 out by the price of
 * gemini-3.5-flash-lite (core/providers/registry.ts), the dearer of the two steps.
 */
export const callCostAtFirst = 2_450_000

const daysOfMean = 7
/** One for the analysis, one for the content. */
const callsOfJob = 2

/** What a user has spent today, UTC, in nano-dollars. */
export interface Spend {
  /** Calls that may have been billed, or whose price is not known, by what a call of the user's costs. */
  readonly spent: number
  /** What a job is about to cost: by the mean of the user's calls of the last week. */
  readonly jobCost: number
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
  return { spent: Number(row?.cost ?? 0) + Number(row?.unknown ?? 0) * callCost, jobCost: callCost * callsOfJob }
}

/**
 * For how many more jobs a user's money of the day suffices, with those in flight reckoned as if they had run. With nothing in
 * flight one more is admitted as long as any money is left: an estimate above the whole limit must not stop everything.
 *
 * @param costPerDay in nano-dollars
 */
export async function roomInBudget(
  on: Queryable,
  userId: string,
  inFlight: number,
  costPerDay: number,
): Promise<number> {
  const { spent, jobCost } = await readSpend(on, userId)
  const left = costPerDay - spent
  if (left <= 0) return 0
  if (jobCost === 0) return Number.POSITIVE_INFINITY
  return Math.max(inFlight === 0 ? 1 : 0, Math.floor(left / jobCost) - inFlight)
}
