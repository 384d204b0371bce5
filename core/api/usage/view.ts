import { type CountedStatus, countedStatuses } from '../../../drizzle/schema.ts'
import type { FailureRow } from '../../usage/failures.ts'
import { type Counts, sumOf, type UsageRow } from '../../usage/ledger.ts'
import { isMoney, type QuotaState } from '../../usage/quotas.ts'
import type { UsageView, UserUsageView } from './schema.ts'

/** The usage of a user, row by row and in total. */
export function viewUserUsage(
  rows: readonly UsageRow[],
  failures: readonly FailureRow[],
): Omit<UserUsageView, 'from' | 'to' | 'limits'> {
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

/** What is left of a user's limits, as clients get it. */
export function viewQuotas({ day, quotas }: QuotaState): UserUsageView['limits'] {
  const midnight = new Date(Date.parse(day) + 86_400_000).toISOString()
  return quotas.map((quota) => {
    const inUnits = (amount: number) => (isMoney(quota) ? inDollars(amount) : amount)
    return {
      code: quota.code,
      unit: isMoney(quota) ? 'dollars' : 'jobs',
      limit: inUnits(quota.limit),
      left: inUnits(quota.left),
      resetsAt: quota.resetSeconds === undefined ? null : midnight,
    }
  })
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
