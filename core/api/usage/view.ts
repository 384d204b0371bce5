import { type CountedStatus, countedStatuses } from '../../../drizzle/schema.ts'
import type { FailureRow } from '../../usage/failures.ts'
import { type Counts, sumOf, type UsageRow } from '../../usage/ledger.ts'
import type { UsageView, UserUsageView } from './schema.ts'

/** The usage of a user, row by row and in total. */
export function viewUserUsage(
  rows: readonly UsageRow[],
  failures: readonly FailureRow[],
): Omit<UserUsageView, 'from' | 'to'> {
  const jobs = countedStatuses.map((status) => {
    const { jobs } = sumOf(rows.filter((row) => row.status === status))
    return [status, jobs] as const
  })
  const totals = sumOf(rows)
  return {
    usage: rows.map((row) => ({
      day: row.day,
      status: row.status,
      model: row.model === '' ? null : row.model,
      jobs: row.jobs,
      runs: row.runs,
      ...viewCounts(row),
    })),
    failures: failures.map(({ day, code, step, jobs }) => ({ day, code, step, jobs })),
    totals: {
      jobs: Object.fromEntries(jobs) as Record<CountedStatus, number>,
      runs: totals.runs,
      ...viewCounts(totals),
    },
  }
}

/** Counts as clients get them. */
export function viewCounts(counts: Counts): UsageView {
  const { jobs: _, runs: __, cost, ...rest } = sumOf([counts])
  const { calls, unpricedCalls } = rest
  return { ...rest, costUsd: calls > 0 && calls === unpricedCalls ? null : inDollars(cost) }
}

/** @param cost in nano-dollars */
export function inDollars(cost: number): number
export function inDollars(cost: number | null): number | null
export function inDollars(cost: number | null): number | null {
  return cost === null ? null : cost / 1e9
}
