import { and, desc, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import { type OnInvalid, visionBatches } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { lockUser } from '../queue/rows/users.ts'

/** A row of `vision_batches`. */
export type BatchRow = typeof visionBatches.$inferSelect

/** A batch as its owner names it. */
export interface OwnedBatch {
  readonly userId: string
  readonly batchId: number
}

export interface NewBatch {
  readonly name: string | null
  /** The defaults of its jobs. */
  readonly defaults: Record<string, unknown>
  readonly onInvalid: OnInvalid
  /** The caller's key and the SHA-256 of the caller's request in hex: the same pair is the same batch. */
  readonly idempotency?: { readonly key: string; readonly requestHash: string } | undefined
}

/** The most jobs that a batch takes in its life. */
export const maxJobs = 10_000
/** The most open batches of a user. */
export const maxOpen = 1_000
/** How long a batch is open for jobs, in milliseconds. */
export const openMs = 7 * 86_400_000

/**
 * Creates a batch, which is open for jobs for a week.
 *
 * @returns its id, and whether an earlier call with the same key created it
 * @throws VisionError `batch.too_many` or `idempotency.mismatch`
 */
export function createBatch(
  database: Database,
  userId: string,
  batch: NewBatch,
): Promise<{ readonly batchId: number; readonly replayed: boolean }> {
  let made = 0
  return database.transact(
    async (tx) => {
      // A user's batches are created one after another.
      await lockUser(tx, userId)
      const before = await findByKey(tx, userId, batch.idempotency)
      if (before !== undefined) return { batchId: before, replayed: true }
      if ((await countOpen(tx, userId)) >= maxOpen) throw new VisionError('batch.too_many')
      made = await insert(tx, userId, batch, openMs)
      return { batchId: made, replayed: false }
    },
    async (on) => ((await find(on, { userId, batchId: made })) ? { batchId: made, replayed: false } : undefined),
  )
}

/** Creates a closed batch for the jobs of one call, for `createVisionJobs`. */
export function batchOfItsOwn(userId: string) {
  return (tx: Queryable): Promise<number> => insert(tx, userId, { name: null, defaults: {}, onInvalid: 'refuse' }, 0)
}

/**
 * Adds jobs to a batch, for `createVisionJobs`, which holds the user's lock: none are added to a batch that is being
 * cancelled.
 *
 * @throws VisionError `batch.not_found`, `batch.closed` or `batch.full`
 */
export function joining({ userId, batchId }: OwnedBatch) {
  return async (tx: Queryable, jobs: number): Promise<number> => {
    const [batch] = await rowsOf<{ open: 0 | 1; created: number | string | null }>(
      tx,
      sql`SELECT closes_at > UTC_TIMESTAMP(3) AS open,
          (SELECT jobs FROM vision_batch_counts WHERE batch_id = ${batchId} AND status = 'created' AND code = '') AS created
        FROM vision_batches WHERE id = ${batchId} AND user_id = ${userId}`,
    )
    if (batch === undefined) throw new VisionError('batch.not_found')
    if (Number(batch.open) === 0) throw new VisionError('batch.closed')
    if (Number(batch.created ?? 0) + jobs > maxJobs) throw new VisionError('batch.full')
    return batchId
  }
}

/**
 * One batch of a user's.
 *
 * @throws VisionError `batch.not_found`, also for another user's
 */
export async function getBatch(database: Database, owned: OwnedBatch): Promise<BatchRow> {
  const batch = await database.run((on) => find(on, owned))
  if (batch === undefined) throw new VisionError('batch.not_found')
  return batch
}

/** A user's batches, newest first: one more than the limit if there are more. */
export function listBatches(
  database: Database,
  userId: string,
  { limit, before }: { readonly limit: number; readonly before: number | undefined },
): Promise<readonly BatchRow[]> {
  return database.run((on) =>
    on
      .select()
      .from(visionBatches, { forceIndex: 'owner' })
      .where(and(eq(visionBatches.userId, userId), before === undefined ? undefined : lt(visionBatches.id, before)))
      .orderBy(desc(visionBatches.id))
      .limit(limit + 1),
  )
}

/** Closes a batch for new jobs, under the lock of its user. Idempotent. */
export async function closeBatch(
  database: Database,
  { userId, batchId }: OwnedBatch,
  { cancelled }: { readonly cancelled: boolean },
): Promise<void> {
  const at = cancelled ? sql`COALESCE(cancelled_at, UTC_TIMESTAMP(3))` : sql`cancelled_at`
  await database.transact(
    async (tx) => {
      await lockUser(tx, userId)
      await matchedBy(
        tx,
        sql`UPDATE vision_batches SET closes_at = LEAST(closes_at, UTC_TIMESTAMP(3)), cancelled_at = ${at}
          WHERE id = ${batchId}`,
      )
    },
    async () => undefined,
  )
}

/**
 * Deletes a closed batch without jobs.
 *
 * @returns whether it was deleted
 */
export function dropBatch(database: Database, { userId, batchId }: OwnedBatch): Promise<boolean> {
  return database.transact(
    async (tx) => {
      await lockUser(tx, userId)
      return (await dropEmpty(tx, [batchId])) === 1
    },
    async (on) => ((await find(on, { userId, batchId })) === undefined ? true : undefined),
  )
}

const sweepBatch = 200

/**
 * Deletes up to 200 batches without jobs that were closed longer ago than jobs are kept.
 *
 * @returns how many
 */
export function sweepBatches(database: Database, olderThanDays: number): Promise<number> {
  return database.transact(
    async (tx) => {
      // Not NOT EXISTS, for which MySQL reads the index of all jobs once rather than that of a batch.
      const old = await rowsOf<{ id: number }>(
        tx,
        sql`SELECT id FROM vision_batches FORCE INDEX (closed)
          WHERE closes_at <= UTC_TIMESTAMP(3) - INTERVAL ${olderThanDays} DAY
            AND (SELECT 1 FROM vision_jobs FORCE INDEX (batch) WHERE batch_id = vision_batches.id LIMIT 1) IS NULL
          ORDER BY closes_at LIMIT ${sweepBatch}`,
      )
      return dropEmpty(
        tx,
        old.map(({ id }) => id),
      )
    },
    async () => undefined,
  )
}

async function dropEmpty(tx: Queryable, ids: readonly number[]): Promise<number> {
  let dropped = 0
  // By the key of each: a range would lock the neighbouring rows.
  for (const id of ids) {
    const jobs = await rowsOf(tx, sql`SELECT 1 FROM vision_jobs FORCE INDEX (batch) WHERE batch_id = ${id} LIMIT 1`)
    if (jobs.length > 0) continue
    const counts = await rowsOf<{ status: string; code: string }>(
      tx,
      sql`SELECT status, code FROM vision_batch_counts WHERE batch_id = ${id} ORDER BY status, code`,
    )
    for (const { status, code } of counts) {
      await matchedBy(
        tx,
        sql`DELETE FROM vision_batch_counts WHERE batch_id = ${id} AND status = ${status} AND code = ${code}`,
      )
    }
    dropped += await matchedBy(tx, sql`DELETE FROM vision_batches WHERE id = ${id}`)
  }
  return dropped
}

async function find(on: Queryable, { userId, batchId }: OwnedBatch): Promise<BatchRow | undefined> {
  const [batch] = await on
    .select()
    .from(visionBatches)
    .where(and(inArray(visionBatches.id, [batchId]), eq(visionBatches.userId, userId)))
  return batch
}

async function findByKey(on: Queryable, userId: string, idempotency: NewBatch['idempotency']) {
  if (idempotency === undefined) return undefined
  const [row] = await on
    .select({ id: visionBatches.id, requestHash: visionBatches.requestHash })
    .from(visionBatches, { forceIndex: 'idempotency' })
    .where(and(eq(visionBatches.userId, userId), eq(visionBatches.idempotencyKey, idempotency.key)))
  if (row && row.requestHash !== idempotency.requestHash) throw new VisionError('idempotency.mismatch')
  return row?.id
}

async function countOpen(on: Queryable, userId: string): Promise<number> {
  const open = await on
    .select({ id: visionBatches.id })
    .from(visionBatches, { forceIndex: 'open' })
    .where(and(eq(visionBatches.userId, userId), gt(visionBatches.closesAt, sql`UTC_TIMESTAMP(3)`)))
    .limit(maxOpen)
  return open.length
}

async function insert(tx: Queryable, userId: string, batch: NewBatch, opens: number): Promise<number> {
  const { name, defaults, onInvalid, idempotency } = batch
  const [{ insertId }] = await tx.insert(visionBatches).values({
    userId,
    name,
    defaults,
    onInvalid,
    idempotencyKey: idempotency?.key ?? null,
    requestHash: idempotency?.requestHash ?? null,
    createdAt: sql`UTC_TIMESTAMP(3)`,
    closesAt: inMilliseconds(opens),
  })
  return insertId
}
