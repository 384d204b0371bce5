import { setTimeout as delay } from 'node:timers/promises'
import { getTableColumns, type SQL, sql } from 'drizzle-orm'
import { type ImageState, visionImages } from '../../drizzle/schema.ts'
import { isDuplicate } from '../database/classify-error.ts'
import type { Database } from '../database/client.ts'
import { selectOnce } from '../database/select-once.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import type { DetectedImage } from './detect.ts'
import { type ImageStore, sha256Of, snapshotKey } from './store.ts'

// The rows of vision_images and what they promise: while a job uses an image its `sweep_at` is null and its bytes stay.
// Linking, unlinking and sweeping lock the row, so none of them can miss another.

/** A row of `vision_images`. */
export type ImageRow = typeof visionImages.$inferSelect

/** How long an unused image is kept, in milliseconds: ample time to link an image that was just stored to its job. */
const unusedMs = 3_600_000
/** How long an arrival waits for a sweeper that is deleting the same image, and how often it looks, in milliseconds. */
const sweeperPatienceMs = 10_000
const sweeperLookMs = 250

/**
 * Stores a user's image once, however often it comes, under its SHA-256.
 *
 * @returns the row's id, to be linked within the hour, and the hash
 * @throws VisionError `storage.unavailable`
 */
export async function keepImage(
  database: Database,
  store: ImageStore,
  userId: string,
  bytes: Uint8Array,
  { type, width, height, orientation }: DetectedImage,
): Promise<{ readonly id: number; readonly sha256: string }> {
  const sha256 = sha256Of(bytes)
  const image = { userId, sha256, type, bytes: bytes.length, width, height, orientation }
  const { id, state } = await arrive(database, image)
  if (state === 'stored') return { id, sha256 }
  await store.put(snapshotKey(userId, sha256), bytes, type)
  await database.run((on) =>
    matchedBy(on, sql`UPDATE vision_images SET state = 'stored' WHERE id = ${id} AND state = 'arriving'`),
  )
  return { id, sha256 }
}

type Arrival = Pick<ImageRow, 'userId' | 'sha256' | 'type' | 'bytes' | 'width' | 'height' | 'orientation'>

/** The row of an image that comes in, safe from the sweeper for an hour from now. */
async function arrive(database: Database, image: Arrival): Promise<{ id: number; state: ImageState }> {
  for (let waited = 0; ; waited += sweeperLookMs) {
    const row = await findOrInsert(database, image)
    if (row && row.state !== 'deleting') return row
    if (waited >= sweeperPatienceMs) {
      throw new VisionError('storage.unavailable', { detail: 'the same image is being deleted' })
    }
    await delay(sweeperLookMs)
  }
}

/**
 * Undefined when another arrival inserted the row at the same moment, or a sweeper deleted it.
 *
 * A plain read comes before the lock: the lock of a row that is not there is a lock of the gap, where the isolation is
 * REPEATABLE READ, in which two arrivals wait for each other.
 */
async function findOrInsert(
  database: Database,
  image: Arrival,
): Promise<{ id: number; state: ImageState } | undefined> {
  const [found] = await database.run((on) => lookUp(on, image))
  const sweepAt = inMilliseconds(unusedMs)
  if (found !== undefined) return database.transact((tx) => keepFromSweeper(tx, found.id, sweepAt))
  try {
    return await database.transact(async (tx) => {
      const [{ insertId }] = await tx
        .insert(visionImages)
        .values({ ...image, state: 'arriving', sweepAt, createdAt: sql`UTC_TIMESTAMP(3)` })
      return { id: insertId, state: 'arriving' as const }
    })
  } catch (error) {
    if (isDuplicate(error)) return undefined
    throw error
  }
}

function lookUp(on: Queryable, { userId, sha256 }: Pick<ImageRow, 'userId' | 'sha256'>) {
  return rowsOf<{ id: number }>(on, sql`SELECT id FROM vision_images WHERE user_id = ${userId} AND sha256 = ${sha256}`)
}

