import { type SQL, sql } from 'drizzle-orm'
import { dropBatch } from '../batches/batches.ts'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'
import type { ImageStore } from '../images/store.ts'
import { sweepImages } from '../images/sweep.ts'
import { foldersOf } from '../images/uploads.ts'
import { deleteJobsSilently } from '../queue/change/delete.ts'
import { deleteRows } from '../queue/prune/delete-rows.ts'
import { isOfWatchedRun } from '../queue/rows/cut-off-runs.ts'
import { lockUser } from '../queue/rows/users.ts'
import { deleteEndpoint } from '../webhooks/endpoints.ts'
import { sweepDeletedEndpoints } from '../webhooks/sweep.ts'
import { beginAction, noteAction, noteResult, type Operator } from './audit-log.ts'
import { keepForBooks } from './keep-for-books.ts'
import { pseudonymiseActions } from './pseudonymise-actions.ts'

/** The tables with rows of a user's own; whatever else is a user's hangs on one of these. Every one has an index that begins with the user. */
const tablesOfUsers = [
  'vision_api_keys',
  'vision_webhook_endpoints',
  'vision_jobs',
  'vision_images',
  'vision_job_sessions',
  'vision_job_deletions',
  'vision_brands',
  'vision_batches',
  'vision_upload_quotas',
  'vision_estimate_quotas',
  'vision_usage',
  'vision_failures',
  'vision_users',
] as const
export type TableOfUsers = (typeof tablesOfUsers)[number]

export interface EraseOptions {
  /** Makes bytes of which nobody can find out whose pseudonym they are. */
  readonly randomBytes: (size: number) => Buffer
  /** Counts and changes nothing. */
  readonly dryRun: boolean
  /** Aborted when it must end; what is erased stays erased. */
  readonly signal?: AbortSignal | undefined
}

export interface Erasure {
  /** Stands for the user in what is kept: the usage and the audit log. The same until nothing is left; null in a dry run. */
  readonly pseudonym: string | null
  /** The rows that there are or were, by table; no more than 1,000 of each are counted. */
  readonly rows: Readonly<Record<TableOfUsers, number>>
  /** The objects of the bucket that were deleted; 0 in a dry run. */
  readonly objects: number
  /** Runs that were cut off, whose workers may still report what they took. */
  readonly runs: number
  /** Something is left: run it again. */
  readonly more: boolean
}

const page = 100
const mostCounted = 1_000

/**
 * Erases a user: jobs in any status with all that they made, images, uploads, sessions, keys, webhooks, brands, batches and quotas. The
 * usage and the audit log keep their rows under a pseudonym. Jobs that run are cut off, as by a deletion.
 *
 * In short statements, each bounded; killed at any moment it can be run again. What hangs on a row goes before the row, and the
 * user's own row last: it takes no more jobs meanwhile, and has the pseudonym. A caller whose tokens are still valid can begin anew
 * afterwards.
 */
export async function eraseUser(
  operator: Operator,
  store: ImageStore,
  userId: string,
  { randomBytes, dryRun, signal }: EraseOptions,
): Promise<Erasure> {
  const { database } = operator
  const rows = await countRows(database, userId)
  const counted = { rows, objects: 0, runs: 0, more: false }
  // A dry run leaves no trace of whom it was about.
  const { id, pseudonym } = dryRun
    ? { id: await beginAction(operator, 'erase', {}, true), pseudonym: null }
    : await takeNoMoreJobs(operator, userId, `erased-${randomBytes(16).toString('hex')}`)
  const result = pseudonym === null ? counted : await erase({ database, store, userId, pseudonym, signal }, counted)
  await database.run((on) => noteResult(on, id, { ...result, done: true }))
  return { pseudonym, ...result }
}

type Result = Omit<Erasure, 'pseudonym'>

interface Erasing {
  readonly database: Database
  readonly store: ImageStore
  readonly userId: string
  readonly pseudonym: string
  readonly signal: AbortSignal | undefined
}

