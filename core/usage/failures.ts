import { and, asc, between, eq, sql } from 'drizzle-orm'
import { type Step, visionFailures } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { insertRows } from '../database/insert-rows.ts'
import { asDate, type Queryable, rowsOf } from '../database/sql.ts'
import { increments, mergeCounts } from './merge-counts.ts'

// The failures of jobs: `vision_failures`, which the ledger maintains.

/** A row of `vision_failures`. */
export type FailureRow = typeof visionFailures.$inferSelect

/** A failed job as the ledger gets it; ignored if any of this is missing. */
interface FailedJob {
  readonly userId: string
  readonly day: string
  readonly status: string
  readonly jobs?: number
  readonly code?: string | undefined
  readonly jobId?: number | undefined
  readonly step?: Step | undefined
}

/**
 * Counts failed jobs. Must come last, after the rows of the ledger and of batches: a transaction that holds one of these
 * rows also holds the user's own row of the ledger, by which transactions that must not wait detect it.
 */
export async function addFailures(tx: Queryable, jobs: readonly FailedJob[]): Promise<void> {
  const failed = jobs.flatMap(({ userId, day, status, code, jobId, step, jobs: count = 0 }) =>
    status === 'failed' && count > 0 && code !== undefined && jobId !== undefined && step !== undefined
      ? [{ userId, day, code, step, jobId, jobs: count }]
      : [],
  )
  const now = sql`UTC_TIMESTAMP(3)`
  const rows = mergeCounts(['userId', 'day', 'code', 'step'], ['jobs'], failed).map((row) => ({
    ...row,
    firstAt: now,
    lastAt: now,
  }))
  if (rows.length === 0) return
  const more = increments(visionFailures, ['jobs'])
  await insertRows(tx, visionFailures, rows, sql`${more}, last_at = VALUES(last_at), job_id = VALUES(job_id)`)
}

/** The failures of a user's jobs by day, code and step, between two days (UTC). */
export function getUserFailures(
  database: Database,
  userId: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<readonly FailureRow[]> {
  const { day, code, step } = visionFailures
  return database.run((on) =>
    on
      .select()
      .from(visionFailures)
      .where(and(eq(visionFailures.userId, userId), between(day, from, to)))
      .orderBy(asc(day), asc(code), asc(step)),
  )
}

/** All jobs that failed with one code in one step. */
export interface Failure {
  readonly code: string
  readonly step: Step
  readonly jobs: number
  readonly firstAt: Date
  readonly lastAt: Date
  readonly users: number
  /** The bound on rows was reached: there are more jobs and users than these. */
  readonly atLeast: boolean
  /** One of the latest of them. */
  readonly sampleJobId: number
}

/** The most rows that are read for a code and step, each of one user and day. */
const readOfEach = 2_000

/**
 * The failures of all jobs since a day, the latest first. Reads the counts and no jobs: the codes and steps by a skip scan
 * of the index, and at most 2,000 rows of each, spread evenly over the days.
 *
 * @param days how many days (UTC), today included; at most a month
 */
export async function getFailures(on: Queryable, days: number): Promise<readonly Failure[]> {
  const kinds = await failureKinds(on, days)
  const failures: Failure[] = []
  for (const { code, step, dates } of kinds) {
    const each = Math.ceil(readOfEach / dates.length)
    const [sum] = await rowsOf<Record<'jobs' | 'users' | 'mostOfADay' | 'sampleJobId', number> & Moments>(
      on,
      failuresQuery(code, step, dates, each),
    )
    if (sum === undefined) continue
    failures.push({
      code,
      step,
      jobs: Number(sum.jobs),
      firstAt: asDate(sum.firstAt),
      lastAt: asDate(sum.lastAt),
      users: Number(sum.users),
      atLeast: Number(sum.mostOfADay) >= each,
      sampleJobId: Number(sum.sampleJobId),
    })
  }
  return failures.toSorted((one, other) => other.lastAt.getTime() - one.lastAt.getTime())
}

interface Moments {
  readonly firstAt: string
  readonly lastAt: string
}

function failuresQuery(code: string, step: Step, dates: readonly string[], each: number) {
  const byDay = dates.map(
    (day, index) => sql`(SELECT ${sql.raw(String(index))} AS nth, user_id, jobs, first_at, last_at, job_id
      FROM vision_failures FORCE INDEX (by_day) WHERE day = ${day} AND code = ${code} AND step = ${step} LIMIT ${each})`,
  )
  const ofEach = dates.map((_, index) => sql`SUM(nth = ${sql.raw(String(index))})`)
  return sql`SELECT SUM(jobs) AS jobs, COUNT(DISTINCT user_id) AS users, GREATEST(0, ${sql.join(ofEach, sql`, `)}) AS mostOfADay,
      MIN(first_at) AS firstAt, MAX(last_at) AS lastAt, MAX(job_id) AS sampleJobId
    FROM (${sql.join(byDay, sql` UNION ALL `)}) AS some_failures`
}

/** A code and a step with the days of their failures, the latest first. */
interface Kind {
  readonly code: string
  readonly step: Step
  readonly dates: readonly string[]
}

interface Found extends Pick<Kind, 'code' | 'step'> {
  readonly date: string
}

/** The next day, code and step by one look-up each: their number is bounded by the number of codes, not of users. */
async function failureKinds(on: Queryable, days: number): Promise<readonly Kind[]> {
  const found: Found[] = []
  const head = (where: ReturnType<typeof sql>) => sql`(SELECT CAST(day AS CHAR) AS date, code, step FROM vision_failures
    FORCE INDEX (by_day) WHERE ${where} ORDER BY day, code, step LIMIT 1)`
  let next = head(sql`day > UTC_DATE() - INTERVAL ${days} DAY`)
  for (;;) {
    const [kind] = await rowsOf<Found>(on, next)
    if (kind === undefined) break
    found.push(kind)
    const { date: day, code, step } = kind
    next = sql`SELECT * FROM (${sql.join(
      [
        head(sql`day = ${day} AND code = ${code} AND step > ${step}`),
        head(sql`day = ${day} AND code > ${code}`),
        head(sql`day > ${day}`),
      ],
      sql` UNION ALL `,
    )}) AS following LIMIT 1`
  }
  const byKind = Map.groupBy(found, ({ code, step }) => JSON.stringify([code, step]))
  return [...byKind.values()].flatMap((same) => {
    const [first] = same
    if (first === undefined) return []
    return [{ code: first.code, step: first.step, dates: same.map(({ date }) => date).toReversed() }]
  })
}
