import { sql } from 'drizzle-orm'
import { waitingStatuses } from '../../drizzle/schema.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'
import { type ErrorCode, VisionError } from '../domain/errors.ts'
import type { ApiConfig } from '../platform/config/api.ts'
import { type LimitOverrides, readOverrides, withOverrides } from './limit-overrides.ts'
import { inWeekOf, type Spend, type SpendRow, spendColumns, spendOf } from './spend.ts'

/** The limits on a user's use of the queue. Days are in UTC. */
export interface UserLimits {
  readonly jobsPerDay: number
  /** Jobs that have not started, or wait to be retried. */
  readonly jobsWaiting: number
  /** The daily budget, in nano-dollars; undefined if unlimited. */
  readonly costPerDay: number | undefined
}

/** The limits of a user. */
export function userLimits(
  config: Pick<ApiConfig, 'USER_JOBS_PER_DAY' | 'USER_JOBS_WAITING' | 'USER_DOLLARS_PER_DAY'>,
): UserLimits {
  return {
    jobsPerDay: config.USER_JOBS_PER_DAY,
    jobsWaiting: config.USER_JOBS_WAITING,
    costPerDay: costPerDay(config),
  }
}

/** The user's daily budget, in nano-dollars; undefined if unlimited. */
export function costPerDay({ USER_DOLLARS_PER_DAY: dollars }: Pick<ApiConfig, 'USER_DOLLARS_PER_DAY'>) {
  return dollars === undefined ? undefined : Math.round(dollars * 1e9)
}

/** One limit, and what remains of it. */
export interface Quota {
  readonly code: ErrorCode & `limit.${string}`
  readonly limit: number
  readonly left: number
  /** The time until it is reset, where that is known. */
  readonly resetSeconds: number | undefined
  /** The period; a day if left out. */
  readonly windowSeconds?: number
}

/** A user's remaining quotas. */
export interface QuotaState {
  /** The day of the quotas. */
  readonly day: string
  readonly quotas: readonly Quota[]
  /** What the user has spent; undefined where no limit is about money. */
  readonly spend?: Spend | undefined
}

/** The call would exceed a limit of its user. */
export class LimitExceeded extends VisionError {
  readonly quotas: readonly Quota[]

  constructor(quota: Quota, quotas: readonly Quota[]) {
    super(quota.code, { retryAfterMs: (quota.resetSeconds ?? waitingRetrySeconds) * 1000 })
    this.quotas = quotas
  }
}

/** An estimate of when the queue will have run some of a user's jobs, in seconds. */
const waitingRetrySeconds = 30

/**
 * A user's remaining quotas; without limits there are none. Exact under the user's lock, except for the cost of running
 * jobs. One statement reads all: of the ledger the user's week where a limit is about money, and one row where none is.
 *
 * The count of waiting jobs stops at the limit, which bounds its cost.
 *
 * @param settings the limits of users for whom no operator has set others
 * @param overrides those of the user; read if left out
 */
export async function readQuotas(
  tx: Queryable,
  userId: string,
  settings: UserLimits | undefined,
  overrides?: LimitOverrides,
): Promise<QuotaState> {
  const limits = settings && withOverrides(settings, overrides ?? (await readOverrides(tx, userId)))
  const isMoneyLimited = limits?.costPerDay !== undefined
  const isOfCreated = sql`day = UTC_DATE() AND model = '' AND status = 'created'`
  const [row] = await rowsOf<Row & SpendRow>(
    tx,
    sql`SELECT CAST(UTC_DATE() AS CHAR) AS today,
      TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), UTC_DATE() + INTERVAL 1 DAY) AS resetSeconds,
      SUM(IF(${isOfCreated}, jobs, 0)) AS created${isMoneyLimited ? sql`, ${spendColumns}` : sql``},
      (SELECT COUNT(*) FROM (${waitingQuery(userId, limits?.jobsWaiting ?? 0)}) AS some_jobs) AS waiting
    FROM vision_usage FORCE INDEX (PRIMARY)
    WHERE ${isMoneyLimited ? inWeekOf(userId) : sql`user_id = ${userId} AND ${isOfCreated}`}`,
  )
  const day = row?.today ?? ''
  if (limits === undefined) return { day, quotas: [] }
  const spend = isMoneyLimited ? spendOf(row) : undefined
  const resetSeconds = Number(row?.resetSeconds ?? 0)
  const quota = (
    code: Quota['code'],
    limit: number,
    used: number | string | null | undefined,
    reset?: number,
  ): Quota => ({
    code,
    limit,
    left: Math.max(0, limit - Number(used ?? 0)),
    resetSeconds: reset,
  })
  return {
    day,
    spend,
    quotas: [
      quota('limit.jobs_per_day', limits.jobsPerDay, row?.created, resetSeconds),
      ...(limits.costPerDay === undefined
        ? []
        : [quota('limit.spend_per_day', limits.costPerDay, spend?.spent, resetSeconds)]),
      quota('limit.jobs_waiting', limits.jobsWaiting, row?.waiting),
    ],
  }
}

interface Row extends Readonly<Record<'resetSeconds' | 'waiting', number>> {
  /** As in `2026-11-27`. */
  readonly today: string
  /** Null if the user has no rows in the ledger. */
  readonly created: number | string | null
}

/** A user's waiting jobs, counted up to a number, along the owner index alone. */
function waitingQuery(userId: string, limit: number) {
  return sql`SELECT 1 FROM vision_jobs FORCE INDEX (owner)
    WHERE user_id = ${userId} AND waiting_as IN ${[...waitingStatuses]} LIMIT ${limit}`
}

/**
 * The remaining quotas after a number of new jobs.
 *
 * @throws LimitExceeded if they do not suffice
 */
export function consumeJobs(state: QuotaState, jobs: number): QuotaState {
  const short = state.quotas.find((quota) => isShort(quota, jobs))
  if (short) throw new LimitExceeded(short, state.quotas)
  const quotas = state.quotas.map((quota) => (isMoney(quota) ? quota : { ...quota, left: quota.left - jobs }))
  return { ...state, quotas }
}

/**
 * Retried jobs were counted when they were created, but they wait and cost anew.
 *
 * @returns how many of them there is room for, at least one
 * @throws LimitExceeded if there is room for none
 */
export function requireRetry(state: QuotaState, jobs = 1): number {
  const counting = state.quotas.filter((quota) => quota.code !== 'limit.jobs_per_day')
  const short = counting.find((quota) => isShort(quota, 1))
  if (short) throw new LimitExceeded(short, state.quotas)
  return Math.min(jobs, ...counting.filter((quota) => !isMoney(quota)).map(({ left }) => left))
}

/** The cost of a job is not known before it has run: any remaining budget suffices. */
function isShort(quota: Quota, jobs: number): boolean {
  return jobs > 0 && (isMoney(quota) ? quota.left === 0 : quota.left < jobs)
}

/** Whether a limit is in nano-dollars; the others count jobs. */
export function isMoney({ code }: Quota): boolean {
  return code === 'limit.spend_per_day'
}