async function keepFromSweeper(
  tx: Queryable,
  id: number,
  sweepAt: SQL,
): Promise<{ id: number; state: ImageState } | undefined> {
  const [row] = await rowsOf<{ state: ImageState }>(
    tx,
    sql`SELECT state FROM vision_images FORCE INDEX (PRIMARY) WHERE id = ${id} FOR UPDATE`,
  )
  if (row === undefined) return undefined
  if (row.state !== 'deleting') {
    await matchedBy(tx, sql`UPDATE vision_images SET sweep_at = ${sweepAt} WHERE id = ${id} AND sweep_at IS NOT NULL`)
  }
  return { id, state: row.state }
}

/**
 * A user's image that is stored already, safe from the sweeper for an hour from now.
 *
 * @param sha256 in hex
 * @returns the row's id, or undefined if there is none
 */
export async function findImage(database: Database, userId: string, sha256: string): Promise<number | undefined> {
  const [found] = await database.run((on) => lookUp(on, { userId, sha256 }))
  if (found === undefined) return undefined
  const kept = await database.transact((tx) => keepFromSweeper(tx, found.id, inMilliseconds(unusedMs)))
  return kept?.state === 'stored' ? kept.id : undefined
}

/** Notes that the bucket has lost an image, so that its next arrival is stored again. */
export async function forgetBytes(database: Database, id: number): Promise<void> {
  await database.run((on) =>
    matchedBy(on, sql`UPDATE vision_images SET state = 'arriving' WHERE id = ${id} AND state = 'stored'`),
  )
}

/**
 * Marks images as used, in the transaction that gives them to jobs.
 *
 * @throws VisionError `storage.unavailable` if one is gone, having been linked to nothing for an hour
 */
export async function linkImages(tx: Queryable, imageIds: readonly number[]): Promise<void> {
  if (imageIds.length === 0) return
  // Locked in id order, as everywhere, so that two transactions cannot deadlock.
  const ids = [...new Set(imageIds)].toSorted((one, other) => one - other)
  const matched = await matchedBy(
    tx,
    sql`UPDATE vision_images FORCE INDEX (PRIMARY) SET sweep_at = NULL WHERE id IN ${ids} AND state = 'stored'`,
  )
  if (matched < ids.length) {
    throw new VisionError('storage.unavailable', { detail: `of the images ${ids.join(', ')} one was swept` })
  }
}

/** Gives images up, in the transaction that has just deleted jobs of them: the last job of each starts its hour. */
export async function unlinkImages(tx: Queryable, imageIds: readonly number[]): Promise<void> {
  if (imageIds.length === 0) return
  // In id order, as everywhere, so that two transactions cannot deadlock.
  const ids = [...new Set(imageIds)].toSorted((one, other) => one - other)
  // Two jobs deleted at once would each still see the other without this lock.
  await rowsOf(tx, sql`SELECT id FROM vision_images FORCE INDEX (PRIMARY) WHERE id IN ${ids} ORDER BY id FOR UPDATE`)
  const uses = ids.map((id) => sql`(SELECT ${id} AS id FROM vision_jobs WHERE image_id = ${id} LIMIT 1)`)
  const used = await rowsOf<{ id: number }>(tx, sql.join(uses, sql` UNION ALL `))
  const unused = ids.filter((id) => !used.some((one) => Number(one.id) === id))
  if (unused.length === 0) return
  await matchedBy(
    tx,
    sql`UPDATE vision_images FORCE INDEX (PRIMARY) SET sweep_at = ${inMilliseconds(unusedMs)} WHERE id IN ${unused}`,
  )
}

/** The images with these ids, by id. */
export async function findImages(database: Database, ids: readonly number[]): Promise<ReadonlyMap<number, ImageRow>> {
  if (ids.length === 0) return new Map()
  const rows = await database.run((on) => imagesIn(on, { ids }))
  return new Map(rows.map((row) => [row.id, row]))
}

const imagesIn = selectOnce(getTableColumns(visionImages), (select) =>
  select.from(visionImages).where(sql`${visionImages.id} IN (${sql.placeholder('ids')})`),
)
