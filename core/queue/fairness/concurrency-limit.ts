import { type SQL, sql } from 'drizzle-orm'
import type { Status, Step } from '../../../drizzle/schema.ts'
import { batchQueries } from '../../database/batch-queries.ts'
import type { Database } from '../../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf, tableOfUsers } from '../../database/sql.ts'
import { readBudget, type Spend } from '../../usage/spend.ts'
import { lockJobs } from '../rows/lock-jobs.ts'
import { type LockedUser, lockUser, type tryLockUser } from '../rows/users.ts'
import { issueStartTags, virtualTimeOf } from './fair-queue.ts'
import { Places } from './places.ts'
import { callsToCome, sumOfWeights, weight } from './weight.ts'

// A user's jobs in flight, `pending` and `processing`, never exceed the cap, so that the claim needs no filter. Whatever
// adds to them (creation, promotion, admission) holds the user's lock from the count to its commit. Whatever removes from
// them (settlement, cancel, delete, reclaim, expiry) holds no such lock: the place is filled afterwards.
// Jobs are always locked by their primary key, after a plain read: locked along another index they could deadlock with
// statements that use the key.

/**
 * How long blocked jobs may go unchecked before the sweep checks them, in milliseconds: the worker that freed a place may
 * have died.
 */
const sweepAfterMs = 15_000
const sweepBatch = 20

/** Arriving jobs with their weights, by lane. */
type Arriving<Job extends Weighted> = Readonly<Record<Step, readonly Job[]>>

/** What the concurrency limit decided. */
export interface Admission<Job extends Weighted> {
  /** The arriving jobs with room: they become `pending`. */
  readonly admitted: Arriving<Job>
  /** The others, which become `blocked`. */
  readonly blocked: Arriving<Job>
  /** How many of the user's blocked jobs were admitted. */
  readonly unblocked: number
  /** The user had no blocked job before, and has some now. */
  readonly firstBlocked: boolean
}

/**
 * Admits a user's blocked jobs, the oldest first, while there is room.
 *
 * @param cap how many jobs a user may have in flight, unless an operator has set another number for this one
 * @param costPerDay the same for the budget for a day (UTC), in nano-dollars; once it is spent there is no room until midnight
 * @param lock waits for the user's row, or skips a locked one
 * @returns how many were admitted; undefined if another connection holds the row
 */
export async function admitVisionJobs(
  database: Database,
  userId: string,
  cap: number,
  lock: typeof lockUser | typeof tryLockUser = lockUser,
  costPerDay?: number,
): Promise<number | undefined> {
  if (!(await mayHaveBlocked(database, userId))) return 0
  return database.transact(
    async (tx) => {
      const user = await lock(tx, userId)
      return user && (await enforceLimit(tx, user, cap, { content: [], analysis: [] }, costPerDay)).unblocked
    },
    // Idempotent.
    async () => undefined,
  )
}

/** Whether a user may have blocked jobs. Concurrent calls share one statement. */
const mayHaveBlocked = batchQueries(async (database, userIds: readonly string[]) => {
  const rows = await database.run((on) =>
    rowsOf<{ userId: string }>(
      on,
      sql`SELECT u.user_id AS userId FROM ${tableOfUsers([...new Set(userIds)])} wanted
        STRAIGHT_JOIN vision_users u FORCE INDEX (PRIMARY) ON u.user_id = wanted.user_id WHERE u.blocked_seen_at IS NOT NULL`,
    ),
  )
  const blocked = new Set(rows.map(({ userId }) => userId))
  return userIds.map((userId) => blocked.has(userId))
})

/** Up to 20 users with blocked jobs that were not checked for a while, the longest wait first. */
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

/** A job that enters a lane, with its weight there. */
export interface Weighted {
  readonly weight: number
}

/** A job with a row. */
export interface Entering extends Weighted {
  readonly id: number
}

