import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, rowsOf } from '../database/sql.ts'
import { type ImageStore, snapshotKey } from './store.ts'

const batch = 20
/**
 * How many deletions run concurrently: the bucket answers in tens of milliseconds, and images may be deleted as fast as
 * they arrive.
 */
const atOnce = 4
/** How long a dead sweeper blocks the next one, in milliseconds; one deletion takes 10 s. */
const sweeperLeaseMs = 120_000

/**
 * Deletes images that no job has used for an hour, until there are none. The row says `deleting` before the bytes go and is deleted
 * after them, and an arrival of the same image waits for that: an age rule of the bucket would know nothing of arrivals.
 *
 * @param signal aborted when it must stop; unfinished deletions are resumed two minutes later
 * @returns how many
 * @throws VisionError `storage.unavailable`, with the same consequence
 */
export async function sweepImages(database: Database, store: ImageStore, signal?: AbortSignal): Promise<number> {
  let swept = 0
  for (;;) {
    const { found, deleted } = await sweepBatch(database, store, signal)
    swept += deleted
    if (found < batch || signal?.aborted) return swept
  }
}

async function sweepBatch(
  database: Database,
  store: ImageStore,
  signal: AbortSignal | undefined,
): Promise<{ readonly found: number; readonly deleted: number }> {
  // A plain read, then by the primary key: a lock along the index may be a gap lock, into which others insert.
  const due = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`SELECT id FROM vision_images FORCE INDEX (sweep) WHERE sweep_at <= UTC_TIMESTAMP(3)
        ORDER BY sweep_at LIMIT ${batch}`,
    ),
  )
  if (due.length === 0) return { found: 0, deleted: 0 }
  const doomed = await database.transact(async (tx) => {
    const rows = await rowsOf<{ id: number; userId: string; sha256: string }>(
      tx,
      sql`SELECT id, user_id AS userId, sha256 FROM vision_images FORCE INDEX (PRIMARY)
        WHERE id IN ${due.map(({ id }) => id)} AND sweep_at <= UTC_TIMESTAMP(3) ORDER BY id FOR UPDATE SKIP LOCKED`,
    )
    if (rows.length > 0) {
      await matchedBy(
        tx,
        sql`UPDATE vision_images SET state = 'deleting', sweep_at = ${inMilliseconds(sweeperLeaseMs)}
          WHERE id IN ${rows.map((row) => row.id)}`,
      )
    }
    return rows
  })
  const left = [...doomed]
  let deleted = 0
  const deleteNext = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { id, userId, sha256 } = next
      if (signal?.aborted || !(await isStillOurs(database, id))) continue
      await store.delete(snapshotKey(userId, sha256))
      await database.run((on) => matchedBy(on, sql`DELETE FROM vision_images WHERE id = ${id} AND state = 'deleting'`))
      deleted++
    }
  }
  const deleting = await Promise.allSettled(Array.from({ length: atOnce }, deleteNext))
  for (const outcome of deleting) if (outcome.status === 'rejected') throw outcome.reason
  return { found: doomed.length, deleted }
}

/**
 * Renews the lease on one image that is about to go. Once it has run out another sweeper may have deleted the image, and
 * its owner may have sent it again since: then these are not the bytes that were doomed.
 */
async function isStillOurs(database: Database, id: number): Promise<boolean> {
  const matched = await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_images SET sweep_at = ${inMilliseconds(sweeperLeaseMs)}
        WHERE id = ${id} AND state = 'deleting' AND sweep_at > UTC_TIMESTAMP(3)`,
    ),
  )
  return matched > 0
}
