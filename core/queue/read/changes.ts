import { inArray, type SQL, sql } from 'drizzle-orm'
import { visionJobs } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { asDate, rowsOf } from '../../database/sql.ts'
import type { JobRow } from './read.ts'

// The order of changes, for watchers of many jobs. A job has one place in it, that of its last change, so a watcher that
// follows the order sees the current state of each job and no intermediate ones.

/** A place in the order of changes: a moment of the database's clock, in milliseconds since the epoch, and the id of a job. */
export interface Place {
  readonly at: number
  readonly jobId: number
}

/** A job's change to a version, or its deletion. */
export interface Change extends Place {
  readonly version: number
  readonly gone: boolean
}

/** A page of a user's changes, in order. */
export interface ChangePage {
  readonly changes: readonly Change[]
  /** There may be more after the last one. */
  readonly more: boolean
}

export interface UserFrom {
  readonly userId: string
  /** Only changes after this place. */
  readonly after: Place
}

/** The fields of a job that a watcher of many jobs receives. */
export type WatchedRow = Pick<
  JobRow,
  | 'id'
  | 'batchId'
  | 'version'
  | 'status'
  | 'nextStep'
  | 'texts'
  | 'textsCompleted'
  | 'availableAt'
  | 'errorCode'
  | 'errorMessage'
  | 'updatedAt'
>

/** The moment by the database's clock, in milliseconds since the epoch. */
export async function readClock(database: Database): Promise<number> {
  const [row] = await database.run((on) => rowsOf<{ at: string }>(on, sql`SELECT UTC_TIMESTAMP(3) AS at`))
  return row === undefined ? Number.NaN : asDate(row.at).getTime()
}

/**
 * The next changes of several users, in one statement, by the index alone.
 *
 * @param limit the most changes of each user
 * @returns a page for each user, in the given order, and the moment at which the statement began
 */
export async function readChanges(
  database: Database,
  users: readonly UserFrom[],
  limit: number,
): Promise<{ readonly now: number; readonly pages: readonly ChangePage[] }> {
  const selects = users.flatMap(({ userId, after }, index) => [
    sql`(SELECT ${index} AS owner, id AS jobId, version, updated_at AS at, 0 AS gone FROM vision_jobs FORCE INDEX (changes)
      WHERE user_id = ${userId} AND ${isAfter('updated_at', 'id', after)} ORDER BY updated_at, id LIMIT ${limit})`,
    sql`(SELECT ${index}, job_id, version, deleted_at, 1 FROM vision_job_deletions FORCE INDEX (changes)
      WHERE user_id = ${userId} AND ${isAfter('deleted_at', 'job_id', after)} ORDER BY deleted_at, job_id LIMIT ${limit})`,
  ])
  const clock = sql`(SELECT -1 AS owner, 0 AS jobId, 0 AS version, UTC_TIMESTAMP(3) AS at, 0 AS gone)`
  const rows = await database.run((on) => rowsOf<Row>(on, sql.join([clock, ...selects], sql` UNION ALL `)))
  const byOwner = Map.groupBy(rows, ({ owner }) => Number(owner))
  return {
    now: asDate(byOwner.get(-1)?.[0]?.at ?? '').getTime(),
    pages: users.map((_, index) => mergePage(byOwner.get(index) ?? [], limit)),
  }
}

/** The changes in a batch since a moment, in order: at most one for each of its jobs. */
export async function readBatchChanges(database: Database, batchId: number, from: number): Promise<readonly Change[]> {
  const since = asText(from)
  // A first-time watcher knows no deleted job.
  const gone =
    from > 0
      ? sql` UNION ALL (SELECT job_id, version, deleted_at, 1 FROM vision_job_deletions FORCE INDEX (batch)
          WHERE batch_id = ${batchId} AND deleted_at >= ${since})`
      : sql``
  const rows = await database.run((on) =>
    rowsOf<Omit<Row, 'owner'>>(
      on,
      sql`(SELECT id AS jobId, version, updated_at AS at, 0 AS gone FROM vision_jobs FORCE INDEX (batch)
        WHERE batch_id = ${batchId} AND updated_at >= ${since})${gone}`,
    ),
  )
  return rows.map(toChange).toSorted(byPlace)
}

/** The current state of jobs of any owner, in no order; deleted ones are left out. */
export async function getWatchedRows(database: Database, ids: readonly number[]): Promise<readonly WatchedRow[]> {
  if (ids.length === 0) return []
  return database.run((on) =>
    on
      .select({
        id: visionJobs.id,
        batchId: visionJobs.batchId,
        version: visionJobs.version,
        status: visionJobs.status,
        nextStep: visionJobs.nextStep,
        texts: visionJobs.texts,
        textsCompleted: visionJobs.textsCompleted,
        availableAt: visionJobs.availableAt,
        errorCode: visionJobs.errorCode,
        errorMessage: visionJobs.errorMessage,
        updatedAt: visionJobs.updatedAt,
      })
      .from(visionJobs)
      .where(inArray(visionJobs.id, [...ids])),
  )
}

/** The batches of deleted jobs. */
export async function getBatchesOfDeleted(
  database: Database,
  ids: readonly number[],
): Promise<ReadonlyMap<number, number | null>> {
  if (ids.length === 0) return new Map()
  const rows = await database.run((on) =>
    rowsOf<{ jobId: number; batchId: number | null }>(
      on,
      sql`SELECT job_id AS jobId, batch_id AS batchId FROM vision_job_deletions WHERE job_id IN ${[...ids]}`,
    ),
  )
  return new Map(rows.map(({ jobId, batchId }) => [jobId, batchId]))
}

/** Which of two places comes first. */
export function byPlace(one: Place, other: Place): number {
  return one.at - other.at || one.jobId - other.jobId
}

interface Row {
  readonly owner: number | string
  readonly jobId: number | string
  readonly version: number | string
  readonly at: string
  readonly gone: number | string
}

/** Merges two lists, each cut off at the limit, in order, and cuts the result off where the first truncated list ends. */
function mergePage(rows: readonly Row[], limit: number): ChangePage {
  const changes = rows.map(toChange).toSorted(byPlace)
  const lists = [changes.filter(({ gone }) => gone), changes.filter(({ gone }) => !gone)]
  const [end] = lists
    .filter((list) => list.length === limit)
    .flatMap((list) => list.at(-1) ?? [])
    .toSorted(byPlace)
  if (end === undefined) return { changes, more: false }
  return { changes: changes.filter((change) => byPlace(change, end) <= 0), more: true }
}

function toChange({ jobId, version, at, gone }: Omit<Row, 'owner'>): Change {
  return { jobId: Number(jobId), version: Number(version), at: asDate(at).getTime(), gone: Number(gone) === 1 }
}

/** A range of the index. Neither server uses the index for a comparison of row values. */
function isAfter(moment: string, id: string, { at, jobId }: Place): SQL {
  const [time, job] = [sql.raw(moment), sql.raw(id)]
  return sql`${time} >= ${asText(at)} AND (${time} > ${asText(at)} OR ${job} > ${jobId})`
}

function asText(at: number): string {
  return new Date(at).toISOString().slice(0, 23).replace('T', ' ')
}