/**
 * Admits blocked jobs, and finds room for arriving ones, which queue behind them. Started work has priority: without room,
 * a job of the lane `content` preempts the user's last pending job of the lane `analysis`, even while the provider of the
 * latter is down.
 *
 * @param usualCap the most jobs that a user may have in flight; after it was lowered, jobs in flight stay
 * @param usualCostPerDay see `admitVisionJobs`
 * @param spend what the user has spent, where it was read in the same transaction
 */
export async function enforceLimit<Job extends Weighted>(
  tx: Queryable,
  user: LockedUser,
  usualCap: number,
  arriving: Arriving<Job>,
  usualCostPerDay?: number,
  spend?: Spend,
): Promise<Admission<Job>> {
  const { userId, mayHaveBlocked, overrides } = user
  const cap = overrides.jobsInFlight ?? usualCap
  const costPerDay = overrides.costPerDay ?? usualCostPerDay
  const arrivingAt = arriving.analysis.length > 0 ? 'analysis' : undefined
  const inFlight = await countInFlight(tx, userId, arrivingAt)
  user.textsInFlight = inFlight.texts
  if (arrivingAt) user.virtualTimes[arrivingAt] = inFlight.virtualTime
  const places = new Places(
    cap - inFlight.jobs,
    await readBudget(tx, userId, inFlight.calls, costPerDay, spend),
    inFlight.jobs === 0,
  )
  const begun = mayHaveBlocked ? await blockedJobs(tx, userId, 'content', cap) : []
  const calls = [...weightsOf(begun), ...weightsOf(arriving.content)]
  const preempted = await preempt(tx, userId, calls.length - places.count(calls))
  user.textsInFlight -= sumOfWeights(preempted)
  places.give(preempted.map((texts) => 1 + texts))
  const going = places.take(calls)
  const resumed = await enqueue(tx, user, 'content', 'blocked', begun.slice(0, going))
  const content = Math.max(0, going - begun.length)
  const canStart = going === calls.length && places.count([1]) > 0
  const waiting = mayHaveBlocked && canStart ? await blockedJobs(tx, userId, 'analysis', places.left) : []
  const starting = places.take(weightsOf(waiting).map((texts) => 1 + texts))
  const started = await enqueue(tx, user, 'analysis', 'blocked', waiting.slice(0, starting))
  const mayFollow = canStart && starting === waiting.length
  const analysis = mayFollow ? places.take(weightsOf(arriving.analysis).map((texts) => 1 + texts)) : 0

  const over = content < arriving.content.length || analysis < arriving.analysis.length
  const has = preempted.length > 0 || over || (mayHaveBlocked && (await hasBlocked(tx, userId)))
  if (has || mayHaveBlocked) {
    await matchedBy(
      tx,
      sql`UPDATE vision_users SET blocked_seen_at = ${has ? sql`UTC_TIMESTAMP(3)` : sql`NULL`} WHERE user_id = ${userId}`,
    )
  }
  return {
    admitted: { content: arriving.content.slice(0, content), analysis: arriving.analysis.slice(0, analysis) },
    blocked: { content: arriving.content.slice(content), analysis: arriving.analysis.slice(analysis) },
    unblocked: resumed + started,
    firstBlocked: has && !mayHaveBlocked,
  }
}

/**
 * Makes jobs pending, with fresh start tags: see `issueStartTags`. The user's lock is held.
 *
 * @param jobs that the transaction has locked, in the order in which they are to run
 * @returns how many still had the status `from`
 */
