import { sql } from 'drizzle-orm'
import type { Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { withTimeout } from '../platform/async.ts'
import { type LockedUser, lastTagColumn } from './users.ts'

// Start-time fair queueing. A job enters its lane with a start tag, the column `start_tag`, and lanes are claimed in the order of
// tags. A user's tags follow each other, so that each user with jobs waiting is served once per tag, however many those are.
// The last tag is remembered past the claim, in `vision_users`: a user who was just served and comes back enters behind those
// who wait, and not level with the first of them.

/**
 * A lane's virtual time: the highest tag that was claimed in it. It neither runs backwards nor depends on there being jobs:
 * the row remembers it, and the head of the lane makes up for a row that was not written. Both reads end at the first row of
 * their index and lock nothing.
 */
async function virtualTime(on: Queryable, lane: Step): Promise<number> {
  const [row] = await rowsOf<{ tag: number }>(
    on,
    sql`SELECT GREATEST(
      COALESCE((SELECT virtual_time FROM vision_lanes WHERE lane = ${lane}), 0),
      COALESCE((SELECT IF(start_tag > 0, start_tag - 1, 0) FROM vision_jobs FORCE INDEX (claim)
        WHERE status = 'pending' AND next_step = ${lane} ORDER BY start_tag, id LIMIT 1), 0)) AS tag`,
  )
  return Number(row?.tag ?? 0)
}

/**
 * The tag with which so many jobs of one user enter a lane; the others follow it one by one.
 *
 * @param now the lane's virtual time
 * @param last the user's last tag in the lane; 0 for a user who never had one
 * @param maxLead how far the user's tags may be ahead of virtual time. Jobs that were cancelled were never served: without a
 *   bound their user would be behind for each of them
 */
export function startTag(now: number, last: number, jobs: number, maxLead: number): number {
  const next = Math.min(last + 1, now + maxLead - jobs + 1)
  // Who was not served in the round before this one joins the next. Users who come once would else prolong this one without end.
  return last === 0 || next < now ? now + 1 : next
}

/**
 * Issues the tags of so many jobs of a user that enter a lane. The user's lock is held.
 *
 * @param maxLead see `startTag`
 * @returns the first; the others follow it one by one
 */
export async function issueStartTags(
  tx: Queryable,
  { userId, lastTags }: LockedUser,
  lane: Step,
  jobs: number,
  maxLead: number,
): Promise<number> {
  const first = startTag(await virtualTime(tx, lane), lastTags[lane], jobs, maxLead)
  lastTags[lane] = first + jobs - 1
  await matchedBy(tx, sql`UPDATE vision_users SET ${lastTagColumn[lane]} = ${lastTags[lane]} WHERE user_id = ${userId}`)
  return first
}

/** The tag that a job enters a lane with while its user is locked by somebody else; it is not remembered. */
export async function unrecordedStartTag(on: Queryable, userId: string, lane: Step): Promise<number> {
  const [user] = await rowsOf<{ tag: number }>(
    on,
    sql`SELECT ${lastTagColumn[lane]} AS tag FROM vision_users WHERE user_id = ${userId}`,
  )
  return startTag(await virtualTime(on, lane), Number(user?.tag ?? 0), 1, Number.MAX_SAFE_INTEGER)
}

/**
 * Moves a lane's virtual time on to the highest tag of a claim that has committed. A statement of its own and not a part of
 * the claim: the row is everybody's, and a connection that died within a transaction would keep it. What fails here, or is
 * not there within a second, for which the claimed jobs wait, is made good by the next claim.
 */
export async function advanceVirtualTime({ run }: Database, lane: Step, tag: number): Promise<void> {
  const advanced = run((on) =>
    matchedBy(
      on,
      sql`INSERT INTO vision_lanes (lane, virtual_time) VALUES (${lane}, ${tag})
        ON DUPLICATE KEY UPDATE virtual_time = GREATEST(virtual_time, VALUES(virtual_time))`,
    ),
  )
  await withTimeout(1_000, advanced, () => 0).catch(() => undefined)
}