async function erase(erasing: Erasing, counted: Result): Promise<Result> {
  const { database, store, userId, pseudonym, signal } = erasing
  const unfinished = (objects = 0, runs = 0) => ({ ...counted, objects, runs, more: true })
  await deleteOwned(erasing, 'vision_api_keys', 'owner')
  // Before the jobs, so that their end is sent to no endpoint.
  await forEachRow(
    erasing,
    sql`SELECT id FROM vision_webhook_endpoints WHERE user_id = ${userId} LIMIT ${page}`,
    (ids) => all(ids, (endpointId) => deleteEndpoint(database, { userId, endpointId })),
  )
  await sweepDeletedEndpoints(database, signal)
  await forEachRow(
    erasing,
    sql`SELECT id FROM vision_jobs FORCE INDEX (history) WHERE user_id = ${userId} ORDER BY id LIMIT ${page}`,
    async (ids) => void (await deleteJobsSilently(database, userId, ids)),
  )
  if (signal?.aborted) return unfinished()
  const hasImages = await sweepOwnImages(erasing)
  if (signal?.aborted) return unfinished()
  let objects = 0
  for (const folder of foldersOf(userId)) objects += await deleteObjects(store, folder, signal)
  await deleteOwned(erasing, 'vision_job_sessions', 'live')
  const runs = await deleteDeletions(erasing)
  await forEachRow(erasing, sql`SELECT id FROM vision_brands WHERE user_id = ${userId} LIMIT ${page}`, (ids) =>
    all(ids, (brandId) => deleteBrand(database, brandId)),
  )
  for (const table of ['vision_upload_quotas', 'vision_estimate_quotas'] as const) {
    await deleteOne(erasing, table)
  }
  // A run that is reported late is counted for the user and the batch: what has the counts comes after the last of them.
  if (signal?.aborted || runs > 0 || hasImages) return unfinished(objects, runs)
  await forEachRow(erasing, sql`SELECT id FROM vision_batches WHERE user_id = ${userId} LIMIT ${page}`, (ids) =>
    all(ids, async (batchId) => void (await dropBatch(database, { userId, batchId }))),
  )
  await keepForBooks(database, userId, pseudonym, signal)
  await pseudonymiseActions(database, userId, pseudonym, signal)
  if (signal?.aborted) return unfinished(objects)
  await deleteOne(erasing, 'vision_users')
  const left = Object.values(await countRows(database, userId)).some((count) => count > 0)
  return { ...counted, objects, runs, more: left }
}

/**
 * Begins an erasure, or the rest of one: jobs that come meanwhile would never end, and what is kept has one name.
 *
 * @returns the row of the audit log, and the pseudonym: the one that an earlier run has stored, if any has
 */
function takeNoMoreJobs({ database, actor }: Operator, userId: string, fresh: string) {
  return database.transact(
    async (tx) => {
      await lockUser(tx, userId)
      await matchedBy(
        tx,
        sql`UPDATE vision_users SET jobs_per_day = 0, pseudonym = COALESCE(pseudonym, ${fresh}) WHERE user_id = ${userId}`,
      )
      const [row] = await rowsOf<{ pseudonym: string }>(
        tx,
        sql`SELECT pseudonym FROM vision_users WHERE user_id = ${userId}`,
      )
      const pseudonym = row?.pseudonym ?? fresh
      const begun = { action: 'erase', parameters: { pseudonym }, result: { done: false } } as const
      return { id: await noteAction(tx, { actor, ...begun }), pseudonym }
    },
    // Once more it finds the same pseudonym, and the audit log has both attempts.
    async () => undefined,
  )
}

async function countRows(database: Database, userId: string): Promise<Record<TableOfUsers, number>> {
  const counts = tablesOfUsers.map(
    (table) => sql`(SELECT COUNT(*) FROM (SELECT 1 FROM ${sql.raw(table)} WHERE user_id = ${userId}
      LIMIT ${mostCounted}) AS some_rows) AS ${sql.raw(table)}`,
  )
  const [row] = await database.run((on) =>
    rowsOf<Record<TableOfUsers, number>>(on, sql`SELECT ${sql.join(counts, sql`, `)}`),
  )
  return Object.fromEntries(tablesOfUsers.map((table) => [table, Number(row?.[table] ?? 0)])) as Record<
    TableOfUsers,
    number
  >
}

/** Works on the rows that a query finds, page by page, until it finds none, no new ones, or time is over. */
async function forEachRow(
  { database, signal }: Erasing,
  found: SQL,
  work: (ids: readonly number[]) => Promise<void>,
): Promise<void> {
  for (let last = ''; !signal?.aborted; ) {
    const ids = (await database.run((on) => rowsOf<{ id: number }>(on, found))).map(({ id }) => Number(id))
    // Rows that stay are the next call's.
    if (ids.length === 0 || last === ids.join()) return
    last = ids.join()
    await work(ids)
  }
}

