import { type SQL, sql } from 'drizzle-orm'
import type { Status, Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { roomInBudget } from '../usage/spend.ts'
import { issueStartTags } from './fair-queue.ts'
import { lockJobs } from './lock-jobs.ts'
import { type LockedUser, lockUser, type tryLockUser } from './users.ts'

// A user's jobs in flight, `pending` and `processing`, are at most as many as the cap, so that the claim needs no filter.
// Whatever adds to them (creation, promotion, admission) holds the user's lock from the count to its commit. What takes away
// from them (settlement, cancel, delete, reclaim, expiry) holds no such lock: the place is filled afterwards.
//
// Jobs are always locked by their primary key, after a plain read: locked along another index they could deadlock with
// those that come by the key.

/** How long a user with blocked jobs is left alone before the sweep looks, in milliseconds: whoever freed a place may have died. */
const sweepAfterMs = 15_000
const sweepBatch = 20

/** For how many of the jobs that arrive there is room, by lane, and what was done to make it. */
export interface Room extends Readonly<Record<Step, number>> {
  /** How many blocked jobs were admitted. */
  readonly admitted: number
  /** Whether the user had no blocked job before and has some now. */
  readonly first: boolean
}

/**
 * Lets a user's blocked jobs in, the oldest first, as long as there is room.
 *
 * @param cap how many jobs a user may have in flight
 * @param costPerDay what the user's calls may cost in a day, in nano-dollars: who has spent it has no room until midnight, UTC
 * @param lock whether to wait for the user's row, or else to leave it to whoever holds it
 * @returns how many; undefined if somebody else holds the row
 */
export async function admitVisionJobs(
  database: Database,
  userId: string,
  cap: number,
  lock: typeof lockUser | typeof tryLockUser = lockUser,
  costPerDay?: number,
): Promise<number | undefined> {
  const blocked = await database.run((on) =>
    rowsOf(on, sql`SELECT 1 FROM vision_users WHERE user_id = ${userId} AND blocked_seen_at IS NOT NULL`),
  )
  if (blocked.length === 0) return 0
  return database.transact(
    async (tx) => {
      const user = await lock(tx, userId)
      return user && (await makeRoom(tx, user, cap, { content: 0, analysis: 0 }, costPerDay)).admitted
    },
    // Doing it again does no harm.
    async () => undefined,
  )
}

/** Up to 20 users with blocked jobs after whom nobody has looked for a while, the longest first. */
export async function usersToAdmit(database: Database): Promise<readonly string[]> {
  const rows = await database.run((on) =>
    rowsOf<{ userId: string }>(
      on,
      sql`SELECT user_id AS userId FROM vision_users FORCE INDEX (blocked) WHERE ${isOverdue()}
        ORDER BY blocked_seen_at LIMIT ${sweepBatch}`,
    ),
  )
  return rows.map(({ userId }) => userId)
}

/** The condition on `vision_users` for `usersToAdmit`. */
export function isOverdue(): SQL {
  return sql`blocked_seen_at <= ${inMilliseconds(-sweepAfterMs)}`
}

/**
 * Lets blocked jobs in and finds room for jobs that arrive, which stand behind them. What was begun goes first: for want of
 * room a job of the lane `content` takes the place of the user's last pending one of the lane `analysis`, also while the
 * provider of the latter is down. Those for which there is no room must become `blocked`.
 *
 * @param cap how many jobs a user may have in flight; where it was higher before, nothing is taken away
 * @param arriving how many arrive, by lane
 * @param costPerDay see `admitVisionJobs`
 */
export async function makeRoom(
  tx: Queryable,
  user: LockedUser,
  cap: number,
  arriving: Readonly<Record<Step, number>>,
  costPerDay?: number,
): Promise<Room> {
  const { userId, mayHaveBlocked } = user
  const inFlight = await countInFlight(tx, userId)
  let room = Math.max(0, cap - inFlight)
  if (costPerDay !== undefined && room > 0) room = Math.min(room, await roomInBudget(tx, userId, inFlight, costPerDay))
  const begun = mayHaveBlocked ? await blockedJobs(tx, userId, 'content', cap) : []
  const preempted = await preempt(tx, userId, begun.length + arriving.content - room)
  room += preempted
  const resumed = await enqueue(tx, user, cap, 'content', 'blocked', begun.slice(0, room))
  room -= resumed
  const content = Math.min(room, arriving.content)
  room -= content
  const fresh = mayHaveBlocked && room > 0 ? await blockedJobs(tx, userId, 'analysis', room) : []
  const started = await enqueue(tx, user, cap, 'analysis', 'blocked', fresh)
  const analysis = Math.min(room - started, arriving.analysis)

  const over = content < arriving.content || analysis < arriving.analysis
  const has = preempted > 0 || over || (mayHaveBlocked && (await hasBlocked(tx, userId)))
  if (has || mayHaveBlocked) {
    await matchedBy(
      tx,
      sql`UPDATE vision_users SET blocked_seen_at = ${has ? sql`UTC_TIMESTAMP(3)` : sql`NULL`} WHERE user_id = ${userId}`,
    )
  }
  return { content, analysis, admitted: resumed + started, first: has && !mayHaveBlocked }
}

/**
 * Makes jobs pending, with fresh start tags: see `issueStartTags`. The user's lock is held.
 *
 * @param ids of jobs that the transaction has locked, in the order in which they are to run
 * @returns how many still had the status that they are to leave
 */
export async function enqueue(
  tx: Queryable,
  user: LockedUser,
  cap: number,
  lane: Step,
  from: Status,
  ids: readonly number[],
): Promise<number> {
  if (ids.length === 0) return 0
  const first = await issueStartTags(tx, user, lane, ids.length, cap)
  const tags = ids.map((id, index) => sql`WHEN ${id} THEN ${first + index}`)
  return matchedBy(
    tx,
    sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET status = 'pending', start_tag = CASE id ${sql.join(tags, sql` `)} END,
        available_at = NULL, version = version + 1, updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${[...ids]} AND status = ${from}`,
  )
}

/** Makes jobs blocked: see `enqueue`. */
export async function block(tx: Queryable, from: Status, ids: readonly number[]): Promise<number> {
  if (ids.length === 0) return 0
  return matchedBy(
    tx,
    sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET status = 'blocked', start_tag = 0, available_at = NULL,
        version = version + 1, updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${[...ids]} AND status = ${from}`,
  )
}

/**
 * The first blocked jobs of a user to admit, locked. Their start tag is 0, so that the index has them in the order of their ids. One
 * that somebody else has locked, who may have died with it, is left for the next time.
 */
async function blockedJobs(tx: Queryable, userId: string, lane: Step, limit: number): Promise<readonly number[]> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    sql`SELECT id FROM vision_jobs FORCE INDEX (owner)
      WHERE user_id = ${userId} AND status = 'blocked' AND next_step = ${lane} AND start_tag = 0 ORDER BY id LIMIT ${limit}`,
  )
  return lockJobs(
    tx,
    'blocked',
    rows.map(({ id }) => id),
  )
}