export async function enqueue(
  tx: Queryable,
  user: LockedUser,
  lane: Step,
  from: Status,
  jobs: readonly Entering[],
): Promise<number> {
  if (jobs.length === 0) return 0
  const tags = await issueStartTags(tx, user, lane, weightsOf(jobs))
  const cases = jobs.map(({ id }, index) => sql`WHEN ${id} THEN ${tags[index]}`)
  return matchedBy(
    tx,
    sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET status = 'pending', start_tag = CASE id ${sql.join(cases, sql` `)} END,
        available_at = NULL, version = version + 1, updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${jobs.map(({ id }) => id)} AND status = ${from}`,
  )
}

function weightsOf(jobs: readonly Weighted[]): readonly number[] {
  return jobs.map((job) => job.weight)
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
 * Locks the first blocked jobs of a user. Their start tag is 0, so the index has them in the order of their ids. A job that
 * another connection, perhaps a dead one, has locked is left for the next time.
 */
async function blockedJobs(tx: Queryable, userId: string, lane: Step, limit: number): Promise<readonly Entering[]> {
  const rows = await rowsOf<Entering>(
    tx,
    sql`SELECT id, ${weight()} AS weight FROM vision_jobs FORCE INDEX (owner)
      WHERE user_id = ${userId} AND waiting_as = 'blocked' AND lane = ${lane} AND start_tag = 0 ORDER BY id LIMIT ${limit}`,
  )
  const locked = new Set(
    await lockJobs(
      tx,
      'blocked',
      rows.map(({ id }) => id),
    ),
  )
  return rows.filter(({ id }) => locked.has(id))
}

/**
 * Moves up to `wanted` of the user’s pending jobs of the first lane back to `blocked`, the last in claim order first.
 *
 * @returns the weight of each
 */
async function preempt(tx: Queryable, userId: string, wanted: number): Promise<readonly number[]> {
  const tried = new Set<number>()
  for (const preempted: number[] = []; ; ) {
    if (preempted.length >= wanted) return preempted
    const rows = await rowsOf<Entering>(
      tx,
      sql`SELECT id, ${weight()} AS weight FROM vision_jobs FORCE INDEX (owner)
        WHERE user_id = ${userId} AND waiting_as = 'pending' AND lane = 'analysis'
        ORDER BY start_tag DESC LIMIT ${wanted - preempted.length + tried.size}`,
    )
    const untried = rows.filter(({ id }) => !tried.has(id))
    if (untried.length === 0) return preempted
    // Those that a claim has just taken cannot be locked: the next ones are tried.
    for (const { id } of untried) tried.add(id)
    const ids = await lockJobs(
      tx,
      'pending',
      untried.map(({ id }) => id),
    )
    await block(tx, 'pending', ids)
    preempted.push(...weightsOf(untried.filter(({ id }) => ids.includes(id))))
  }
}

/**
 * A plain read under the user's lock: runs that are being settled still count, and no job can be added meanwhile.
 *
 * @param lane whose virtual time is read as well; none if undefined
 */
async function countInFlight(
  tx: Queryable,
  userId: string,
  lane: Step | undefined,
): Promise<Record<'jobs' | 'texts' | 'calls' | 'virtualTime', number>> {
  const [row] = await rowsOf<Record<'jobs' | 'texts' | 'calls' | 'virtualTime', number | string | null>>(
    tx,
    sql`SELECT COUNT(*) AS jobs, SUM(IF(status = 'processing', texts, ${weight()})) AS texts, SUM(${callsToCome()}) AS calls${
      lane ? sql`, ${virtualTimeOf(lane)} AS virtualTime` : sql``
    } FROM vision_jobs FORCE INDEX (status_history) WHERE user_id = ${userId} AND status IN ('pending', 'processing')`,
  )
  return {
    jobs: Number(row?.jobs ?? 0),
    texts: Number(row?.texts ?? 0),
    calls: Number(row?.calls ?? 0),
    virtualTime: Number(row?.virtualTime ?? 0),
  }
}

async function hasBlocked(tx: Queryable, userId: string): Promise<boolean> {
  const rows = await rowsOf(
    tx,
    sql`SELECT 1 FROM vision_jobs FORCE INDEX (owner) WHERE user_id = ${userId} AND waiting_as = 'blocked' LIMIT 1`,
  )
  return rows.length > 0
}
