import { sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from '../database/sql.ts'
import { type ErrorCode, VisionError } from '../domain/errors.ts'
import type { ApiConfig } from '../platform/config/api.ts'
import { readSpend } from './spend.ts'

/** How much a user may have of the queue. Days are those of UTC. */
export interface UserLimits {
  readonly jobsPerDay: number
  /** Jobs that have not begun, or wait to be tried again. */
  readonly jobsWaiting: number
  /** The most that calls may cost in a day, in nano-dollars; undefined if there is no limit. */
  readonly costPerDay: number | undefined
}

/** What a user may have at most. */
export function userLimits(
  config: Pick<ApiConfig, 'USER_JOBS_PER_DAY' | 'USER_JOBS_WAITING' | 'USER_DOLLARS_PER_DAY'>,
): UserLimits {
  return {
    jobsPerDay: config.USER_JOBS_PER_DAY,
    jobsWaiting: config.USER_JOBS_WAITING,
    costPerDay: costPerDay(config),
  }
}

/** What the calls of a user may cost in a day, in nano-dollars; undefined where that is not limited. */
export function costPerDay({ USER_DOLLARS_PER_DAY: dollars }: Pick<ApiConfig, 'USER_DOLLARS_PER_DAY'>) {
  return dollars === undefined ? undefined : Math.round(dollars * 1e9)
}

/** One limit, and the rest of it. */
export interface Quota {
  readonly code: ErrorCode & `limit.${string}`
  readonly limit: number
  readonly left: number
  /** Until all of it is to be had again, where that is known. */
  readonly resetSeconds: number | undefined
  /** The time that it is for; a day if not given. */
  readonly windowSeconds?: number
}

/** What a user may still do. */
export interface QuotaState {
  /** The day that it holds for. */
  readonly day: string
  readonly quotas: readonly Quota[]
}

/** A call would take more than its user is allowed. */
export class LimitExceeded extends VisionError {
  readonly quotas: readonly Quota[]

  constructor(quota: Quota, quotas: readonly Quota[]) {
    super(quota.code, { retryAfterMs: (quota.resetSeconds ?? waitingRetrySeconds) * 1000 })
    this.quotas = quotas
  }
}

/** A guess at when the queue will have taken some of a user's jobs, in seconds. */
const waitingRetrySeconds = 30

/**
 * What a user may still do; without limits there are no quotas. Exact under the user's lock, but for what running jobs are about to cost.
 *
 * The count of the waiting jobs ends at the limit, so that it costs the same however many there are.
 */
export async function readQuotas(tx: Queryable, userId: string, limits: UserLimits | undefined): Promise<QuotaState> {
  const [row] = await rowsOf<Record<'resetSeconds' | 'created' | 'waiting', number> & { day: string }>(
    tx,
    sql`SELECT CAST(UTC_DATE() AS CHAR) AS day,
      TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), UTC_DATE() + INTERVAL 1 DAY) AS resetSeconds,
      (SELECT jobs FROM vision_usage
        WHERE user_id = ${userId} AND day = UTC_DATE() AND model = '' AND status = 'created') AS created,
      (SELECT COUNT(*) FROM (${waitingQuery(userId, limits?.jobsWaiting ?? 0)}) AS some_jobs) AS waiting`,
  )
  const day = row?.day ?? ''
  if (limits === undefined) return { day, quotas: [] }
  const spend = limits.costPerDay === undefined ? undefined : await readSpend(tx, userId)
  const resetSeconds = Number(row?.resetSeconds ?? 0)
  const quota = (code: Quota['code'], limit: number, used: number | undefined, reset?: number): Quota => ({
    code,
    limit,
    left: Math.max(0, limit - Number(used ?? 0)),
    resetSeconds: reset,
  })
  return {
    day,
    quotas: [
      quota('limit.jobs_per_day', limits.jobsPerDay, row?.created, resetSeconds),
      ...(limits.costPerDay === undefined
        ? []
        : [quota('limit.spend_per_day', limits.costPerDay, spend?.spent, resetSeconds)]),
      quota('limit.jobs_waiting', limits.jobsWaiting, row?.waiting),
    ],
  }
}

/** A user's waiting jobs, counted up to a number, by the owner index alone. */
export function waitingQuery(userId: string, limit: number) {
  return sql`SELECT 1 FROM vision_jobs FORCE INDEX (owner)
    WHERE user_id = ${userId} AND status IN ('scheduled', 'blocked', 'pending') LIMIT ${limit}`
}

/**
 * The rest of the quotas after a number of new jobs.
 *
 * @throws LimitExceeded if it does not suffice for them
 */
export function consumeJobs(state: QuotaState, jobs: number): QuotaState {
  const short = state.quotas.find((quota) => isShort(quota, jobs))
  if (short) throw new LimitExceeded(short, state.quotas)
  const quotas = state.quotas.map((quota) => (isMoney(quota) ? quota : { ...quota, left: quota.left - jobs }))
  return { ...state, quotas }
}

/**
 * Jobs that are retried were counted when they were created, but they wait and cost anew.
 *
 * @returns how many of them there is room for, one at least
 * @throws LimitExceeded if its user may not have any
 */
export function requireRetry(state: QuotaState, jobs = 1): number {
  const counting = state.quotas.filter((quota) => quota.code !== 'limit.jobs_per_day')
  const short = counting.find((quota) => isShort(quota, 1))
  if (short) throw new LimitExceeded(short, state.quotas)
  return Math.min(jobs, ...counting.filter((quota) => !isMoney(quota)).map(({ left }) => left))
}

/** What a job will cost is not known before it has run: money suffices as long as there is some. */
function isShort(quota: Quota, jobs: number): boolean {
  return jobs > 0 && (isMoney(quota) ? quota.left === 0 : quota.left < jobs)
}

function isMoney({ code }: Quota): boolean {
  return code === 'limit.spend_per_day'
}