/** Moves up to `wanted` of the user’s pending jobs of the first lane back to `blocked`, the last in claim order first. */
async function preempt(tx: Queryable, userId: string, wanted: number): Promise<number> {
  const tried = new Set<number>()
  for (let preempted = 0; ; ) {
    if (preempted >= wanted) return preempted
    const rows = await rowsOf<{ id: number }>(
      tx,
      sql`SELECT id FROM vision_jobs FORCE INDEX (owner)
        WHERE user_id = ${userId} AND status = 'pending' AND next_step = 'analysis'
        ORDER BY start_tag DESC LIMIT ${wanted - preempted + tried.size}`,
    )
    const ids = rows.map(({ id }) => id).filter((id) => !tried.has(id))
    if (ids.length === 0) return preempted
    // Those that a claim has just taken cannot be locked: the next ones are tried.
    for (const id of ids) tried.add(id)
    preempted += await block(tx, 'pending', await lockJobs(tx, 'pending', ids))
  }
}

/** A plain read under the user's lock: what is just being settled counts still, and nothing can be added meanwhile. */
async function countInFlight(tx: Queryable, userId: string): Promise<number> {
  const [row] = await rowsOf<{ jobs: number }>(
    tx,
    sql`SELECT COUNT(*) AS jobs FROM vision_jobs FORCE INDEX (owner)
      WHERE user_id = ${userId} AND status IN ('pending', 'processing')`,
  )
  return Number(row?.jobs ?? 0)
}

async function hasBlocked(tx: Queryable, userId: string): Promise<boolean> {
  const rows = await rowsOf(
    tx,
    sql`SELECT 1 FROM vision_jobs FORCE INDEX (owner) WHERE user_id = ${userId} AND status = 'blocked' LIMIT 1`,
  )
  return rows.length > 0
}
