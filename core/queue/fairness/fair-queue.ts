import { type SQL, sql } from 'drizzle-orm'
import type { Step } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { withTimeout } from '../../platform/async.ts'
import { type LockedUser, lastTagColumn, widthColumn } from '../rows/users.ts'
import { sumOfWeights } from './weight.ts'

// Start-time fair queueing. A job enters its lane with a start tag, the column `start_tag`, and lanes are claimed in the
// order of tags. A job takes one turn for each text to be made (./weight.ts): its tag is the first of them, and the user's
// next job gets the turn after the last. Each user with waiting jobs is thus served one text per round, however the texts
// are spread over jobs. The last turn outlives the claim, in `vision_users`: a user who was just served and returns enters
// behind those who wait, not level with the first of them.

/**
 * A lane's virtual time: the highest tag that was claimed in it. It neither runs backwards nor depends on there being jobs:
 * its row remembers it, and the head of the lane makes up for a row that was not written. Both reads stop at the first row
 * of their index and lock nothing: for ORDER BY … LIMIT 1 instead of MIN MySQL reads up to a hundred rows ahead.
 */
export function virtualTimeOf(lane: Step): SQL {
  return sql`GREATEST(
    COALESCE((SELECT virtual_time FROM vision_lanes WHERE lane = ${lane}), 0),
    COALESCE((SELECT GREATEST(MIN(start_tag), 1) - 1 FROM vision_jobs FORCE INDEX (claim)
      WHERE waiting_as = 'pending' AND lane = ${lane}), 0))`
}

async function readVirtualTime(on: Queryable, lane: Step): Promise<number> {
  const [row] = await rowsOf<{ tag: number }>(on, sql`SELECT ${virtualTimeOf(lane)} AS tag`)
  return Number(row?.tag ?? 0)
}

/**
 * The first of a number of consecutive turns for a user's jobs that enter a lane.
 *
 * @param now the lane's virtual time
 * @param last the user's last turn in the lane; 0 for a user who never had one
 * @param maxLead the most by which the user's turns may be ahead of virtual time. Cancelled jobs were never served: without
 *   a bound, each would set their user back
 */
export function startTag(now: number, last: number, turns: number, maxLead: number): number {
  const next = Math.min(last + 1, now + maxLead - turns + 1)
  // A user who was not served in the previous round joins the next; otherwise one-time users would prolong this one
  // indefinitely.
  return last === 0 || next < now ? now + 1 : next
}

/**
 * Issues start tags to a user's jobs that enter a lane. The user's lock is held. Once the jobs in flight have been counted,
 * the user's lead over virtual time is at most what waits: those jobs, the entering ones, and the rest of the last claimed
 * job, at whose first turn virtual time still is.
 *
 * @param weights of the jobs, in the order in which they are to run
 * @returns their tags
 */
export async function issueStartTags(
  tx: Queryable,
  user: LockedUser,
  lane: Step,
  weights: readonly number[],
): Promise<readonly number[]> {
  if (weights.length === 0) return []
  const { userId, lastTags, widths, textsInFlight = Number.MAX_SAFE_INTEGER } = user
  const now = user.virtualTimes[lane] ?? (await readVirtualTime(tx, lane))
  const turns = sumOfWeights(weights)
  const widest = Math.max(widths[lane], ...weights)
  const first = startTag(now, lastTags[lane], turns, textsInFlight + turns + widest - 1)
  lastTags[lane] = first + turns - 1
  widths[lane] = first === now + 1 ? Math.max(...weights) : widest
  if (user.textsInFlight !== undefined) user.textsInFlight += turns
  await matchedBy(
    tx,
    sql`UPDATE vision_users SET ${lastTagColumn[lane]} = ${lastTags[lane]}, ${widthColumn[lane]} = ${widths[lane]}
      WHERE user_id = ${userId}`,
  )
  let next = first
  return weights.map((one) => {
    const tag = next
    next += one
    return tag
  })
}

/** The start tag of a job that enters a lane while another connection holds its user's lock; it is not remembered. */
export async function unrecordedStartTag(on: Queryable, userId: string, lane: Step): Promise<number> {
  const [user] = await rowsOf<{ tag: number }>(
    on,
    sql`SELECT ${lastTagColumn[lane]} AS tag FROM vision_users WHERE user_id = ${userId}`,
  )
  return startTag(await readVirtualTime(on, lane), Number(user?.tag ?? 0), 1, Number.MAX_SAFE_INTEGER)
}

/**
 * Advances a lane's virtual time to the highest tag of a committed claim. A separate statement: all workers share the row,
 * and a connection that died in a transaction would hold it. If it fails, or takes longer than a second, for which the
 * claimed jobs wait, the next claim makes up for it.
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
