import { sql } from 'drizzle-orm'
import { type Database, inMilliseconds, matchedBy, rowsOf } from '../db.ts'
import { type ImageStore, snapshotKey } from './store.ts'

const batch = 20
/** A sweeper that died in the middle is followed by another after so long, in milliseconds; no deletion takes longer. */
const sweeperLeaseMs = 120_000

/**
 * Deletes images that no job has used for an hour, up to 20. The row says `deleting` before the bytes go and is deleted
 * after them, and an arrival of the same image waits for that: an age rule of the bucket would know nothing of arrivals.
 *
 * @returns how many
 * @throws VisionError `storage.unavailable`; what was begun is taken up again two minutes later
 */
export async function sweepImages(database: Database, store: ImageStore): Promise<number> {
  const doomed = await database.transact(async (tx) => {
    const rows = await rowsOf<{ id: number; userId: string; sha256: string }>(
      tx,
      sql`SELECT id, user_id AS userId, sha256 FROM vision_images FORCE INDEX (sweep)
        WHERE sweep_at <= UTC_TIMESTAMP(3) ORDER BY sweep_at LIMIT ${batch} FOR UPDATE SKIP LOCKED`,
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
  for (const { id, userId, sha256 } of doomed) {
    await store.delete(snapshotKey(userId, sha256))
    await database.run((on) => matchedBy(on, sql`DELETE FROM vision_images WHERE id = ${id} AND state = 'deleting'`))
  }
  return doomed.length
}
