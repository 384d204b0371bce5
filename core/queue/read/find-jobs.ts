import { inArray, type SQL, sql } from 'drizzle-orm'
import { statuses as everyStatus, type Status, visionJobs } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { type Queryable, rowsOf } from '../../database/sql.ts'
import { codesOf } from '../rows/code-filter.ts'
import { firstJobSince } from './job-since.ts'
import { type JobRow, jobColumns } from './read.ts'

/** An operator's filter for jobs of all users. */
export interface JobFilter {
  readonly statuses?: readonly Status[] | undefined
  /** The code of the job's last error, or a prefix that ends in a dot: `analysis.` */
  readonly code?: string | undefined
  readonly userId?: string | undefined
  readonly batchId?: number | undefined
  /** Those created at this moment or later. */
  readonly since?: Date | undefined
}

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobRow[]
  /** What the next page is asked for with, as `before`; undefined on the last page. */
  readonly next: number | undefined
}

/** The most index entries that a page reads, over all its ranges. */
const lookedAt = 5_000

/** The columns that a page can be filtered by. */
interface Candidate {
  readonly id: number
  readonly status: Status
  readonly userId: string
  readonly batchId: number | null
  readonly code: string | null
}

/** A range of an index in which the jobs are in the order of their ids. */
interface Range {
  readonly index: string
  readonly where: SQL
}

/**
 * Jobs of all users that match a filter, newest first, without outputs. Whatever the size of the table, a page reads at
 * most its own size of index entries for each range, or 5,000 where no index covers the whole filter: it may then have
 * fewer jobs than asked for, or none, and still a next page.
 */
export async function findJobs(
  database: Database,
  filter: JobFilter,
  { limit, before }: { readonly limit: number; readonly before?: number | undefined },
): Promise<JobPage> {
  const codes = filter.code === undefined ? undefined : codesOf(filter.code)
  const statuses = filter.statuses && new Set(filter.statuses)
  const { since } = filter
  // Concurrent calls may get their ids in the opposite order of their times: a minute is allowed for that.
  const early = since && new Date(since.getTime() - 60_000)
  const from = early && ((await firstJobSince(database, undefined, early)) ?? Number.MAX_SAFE_INTEGER)
  const matches = ({ status, userId, batchId, code }: Candidate) =>
    (statuses === undefined || statuses.has(status)) &&
    (codes === undefined || (code !== null && codes.has(code))) &&
    (filter.userId === undefined || userId === filter.userId) &&
    (filter.batchId === undefined || batchId === filter.batchId)

  const { ranges, exact, scheduled } = rangesOf(filter, codes)
  const each = exact ? limit + 1 : Math.max(limit + 1, Math.ceil(lookedAt / ranges.length))
  const window = { before, from }
  const found = ranges.length === 0 ? [] : await database.run((on) => readRanges(on, ranges, each, window))
  const soonest = scheduled ? await database.run((on) => soonestScheduled(on, window)) : []
  // Nothing is known below the last entry of a range that was not read to its end.
  const byRange = [...Map.groupBy(found, ({ range }) => range).values()]
  const floor = Math.max(0, ...byRange.filter((rows) => rows.length >= each).map((rows) => rows.at(-1)?.id ?? 0))
  const ids = [...found, ...soonest]
    .filter((row) => row.id >= floor && (exact || matches(row)))
    .map(({ id }) => id)
    .toSorted((one, other) => other - one)
  const page = ids.slice(0, limit)
  const rows =
    page.length === 0
      ? []
      : await database.run((on) =>
          on.select(jobColumns).from(visionJobs, { forceIndex: 'PRIMARY' }).where(inArray(visionJobs.id, page)),
        )
  const jobs = rows
    // A job may have left its status since the ids were read.
    .filter((row) => matches({ ...row, code: row.errorCode }) && !(since && row.createdAt < since))
    .toSorted((one, other) => other.id - one.id)
  return { jobs, next: ids.length > limit ? page.at(-1) : floor > 0 ? floor : undefined }
}

interface Ranges {
  readonly ranges: readonly Range[]
  /** Whether they contain only jobs that match the filter. */
  readonly exact: boolean
  /** Whether scheduled jobs must be added: see `soonestScheduled`. */
  readonly scheduled: boolean
}

/** The ranges that contain all jobs that match a filter. */
function rangesOf({ statuses, userId, batchId }: JobFilter, codes: ReadonlySet<string> | undefined): Ranges {
  const wanted = statuses && [...new Set(statuses)]
  if (batchId !== undefined) {
    const ranges = (wanted ?? everyStatus).map((status) => ({
      index: 'batch',
      where: sql`batch_id = ${batchId} AND batch_status = ${status}`,
    }))
    return { ranges, exact: codes === undefined && userId === undefined, scheduled: false }
  }
  if (userId !== undefined) {
    const owned = sql`user_id = ${userId}`
    // Completed jobs have no error any more: see `completeVisionJob`.
    const some = wanted ?? (codes && everyStatus.filter((status) => status !== 'completed'))
    const ranges = some
      ? some.map((status) => ({ index: 'status_history', where: sql`${owned} AND status = ${status}` }))
      : [{ index: 'history', where: owned }]
    return { ranges, exact: codes === undefined, scheduled: false }
  }
  if (codes !== undefined) {
    const ranges = [...codes].map((code) => ({ index: 'error', where: sql`error_code = ${code}` }))
    return { ranges, exact: wanted === undefined, scheduled: false }
  }
  if (wanted === undefined) return { ranges: [{ index: 'PRIMARY', where: sql`TRUE` }], exact: true, scheduled: false }
  // Only a scheduled job has a time at which it is due: the others are in the order of their ids in that index.
  const ranges = wanted
    .filter((status) => status !== 'scheduled')
    .map((status) => ({ index: 'due', where: sql`status = ${status} AND available_at IS NULL` }))
  return { ranges, exact: true, scheduled: wanted.includes('scheduled') }
}

interface Window {
  readonly before: number | undefined
  readonly from: number | undefined
}

const columns = sql`id, status, user_id AS userId, batch_id AS batchId, error_code AS code`

/** The newest of each range, in one statement; each row names its range. */
async function readRanges(on: Queryable, ranges: readonly Range[], each: number, { before, from }: Window) {
  const within = sql`${before === undefined ? sql`` : sql` AND id < ${before}`}${from === undefined ? sql`` : sql` AND id >= ${from}`}`
  const parts = ranges.map(
    ({ index, where }, range) => sql`(SELECT ${sql.raw(String(range))} AS \`range\`, ${columns}
      FROM vision_jobs FORCE INDEX (${sql.raw(index)}) WHERE ${where}${within} ORDER BY id DESC LIMIT ${each})`,
  )
  const rows = await rowsOf<Candidate & { range: number }>(on, sql.join(parts, sql` UNION ALL `))
  return rows.map((row) => ({ ...row, id: Number(row.id) })).toSorted((one, other) => other.id - one.id)
}

/** The scheduled jobs that are due first, up to 5,000: no index has them in the order of their ids. */
async function soonestScheduled(on: Queryable, { before, from }: Window): Promise<readonly Candidate[]> {
  const rows = await rowsOf<Candidate>(
    on,
    sql`SELECT ${columns} FROM (
        SELECT id, status, user_id, batch_id, error_code FROM vision_jobs FORCE INDEX (due)
        WHERE status = 'scheduled' ORDER BY available_at, id LIMIT ${lookedAt}) AS soonest
      WHERE id < ${before ?? Number.MAX_SAFE_INTEGER} AND id >= ${from ?? 0}`,
  )
  return rows.map((row) => ({ ...row, id: Number(row.id) }))
}
