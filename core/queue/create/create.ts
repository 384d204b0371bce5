import { isDuplicate } from '../../database/classify-error.ts'
import type { Database } from '../../database/client.ts'
import type { Queryable } from '../../database/sql.ts'
import { VisionError } from '../../domain/errors.ts'
import { linkImages } from '../../images/snapshots.ts'
import { addUsage } from '../../usage/ledger.ts'
import { consumeJobs, type QuotaState, readQuotas, type UserLimits } from '../../usage/quotas.ts'
import { admitVisionJobs, enforceLimit } from '../fairness/concurrency-limit.ts'
import { issueStartTags } from '../fairness/fair-queue.ts'
import { keepIdsFresh } from '../prune/orphans.ts'
import { lockUser } from '../rows/users.ts'
import { type CreatedJob, createdJobs, type MatchedJobs, matchByKeys, NewJobsRefused } from './idempotency.ts'
import { insertJobs, type SharedColumns } from './insert-jobs.ts'
import type { NewJob } from './new-job.ts'
import { requireTexts } from './resolve-texts.ts'

export interface CreateOptions extends Omit<SharedColumns, 'batchId'> {
  /** The most jobs of the user in flight; the others wait in `blocked`. */
  readonly inFlightPerUser: number
  /**
   * The batch of the jobs; none if left out. Called with the number of new jobs, if any, under the user's lock.
   *
   * @throws if the batch takes no such jobs: nothing is created then
   */
  readonly batch?: ((tx: Queryable, jobs: number) => Promise<number>) | undefined
  /** The user's limits; none if left out. */
  readonly limits?: UserLimits | undefined
  /** Called with the user's remaining quotas, once the jobs are created. */
  readonly onQuotas?: (left: QuotaState) => void
}

/**
 * Creates jobs, all of them or none, in the given order. A job whose idempotency key the user has used before is the
 * existing one, unchanged. The number of statements does not grow with the number of jobs: over a slow link, round trips
 * are what costs time.
 *
 * @throws IdempotencyMismatch with every key that was used with another request, InvalidJobs with every missing brand, or
 *   LimitExceeded; nothing is created then
 */
export async function createVisionJobs(
  database: Database,
  jobs: readonly NewJob[],
  options: CreateOptions,
): Promise<readonly CreatedJob[]> {
  const { userId, inFlightPerUser, limits, onQuotas } = options
  const create = () => database.transact((tx) => createIn(tx, jobs, options))
  const { created, left, firstBlocked } = await create().catch(async (error: unknown) => {
    // After a restore, ids that start again below those of former jobs must not keep new jobs from being created.
    if (!isDuplicate(error) || !(await keepIdsFresh(database))) throw error
    return create()
  })
  onQuotas?.(left)
  // A place may have been freed before the blocked job was visible. The sweep finds it too, but later.
  if (firstBlocked)
    await admitVisionJobs(database, userId, inFlightPerUser, lockUser, limits?.costPerDay).catch(() => 0)
  return created
}

async function createIn(tx: Queryable, jobs: readonly NewJob[], options: CreateOptions) {
  const { userId, inFlightPerUser, limits } = options
  // First, since it serialises a user's calls: they are counted one by one, and cannot use an idempotency key concurrently.
  const user = await lockUser(tx, userId)
  const state = await readQuotas(tx, userId, limits, user.overrides)
  // Before the limits: a user without quota learns of invalid input as well.
  const matched = await matchByKeys(tx, userId, jobs)
  const texts = await requireTexts(tx, userId, matched.fresh, matched.freshIndexes)
  const fresh = matched.fresh.map((job, index) => ({ ...job, texts: texts[index] ?? [] }))
  const batchId = await batchOf(tx, matched, jobs.length, options.batch)
  const left = consumeJobs(state, fresh.length)
  const arriving = fresh.map((job) => ({ ...job, weight: job.texts.length }))
  const { admitted, blocked, firstBlocked } = await enforceLimit(
    tx,
    user,
    inFlightPerUser,
    { content: [], analysis: arriving },
    limits?.costPerDay,
    state.spend,
  )
  const tags = await issueStartTags(
    tx,
    user,
    'analysis',
    admitted.analysis.map(({ weight }) => weight),
  )
  // After any job, as everywhere.
  await linkImages(
    tx,
    jobs.flatMap((job) => job.imageId ?? []),
  )
  const ids = await insertJobs(tx, [...admitted.analysis, ...blocked.analysis], tags, { ...options, batchId })
  await addUsage(tx, [{ userId, day: state.day, model: '', status: 'created', jobs: ids.length, batchId }])
  return { created: createdJobs(matched, ids), left, firstBlocked }
}

/** The batch of the new jobs of a call; null without one, or without new jobs. */
async function batchOf(
  tx: Queryable,
  { fresh, freshIndexes }: MatchedJobs<unknown>,
  jobs: number,
  batch: CreateOptions['batch'],
): Promise<number | null> {
  if (fresh.length === 0 || batch === undefined) return null
  return batch(tx, fresh.length).catch((error: unknown) => {
    // A caller who repeats a call with additions is told which jobs exist.
    if (fresh.length === jobs || !(error instanceof VisionError)) throw error
    throw new NewJobsRefused(error.code, freshIndexes)
  })
}

/** One job: see `createVisionJobs`. */
export async function createVisionJob(database: Database, job: NewJob, options: CreateOptions): Promise<CreatedJob> {
  const [created] = await createVisionJobs(database, [job], options)
  if (created === undefined) throw new VisionError('internal.error', { detail: 'no row was created' })
  return created
}