async function all(ids: readonly number[], one: (id: number) => Promise<void>): Promise<void> {
  for (const id of ids) await one(id)
}

/** Deletes a user's own rows that nothing hangs on: found along an index that begins with the user, deleted by their ids. */
function deleteOwned(erasing: Erasing, table: 'vision_api_keys' | 'vision_job_sessions', index: string): Promise<void> {
  const { database, userId } = erasing
  const from = sql.raw(table)
  return forEachRow(
    erasing,
    sql`SELECT id FROM ${from} FORCE INDEX (${sql.raw(index)}) WHERE user_id = ${userId} LIMIT ${page}`,
    async (ids) => void (await database.run((on) => matchedBy(on, sql`DELETE FROM ${from} WHERE id IN ${[...ids]}`))),
  )
}

/** Deletes the row of a table that has one for each user. */
async function deleteOne({ database, userId }: Erasing, table: TableOfUsers): Promise<void> {
  await database.run((on) => matchedBy(on, sql`DELETE FROM ${sql.raw(table)} WHERE user_id = ${userId}`))
}

/** @returns whether some are left, which another sweeper or an arrival has */
async function sweepOwnImages(erasing: Erasing): Promise<boolean> {
  const { database, store, userId, signal } = erasing
  const own = sql`SELECT id FROM vision_images FORCE INDEX (user_sha256) WHERE user_id = ${userId}`
  await forEachRow(erasing, sql`${own} AND state <> 'deleting' LIMIT ${page}`, async (ids) => {
    await database.run((on) =>
      matchedBy(
        on,
        sql`UPDATE vision_images FORCE INDEX (PRIMARY) SET sweep_at = UTC_TIMESTAMP(3)
          WHERE id IN ${[...ids]} AND state <> 'deleting'`,
      ),
    )
    await sweepImages(database, store, signal)
  })
  return (await database.run((on) => rowsOf(on, sql`${own} LIMIT 1`))).length > 0
}

/** Deletes what no row names any more, such as uploads, and what a crash has left. */
async function deleteObjects(store: ImageStore, folder: string, signal: AbortSignal | undefined): Promise<number> {
  for (let deleted = 0; ; ) {
    const keys = signal?.aborted ? [] : await store.list(folder, page)
    if (keys.length === 0) return deleted
    for (const key of keys) {
      if (signal?.aborted) break
      await store.delete(key)
      deleted++
    }
  }
}

/**
 * Deletes what is remembered of deleted jobs, and the rows of their runs, which are kept for some minutes until their workers have
 * reported.
 *
 * @returns how many jobs have such a run still
 */
async function deleteDeletions(erasing: Erasing): Promise<number> {
  const { database, userId } = erasing
  const watched = sql`EXISTS (SELECT 1 FROM vision_job_attempts FORCE INDEX (job_attempt)
    WHERE job_id = d.job_id AND ${isOfWatchedRun()})`
  const own = sql`FROM vision_job_deletions AS d FORCE INDEX (changes) WHERE d.user_id = ${userId}`
  await forEachRow(erasing, sql`SELECT d.job_id AS id ${own} AND NOT ${watched} LIMIT ${page}`, async (ids) => {
    const doomed = sql`job_id IN ${[...ids]}`
    await database.run(async (on) => {
      await deleteRows(on, 'vision_job_attempts', doomed)
      await matchedBy(on, sql`DELETE FROM vision_job_deletions WHERE ${doomed}`)
    })
  })
  const [row] = await database.run((on) =>
    rowsOf<{ runs: number }>(on, sql`SELECT COUNT(*) AS runs ${own} AND ${watched}`),
  )
  return Number(row?.runs ?? 0)
}

async function deleteBrand(database: Database, brandId: number): Promise<void> {
  for (let deleted = page; deleted > 0; ) {
    deleted = await database.run((on) =>
      matchedBy(
        on,
        sql`DELETE FROM vision_brand_versions WHERE brand_id = ${brandId} ORDER BY brand_id, version LIMIT ${page}`,
      ),
    )
  }
  await database.run((on) => matchedBy(on, sql`DELETE FROM vision_brands WHERE id = ${brandId}`))
}
