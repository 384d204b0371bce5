import { desc, type SQL, sql } from 'drizzle-orm'
import { statuses as everyStatus, type Status, visionJobs } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { selectOnce } from '../../database/select-once.ts'
import { rowsOf } from '../../database/sql.ts'
import { hasCode } from '../rows/code-filter.ts'
import { firstJobSince, splitJobsAt } from './job-since.ts'
import { type JobRow, jobColumns } from './read.ts'

export interface HistoryQuery {
  readonly userId: string
  /** The most jobs on a page. */
  readonly limit: number
  /** Only jobs older than this one. */
  readonly before?: number | undefined
  readonly statuses?: readonly Status[] | undefined
  readonly outputFormats?: readonly string[] | undefined
  /** Only jobs of this batch, which belongs to the user. */
  readonly batchId?: number | undefined
  /** Only jobs whose last error has this code, or begins with it where it ends with a dot. */
  readonly code?: string | undefined
  /** Only jobs that were created at this moment or later, and before that one. */
  readonly createdFrom?: Date | undefined
  readonly createdTo?: Date | undefined
  /** Only jobs whose metadata have this text, number or boolean under this name, at the top level. */
  readonly metadata?: { readonly key: string; readonly value: string } | undefined
  /** Only these jobs, up to 100. */
  readonly ids?: readonly number[] | undefined
}

/** A page of a history, newest first. */
export interface HistoryPage {
  readonly jobs: readonly JobRow[]
  /** What the next page is asked for with, as `before`; undefined on the last page. */
  readonly next: number | undefined
}

/**
 * The most jobs that a page reads for a filter that no index covers, over all its paths. An index for every combination
 * would cost every change of a job several writes.
 */
const lookedAt = 5_000

/**
 * A user's jobs, newest first, without outputs. Whatever the number of jobs, a page reads at most its own size of index
 * entries for each status or format in the filter, or 5,000 entries and rows where no index covers the whole filter: it may
 * then have fewer jobs than asked for, or none, and still a next page. A moment costs about 20 reads of single jobs.
 */
export async function getUserVisionJobs(database: Database, query: HistoryQuery): Promise<HistoryPage> {
  const filter = await resolveFilter(database, query)
  const { ids, next } = await findIds(database, filter)
  const { statuses } = filter
  // A job may have left its status since the ids were read.
  const values = { ids, userId: query.userId, statuses: statuses ?? everyStatus }
  const rows = ids.length === 0 ? [] : await database.run((on) => jobsIn(on, values))
  return { jobs: rows.toSorted((one, other) => other.id - one.id), next }
}

const jobsIn = selectOnce(jobColumns, (select) => {
  const { id, userId, status } = visionJobs
  const { placeholder } = sql
  return select
    .from(visionJobs, { forceIndex: 'PRIMARY' })
    .where(
      sql`${id} IN (${placeholder('ids')}) AND ${userId} = ${placeholder('userId')} AND ${status} IN (${placeholder('statuses')})`,
    )
})

/** The ids of a page of a history, newest first. */
export interface IdPage {
  readonly ids: readonly number[]
  /** What the next page is asked for with, as `before`; undefined on the last page. */
  readonly next: number | undefined
}

/** The ids of the jobs of a page: see `getUserVisionJobs`. */
export async function findIds(database: Database, filter: ResolvedFilter): Promise<IdPage> {
  const paths = pathsOf(filter)
  const rest = restOf(filter)
  const floor = rest === undefined || filter.ids ? undefined : await floorOf(database, filter, paths)
  const ids = await idsOf(database, filter, paths, rest, floor)
  const page = ids.slice(0, filter.limit)
  // One more than asked for shows whether there is another page.
  return { ids: page, next: ids.length > filter.limit ? page.at(-1) : floor }
}

/** A query whose moments were found: the ids that they stand for. */
export interface ResolvedFilter extends HistoryQuery {
  readonly statuses: Status[] | undefined
  readonly outputFormats: string[] | undefined
  /** No job before this one was created early enough. */
  readonly since: number | undefined
}

/** Finds the moments of a query: once for all its pages. */
export async function resolveFilter(database: Database, query: HistoryQuery): Promise<ResolvedFilter> {
  const { userId, before, statuses, outputFormats, createdFrom, createdTo } = query
  // Jobs that are created from now on are younger, though none may have been when it was looked for.
  const until = createdTo && (await splitJobsAt(database, userId, createdTo)).end
  const ends = [before, until].filter((id) => id !== undefined)
  return {
    ...query,
    // All statuses together are no filter.
    statuses: statuses && (new Set(statuses).size < everyStatus.length ? unique(statuses) : undefined),
    outputFormats: outputFormats && unique(outputFormats),
    before: ends.length === 0 ? undefined : Math.min(...ends),
    since: createdFrom && ((await firstJobSince(database, userId, createdFrom)) ?? Number.MAX_SAFE_INTEGER),
  }
}

