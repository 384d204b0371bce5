import { type SQL, sql } from 'drizzle-orm'
import { type Step, steps } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { type Queryable, rowsOf } from '../../database/sql.ts'
import { readProviderStates } from '../../providers/availability/provider-state.ts'
import { defaultStepProviders, type StepProviders } from '../../providers/registry.ts'
import { admitVisionJobs, block, type Entering, enforceLimit, enqueue } from '../fairness/concurrency-limit.ts'
import { weight } from '../fairness/weight.ts'
import { ensureUsers, tryLockUser } from '../rows/users.ts'
import { failExpired } from './expire.ts'
import { type ExpiryMoments, expiryMoments } from './expiry-moments.ts'

interface Row extends Entering {
  readonly batchId: number | null
  readonly lane: Step
  readonly expired: 0 | 1
}

export interface PromoteOptions {
  /** See `admitVisionJobs`. */
  readonly costPerDay?: number | undefined
  /** The providers whose outages stop the jobs' clocks; the default configuration's if left out. */
  readonly stepProviders?: StepProviders | undefined
  /** Called with the owner of each job that had expired and has failed, once that is committed. */
  readonly onExpired?: ((userId: string) => void) | undefined
}

interface Promotion extends PromoteOptions {
  readonly cap: number
  readonly expiry: ExpiryMoments
}

const batch = 200
/** How many due jobs are searched for those of other users, where some users are skipped: the most that one user may have. */
const window = 10_000

/**
 * Promotes up to 200 scheduled jobs that are due: to `pending` while their user has room, each with a fresh start tag,
 * since the old one would put a retry before all newer jobs; otherwise to `blocked`. Expired ones fail. One short
 * transaction for each user. A user whose row another connection holds is skipped. If one read is filled by a few users, a
 * second one looks for jobs of the others.
 *
 * @param cap the most jobs that a user may have in flight
 * @returns how many, without expired ones
 */
export async function promoteDueVisionJobs(
  database: Database,
  cap: number,
  { costPerDay, stepProviders = defaultStepProviders, onExpired }: PromoteOptions = {},
): Promise<number> {
  const expiry = expiryMoments(await database.run(readProviderStates), stepProviders)
  const due = await database.run((on) => rowsOf<DueJob>(on, dueQuery))
  const promoted = await promoteEach(database, due, { cap, expiry, costPerDay, onExpired })
  if (due.length < batch) return promoted
  const seen = [...new Set(due.map(({ userId }) => userId))]
  const others = await database.run((on) => rowsOf<DueJob>(on, dueOfOthersQuery(seen)))
  return promoted + (await promoteEach(database, others, { cap, expiry, costPerDay, onExpired }))
}

interface DueJob {
  readonly id: number
  readonly userId: string
}

/** Must match the due index: see `claimQuery`. A plain read, since users are locked before their jobs. */
const dueQuery = sql`SELECT id, user_id AS userId FROM vision_jobs FORCE INDEX (due)
  WHERE status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3) ORDER BY available_at, id LIMIT ${batch}`

/** The first due jobs of users other than these, behind at most as many jobs as one user may have. */
function dueOfOthersQuery(userIds: readonly string[]): SQL {
  return sql`SELECT id, userId FROM (SELECT id, user_id AS userId FROM vision_jobs FORCE INDEX (due)
      WHERE status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3) ORDER BY available_at, id LIMIT ${window}) AS due_jobs
    WHERE userId NOT IN ${[...userIds]} LIMIT ${batch}`
}

async function promoteEach(database: Database, due: readonly DueJob[], options: Promotion): Promise<number> {
  const byUser = Map.groupBy(due, (job) => job.userId)
  await database.run((on) => ensureUsers(on, [...byUser.keys()]))
  let promoted = 0
  for (const [userId, jobs] of byUser) {
    const ids = jobs.map(({ id }) => id)
    const done = await database.transact((tx) => promote(tx, userId, ids, options))
    promoted += done.promoted
    for (const { userId } of done.expired) options.onExpired?.(userId)
    // A place may have been freed before the blocked job was visible.
    if (done.firstBlocked) await admitVisionJobs(database, userId, options.cap, tryLockUser, options.costPerDay)
  }
  return promoted
}

/** What became of the due jobs of a user. */
interface Promoted {
  readonly promoted: number
  readonly expired: readonly { readonly userId: string }[]
  readonly firstBlocked: boolean
}

async function promote(
  tx: Queryable,
  userId: string,
  ids: readonly number[],
  { cap, expiry, costPerDay }: Promotion,
): Promise<Promoted> {
  const user = await tryLockUser(tx, userId)
  if (user === undefined) return { promoted: 0, expired: [], firstBlocked: false }
  const due = await rowsOf<Row>(tx, lockQuery(ids, expiry))
  const expired = due
    .filter((row) => row.expired === 1)
    .map(({ id, batchId, lane }) => ({ id, userId, batchId, nextStep: lane }))
  const ready = due.filter((row) => row.expired === 0)
  if (ready.length === 0) {
    return { promoted: 0, expired: await failExpired(tx, expired), firstBlocked: false }
  }
  const inLane = (lane: Step) => ready.filter((row) => row.lane === lane)
  const arriving = { content: inLane('content'), analysis: inLane('analysis') }
  const { admitted, blocked, firstBlocked } = await enforceLimit(tx, user, cap, arriving, costPerDay)
  for (const lane of steps) {
    await enqueue(tx, user, lane, 'scheduled', admitted[lane])
    await block(
      tx,
      'scheduled',
      blocked[lane].map(({ id }) => id),
    )
  }
  // Last, since it updates the ledger: no job is locked after that.
  const failed = await failExpired(tx, expired)
  return { promoted: ready.length, expired: failed, firstBlocked }
}

/** By the primary key, and only jobs that were not promoted or cancelled meanwhile; the oldest first. */
function lockQuery(ids: readonly number[], expiry: ExpiryMoments): SQL {
  return sql`SELECT id, batch_id AS batchId, next_step AS lane, ${weight()} AS weight,
      COALESCE(expires_at <= IF(next_step = 'content', ${expiry.content}, ${expiry.analysis}), 0) AS expired
    FROM vision_jobs FORCE INDEX (PRIMARY)
    WHERE id IN ${[...ids]} AND status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3)
    ORDER BY id FOR UPDATE SKIP LOCKED`
}
