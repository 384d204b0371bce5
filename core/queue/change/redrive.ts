import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { asDate, matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { hasEnded } from '../../domain/job.ts'
import { addBatchCounts, uncounted } from '../../usage/batch-counts.ts'
import { matchesCode } from '../rows/code-filter.ts'
import type { OwnedJob } from '../rows/lock-jobs.ts'
import { rescheduled } from '../rows/rescheduled.ts'
import { retryTexts } from '../rows/texts.ts'
import { addJobs, type BulkFilter, type BulkOptions, type BulkResult } from './bulk-change.ts'
import { changeJob, type JobChange, type ReadRoom } from './change-jobs.ts'

/** A filter for failed jobs. */
export interface RedriveFilter extends BulkFilter {
  /** Those that failed at this moment or later. */
  readonly since?: Date | undefined
  /** Those that failed before this moment. */
  readonly until?: Date | undefined
}

export interface RedriveOptions extends BulkOptions<Redriven> {
  /** Until a redriven job expires, in milliseconds of the database's clock. */
  readonly lifeMs: number
}

export interface Redriven extends BulkResult {
  /** When the last of them failed: where to continue. */
  readonly through: Date | null
}

interface Row {
  readonly id: number
  readonly userId: string
  readonly batchId: number | null
  readonly code: string | null
  readonly finishedAt: string
}

/** How many failed jobs are read at a time, and how many are redriven in one transaction. */
const page = 1_000
const atOnce = 200

/**
 * Redrives failed jobs: see `redriveVisionJob`.
 *
 * @param lifeMs until they expire again, in milliseconds of the database's clock
 */
export function redriving(lifeMs: number): JobChange {
  return {
    verdictOn: (job) => (job.status === 'failed' ? 'change' : hasEnded(job) ? 'job.not_retryable' : 'leave'),
    apply: async (tx, jobs) => {
      await redriveRows(
        tx,
        jobs.map(({ jobId }) => jobId),
        lifeMs,
      )
      await addBatchCounts(tx, uncounted(jobs))
    },
    isUndone: sql`status = 'failed'`,
  }
}

/**
 * Redrives a failed job: it is due at once, failures and crashes are zeroed, the attempt number and saved outputs stay. A
 * job that has not ended is redriven already: idempotent.
 *
 * @param lifeMs until it expires again, in milliseconds of the database's clock
 * @param allow the room for it
 * @returns whether this call redrove it
 * @throws VisionError `job.not_found` or `job.not_retryable`, and what `allow` throws
 */
export function redriveVisionJob(
  database: Database,
  owned: OwnedJob,
  { lifeMs, allow }: { readonly lifeMs: number; readonly allow?: ReadRoom },
): Promise<boolean> {
  return changeJob(database, redriving(lifeMs), owned, allow)
}

/**
 * Redrives failed jobs, the ones that failed first before the others, in short transactions that lock only the jobs. A job
 * that is redriven or deleted concurrently is left out.
 */
export async function redriveVisionJobs(
  database: Database,
  filter: RedriveFilter,
  { limit, dryRun, lifeMs, signal, note }: RedriveOptions,
): Promise<Redriven> {
  let done: Redriven = { jobs: 0, sample: [], more: false, through: null }
  let after: Row | undefined
  // A job that fails again during this call must not be redriven again.
  const until = filter.until ?? (await databaseNow(database))
  for (;;) {
    const rows = await database.run((on) => rowsOf<Row>(on, failedQuery(filter.since, until, after)))
    const matching = rows.filter((row) => matches(filter, row))
    for (let taken = 0; taken < matching.length; ) {
      const room = limit - done.jobs
      if (room <= 0 || signal?.aborted) return { ...done, more: true }
      const some = matching.slice(taken, taken + Math.min(atOnce, room))
      taken += some.length
      done = dryRun ? add(done, some, some.length) : await redriveSome(database, some, done, { lifeMs, note })
    }
    after = rows.at(-1)
    if (rows.length < page) return done
    if (signal?.aborted) return { ...done, more: true }
  }
}

/** Along its index, page by page: the rest of the filter is applied afterwards, so that a page is always small. */
function failedQuery(since: Date | undefined, until: Date, after: Row | undefined) {
  const from = after?.finishedAt ?? (since && datetime(since))
  const later = from === undefined ? sql`` : sql` AND finished_at >= ${from}`
  const beyond = after ? sql` AND (finished_at > ${after.finishedAt} OR id > ${after.id})` : sql``
  return sql`SELECT id, user_id AS userId, batch_id AS batchId, error_code AS code, finished_at AS finishedAt
    FROM vision_jobs FORCE INDEX (ended) WHERE ended_as = 'failed'${later}${beyond}
      AND finished_at < ${datetime(until)}
    ORDER BY finished_at, id LIMIT ${page}`
}

function matches({ code, userId, batchId }: RedriveFilter, row: Row): boolean {
  if (batchId !== undefined && row.batchId !== batchId) return false
  if (userId !== undefined && row.userId !== userId) return false
  return code === undefined || matchesCode(code, row.code)
}

/** Redrives those of the jobs that have failed, of whichever users, in one transaction, and returns the totals after it. */
async function redriveSome(
  database: Database,
  rows: readonly Row[],
  before: Redriven,
  { lifeMs, note }: Pick<RedriveOptions, 'lifeMs' | 'note'>,
): Promise<Redriven> {
  // In the order of their ids, so that two concurrent redrives cannot deadlock.
  const ids = rows.map(({ id }) => id).toSorted((one, other) => one - other)
  const jobs = await database.transact(
    async (tx) => {
      const failed = await redriveLocked(tx, ids, lifeMs)
      await note?.(tx, add(before, rows, failed.length))
      await addBatchCounts(tx, uncounted(failed))
      return failed.length
    },
    async (on) => {
      const left = await rowsOf(
        on,
        sql`SELECT 1 FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${ids} AND status = 'failed' FOR UPDATE`,
      )
      return left.length === 0 ? ids.length : undefined
    },
  )
  return add(before, rows, jobs)
}

/** @returns the jobs as they were before */
async function redriveLocked(tx: Queryable, ids: readonly number[], lifeMs: number) {
  const failed = await rowsOf<{ id: number; batchId: number | null; errorCode: string | null }>(
    tx,
    sql`SELECT id, batch_id AS batchId, error_code AS errorCode FROM vision_jobs FORCE INDEX (PRIMARY)
      WHERE id IN ${[...ids]} AND status = 'failed' ORDER BY id FOR UPDATE`,
  )
  if (failed.length === 0) return []
  await redriveRows(
    tx,
    failed.map(({ id }) => id),
    lifeMs,
  )
  return failed.map((job) => ({ ...job, status: 'failed' }))
}

async function redriveRows(tx: Queryable, ids: readonly number[], lifeMs: number): Promise<void> {
  await matchedBy(tx, sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET ${rescheduled(lifeMs)} WHERE id IN ${[...ids]}`)
  await retryTexts(tx, ids)
}

function add(before: Redriven, rows: readonly Row[], count: number): Redriven {
  const ids = rows.map(({ id }) => id)
  return { ...addJobs(before, ids, count), through: asDate(rows.at(-1)?.finishedAt ?? '') }
}

async function databaseNow(database: Database): Promise<Date> {
  // The next millisecond, so that jobs that failed in this one are included.
  const [row] = await database.run((on) =>
    rowsOf<{ now: string }>(on, sql`SELECT UTC_TIMESTAMP(3) + INTERVAL 1000 MICROSECOND AS now`),
  )
  return asDate(row?.now ?? '')
}

/** A moment in the text form of a `datetime(3)` column; a Date parameter of raw SQL would get another form. */
function datetime(moment: Date): string {
  return moment.toISOString().replace('T', ' ').replace('Z', '')
}