/** An index and the part of it that contains the jobs, in the order of their ids. */
interface Path {
  readonly index: string
  readonly which: SQL
}

/** The paths that lead to the fewest jobs; together they cover the filter. */
function pathsOf({ userId, ids, batchId, statuses, outputFormats }: ResolvedFilter): readonly Path[] {
  if (ids) return [{ index: 'PRIMARY', which: sql`id IN ${unique(ids)} AND user_id = ${userId}` }]
  if (batchId !== undefined) {
    return (statuses ?? everyStatus).map((status) => ({
      index: 'batch',
      which: sql`batch_id = ${batchId} AND batch_status = ${status}`,
    }))
  }
  const owned = sql`user_id = ${userId}`
  if (statuses) {
    return statuses.map((status) => ({ index: 'status_history', which: sql`${owned} AND status = ${status}` }))
  }
  if (outputFormats) {
    return outputFormats.map((format) => ({
      index: 'format_history',
      which: sql`${owned} AND output_format = ${format}`,
    }))
  }
  return [{ index: 'history', which: owned }]
}

/** The rest of the filter, which must be checked on each job; undefined if there is none. */
function restOf({ ids, batchId, statuses, outputFormats, code, metadata }: ResolvedFilter): SQL | undefined {
  const conditions: SQL[] = []
  const isPath = statuses === undefined && batchId === undefined && ids === undefined
  if (ids && batchId !== undefined) conditions.push(sql`batch_id = ${batchId}`)
  if (ids && statuses) conditions.push(sql`status IN ${statuses}`)
  if (outputFormats && !isPath) conditions.push(sql`output_format IN ${outputFormats}`)
  if (code !== undefined) conditions.push(hasCode(code))
  if (metadata) {
    const path = `$."${metadata.key}"`
    const found = sql`JSON_UNQUOTE(JSON_EXTRACT(metadata, ${path}))`
    // Byte by byte: collations ignore case, and spaces at the end.
    conditions.push(sql`CAST(${found} AS BINARY) = CAST(${metadata.value} AS BINARY)`)
  }
  return conditions.length === 0 ? undefined : sql.join(conditions, sql` AND `)
}

/** The oldest job that a page may read; undefined where there is no bound. */
async function floorOf(
  database: Database,
  filter: ResolvedFilter,
  paths: readonly Path[],
): Promise<number | undefined> {
  const each = Math.ceil(lookedAt / paths.length)
  const last = paths.map(
    ({ index, which }) => sql`(SELECT id FROM vision_jobs FORCE INDEX (${sql.raw(index)})
      WHERE ${which}${within(filter)} ORDER BY id DESC LIMIT ${each - 1}, 1)`,
  )
  const rows = await database.run((on) => rowsOf<{ id: number }>(on, sql.join(last, sql` UNION ALL `)))
  return rows.length === 0 ? undefined : Math.max(...rows.map(({ id }) => id))
}

/** The ids of a page and one more, newest first: that many along each path, and the newest of those. */
async function idsOf(
  database: Database,
  filter: ResolvedFilter,
  paths: readonly Path[],
  rest: SQL | undefined,
  floor: number | undefined,
): Promise<readonly number[]> {
  const { userId, limit, before, since } = filter
  const [path, ...others] = paths
  if (path?.index === 'history' && others.length === 0 && rest === undefined) {
    const rows = await database.run((on) =>
      newestIds(on, { userId, before: before ?? Number.MAX_SAFE_INTEGER, since: since ?? 0, limit: limit + 1 }),
    )
    return rows.map(({ id }) => id)
  }
  const above = floor === undefined ? sql`` : sql` AND id >= ${floor}`
  const also = rest === undefined ? sql`` : sql` AND ${rest}`
  const newest = paths.map(
    ({ index, which }) => sql`(SELECT id FROM vision_jobs FORCE INDEX (${sql.raw(index)})
      WHERE ${which}${within(filter)}${above}${also} ORDER BY id DESC LIMIT ${limit + 1})`,
  )
  const rows = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`SELECT id FROM (${sql.join(newest, sql` UNION ALL `)}) AS newest ORDER BY id DESC LIMIT ${limit + 1}`,
    ),
  )
  return rows.map(({ id }) => id)
}

const newestIds = selectOnce({ id: visionJobs.id }, (select) => {
  const { id, userId } = visionJobs
  const { placeholder } = sql
  return select
    .from(visionJobs, { forceIndex: 'history' })
    .where(
      sql`${userId} = ${placeholder('userId')} AND ${id} < ${placeholder('before')} AND ${id} >= ${placeholder('since')}`,
    )
    .orderBy(desc(id))
    .limit(placeholder('limit'))
})

/** The position of a page in the history. */
function within({ before, since }: ResolvedFilter): SQL {
  const until = before === undefined ? sql`` : sql` AND id < ${before}`
  return since === undefined ? until : sql`${until} AND id >= ${since}`
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
