import { and, desc, eq, getTableColumns, inArray, lt, type SQL, sql } from 'drizzle-orm'
import { statuses as everyStatus, type Status, visionJobs } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import type { JobRow } from './read.ts'

export interface HistoryQuery {
  readonly userId: string
  /** At most so many. */
  readonly limit: number
  /** Only jobs older than this one. */
  readonly before?: number | undefined
  readonly statuses?: readonly Status[] | undefined
  readonly outputFormats?: readonly string[] | undefined
}

/** A page of a history, newest first. */
export interface HistoryPage {
  readonly jobs: readonly JobRow[]
  /** What the next page is asked for with, as `before`; undefined on the last page. */
  readonly next: number | undefined
}

/**
 * How many index entries a page filtered by status and format may look at, in all statuses together. No index has the
 * jobs of both in the order of their ids, and one more would cost every change of a job a write.
 */
const lookedAt = 5_000

/**
 * A user's jobs, newest first, without outputs. However many jobs there are, a page reads no more index entries than its
 * size for each status or format that it is filtered by; filtered by both, at most 5,000 more: it may then have fewer
 * jobs than asked for, or none, and still a next page.
 */
export async function getUserVisionJobs(database: Database, query: HistoryQuery): Promise<HistoryPage> {
  const filter = {
    ...query,
    // All statuses are no filter.
    statuses:
      query.statuses && (new Set(query.statuses).size < everyStatus.length ? unique(query.statuses) : undefined),
    outputFormats: query.outputFormats && unique(query.outputFormats),
  }
  const { limit, statuses } = filter
  const floor = await floorOf(database, filter)
  const ids = await idsOf(database, filter, floor)
  const page = ids.slice(0, limit)
  const rows =
    page.length === 0
      ? []
      : await database.run((on) =>
          on
            .select(getTableColumns(visionJobs))
            .from(visionJobs, { forceIndex: 'PRIMARY' })
            // A job may have left its status since the ids were read.
            .where(and(inArray(visionJobs.id, page), statuses && inArray(visionJobs.status, statuses))),
        )
  return {
    jobs: rows.toSorted((one, other) => other.id - one.id),
    // One more than asked for tells whether there is another page.
    next: ids.length > limit ? page.at(-1) : floor,
  }
}

interface Filter extends HistoryQuery {
  readonly statuses: Status[] | undefined
  readonly outputFormats: string[] | undefined
}

/** The oldest job that a page may look at; undefined where it may look at all. */
async function floorOf(database: Database, filter: Filter): Promise<number | undefined> {
  const { statuses, outputFormats } = filter
  if (statuses === undefined || outputFormats === undefined) return undefined
  const each = Math.ceil(lookedAt / statuses.length)
  const last = statuses.map(
    (status) => sql`(SELECT id FROM vision_jobs FORCE INDEX (status_history)
      WHERE ${owned(filter)} AND status = ${status} ORDER BY id DESC LIMIT ${each - 1}, 1)`,
  )
  const rows = await database.run((on) => rowsOf<{ id: number }>(on, sql.join(last, sql` UNION ALL `)))
  return rows.length === 0 ? undefined : Math.max(...rows.map(({ id }) => id))
}

/** The ids of a page and one more, newest first: for each filtered value as many, and of them the newest. */
async function idsOf(database: Database, filter: Filter, floor: number | undefined): Promise<readonly number[]> {
  const { limit, statuses, outputFormats } = filter
  if (statuses === undefined && outputFormats === undefined) {
    const rows = await database.run((on) =>
      on
        .select({ id: visionJobs.id })
        .from(visionJobs, { forceIndex: 'history' })
        .where(
          and(
            eq(visionJobs.userId, filter.userId),
            filter.before === undefined ? undefined : lt(visionJobs.id, filter.before),
          ),
        )
        .orderBy(desc(visionJobs.id))
        .limit(limit + 1),
    )
    return rows.map(({ id }) => id)
  }
  const above = floor === undefined ? sql`` : sql` AND id >= ${floor}`
  const inFormats = outputFormats === undefined ? sql`` : sql` AND output_format IN ${outputFormats}`
  const parts =
    statuses === undefined
      ? (outputFormats ?? []).map((format) => ({ index: 'format_history', which: sql`output_format = ${format}` }))
      : statuses.map((status) => ({ index: 'status_history', which: sql`status = ${status}${inFormats}${above}` }))
  const newest = parts.map(
    ({ index, which }) => sql`(SELECT id FROM vision_jobs FORCE INDEX (${sql.raw(index)})
      WHERE ${owned(filter)} AND ${which} ORDER BY id DESC LIMIT ${limit + 1})`,
  )
  const rows = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`SELECT id FROM (${sql.join(newest, sql` UNION ALL `)}) AS newest ORDER BY id DESC LIMIT ${limit + 1}`,
    ),
  )
  return rows.map(({ id }) => id)
}

function owned({ userId, before }: Filter): SQL {
  return before === undefined ? sql`user_id = ${userId}` : sql`user_id = ${userId} AND id < ${before}`
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
