import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { type Queryable, rowsOf } from '../../database/sql.ts'
import { type ErrorCode, VisionError } from '../../domain/errors.ts'
import { type LockedJob, lockOwnedJobs, type OwnedJob, requireJob } from '../rows/lock-jobs.ts'

/** What a change does to a job: `change` it, `leave` it, which is as it should be already, or the error of a job that it cannot be done to. */
export type Verdict = 'change' | 'leave' | ErrorCode

/** A change that an owner makes to jobs: cancel, retry, delete. */
export interface JobChange {
  readonly verdictOn: (job: Pick<LockedJob, 'status'>) => Verdict
  /** Changes locked jobs, all with the verdict `change`. */
  readonly apply: (tx: Queryable, jobs: readonly LockedJob[]) => Promise<void>
  /** The condition on a row of `vision_jobs` that the change has not reached. */
  readonly isUndone: SQL
}

/** Jobs by what a change did to them. */
export type Verdicts = ReadonlyMap<Verdict, readonly LockedJob[]>

/** Says how many of a number of jobs there is room for; throws if there is room for none. */
export type Admit = (jobs: number) => number

/**
 * Finds out how much room there is, within a transaction and before it locks its jobs: what holds the limit, the user's row, is
 * locked before any job's.
 */
export type ReadRoom = (tx: Queryable) => Promise<Admit>

interface Which {
  readonly userId: string
  /** At most a few hundred. */
  readonly ids: readonly number[]
  /**
   * Called before the jobs are locked; what it returns says which of the locked ones, in the order of their ids, are meant: the others are left out.
   * All are, if this is.
   */
  readonly choose?: ((tx: Queryable) => Promise<(jobs: readonly LockedJob[]) => readonly LockedJob[]>) | undefined
}

/**
 * Changes jobs of a user in one transaction. A job that was deleted, or is not chosen once it is locked, is left out.
 *
 * @param note called in the transaction, with the ids of those that it changes
 */
export async function changeJobs(
  database: Database,
  { verdictOn, apply, isUndone }: JobChange,
  { userId, ids, choose }: Which,
  note?: (tx: Queryable, changed: readonly number[]) => Promise<void>,
): Promise<Verdicts> {
  let verdicts: Verdicts = new Map()
  if (ids.length === 0) return verdicts
  const changed = () => verdicts.get('change') ?? []
  const changedIds = () => changed().map(({ jobId }) => jobId)
  return database.transact(
    async (tx) => {
      const chosen = await choose?.(tx)
      const jobs = await lockOwnedJobs(tx, userId, ids)
      verdicts = Map.groupBy(chosen ? chosen(jobs) : jobs, verdictOn)
      await note?.(tx, changedIds())
      if (changed().length > 0) await apply(tx, changed())
      return verdicts
    },
    async (on) => {
      // The read waits for a COMMIT that is under way.
      const undone =
        changed().length > 0 &&
        (await rowsOf(
          on,
          sql`SELECT 1 FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id IN ${changedIds()} AND user_id = ${userId}
            AND ${isUndone} LIMIT 1 FOR UPDATE`,
        ))
      return undone && undone.length > 0 ? undefined : verdicts
    },
  )
}

/**
 * Changes one job of a user: see `changeJobs`. Idempotent, where a job that is as it should be already is left.
 *
 * @param allow the room for it; there is, if this is left out
 * @returns whether this call changed it
 * @throws VisionError `job.not_found`, the verdict on a job that the change cannot be done to, or what `allow` throws
 */
export async function changeJob(
  database: Database,
  change: JobChange,
  { userId, jobId }: OwnedJob,
  allow?: ReadRoom,
): Promise<boolean> {
  await requireJob(database, { userId, jobId })
  const choose =
    allow &&
    (async (tx: Queryable) => {
      const admit = await allow(tx)
      return (jobs: readonly LockedJob[]) => {
        if (jobs.some((job) => change.verdictOn(job) === 'change')) admit(1)
        return jobs
      }
    })
  const [verdict] = (await changeJobs(database, change, { userId, ids: [jobId], choose })).keys()
  if (verdict === 'change' || verdict === 'leave') return verdict === 'change'
  throw new VisionError(verdict ?? 'job.not_found')
}
