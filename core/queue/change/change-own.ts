import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { type Queryable, rowsOf } from '../../database/sql.ts'
import { findIds, type HistoryQuery, resolveFilter } from '../read/history.ts'
import { matchesCode } from '../rows/code-filter.ts'
import type { LockedJob } from '../rows/lock-jobs.ts'
import { addJobs, type WalkedPage, walkPages } from './bulk-change.ts'
import { type Admit, changeJobs, type JobChange, type ReadRoom, type Verdict } from './change-jobs.ts'

/** Which of a user's jobs: as in the history. A batch belongs to the user. */
export type OwnFilter = Omit<HistoryQuery, 'limit' | 'before'>

export interface OwnChangeOptions {
  /** Counts and changes nothing. */
  readonly dryRun: boolean
  /** The most jobs that are looked at, whatever becomes of them. */
  readonly limit: number
  /** Only jobs older than this one: where an earlier call has stopped. */
  readonly before?: number | undefined
  readonly hasTime: () => boolean
  /** The most pages: where no index has the whole filter, a page of 5,000 rows may have no job that matches. 20 if left out. */
  readonly pages?: number
  /** The room for jobs that are changed. For all, if this is left out. */
  readonly allow?: ReadRoom | undefined
}

/** Jobs that a change cannot be done to. */
export interface RefusedJobs {
  readonly code: Exclude<Verdict, 'change' | 'leave'>
  readonly jobs: number
  /** The ids of some of them. */
  readonly sample: readonly number[]
}

export interface OwnChanged {
  /** How many jobs were changed, or would be. */
  readonly jobs: number
  /** How many were already as they should be. */
  readonly unchanged: number
  readonly refused: readonly RefusedJobs[]
  /** Where to continue, as `before`; undefined: there are no more. */
  readonly next: number | undefined
}

/** The most jobs that one call should change, and that one should count. */
export const mostChanged = 500
export const mostCounted = 10_000

/** How many jobs are changed in one transaction, and how many are counted in one statement. */
const changedAtOnce = 200
const countedAtOnce = 1_000

/** What a change depends on. */
type Looked = Pick<LockedJob, 'jobId' | 'status' | 'errorCode'>

/**
 * Changes the jobs of a user that match a filter, newest first, in short transactions, or counts them. A job that does not match any
 * more when it is locked, having been claimed or retried since it was found, is left out.
 *
 * Each job is looked at once on the way from the newest to the oldest. To call again with the same position does nothing
 * twice.
 *
 * @throws what `allow` throws, if nothing was done before
 */
export async function changeOwnJobs(
  database: Database,
  query: OwnFilter,
  change: JobChange,
  { dryRun, limit, before, hasTime, allow, pages = 20 }: OwnChangeOptions,
): Promise<OwnChanged> {
  const { userId } = query
  const filter = await resolveFilter(database, { ...query, limit, before })
  const matches = ({ status, errorCode }: Looked) =>
    (filter.statuses?.includes(status) ?? true) && (filter.code === undefined || matchesCode(filter.code, errorCode))
  const counts = new Map<Verdict, ReturnType<typeof addJobs>>()
  let looked = 0
  let hasBegun = false
  const count = (verdict: Verdict, jobs: readonly Looked[]) => {
    const soFar = counts.get(verdict) ?? { jobs: 0, sample: [], more: false }
    const ids = jobs.map(({ jobId }) => jobId)
    counts.set(verdict, addJobs(soFar, ids))
  }

  const roomFor = (jobs: number, admit: Admit): number => {
    try {
      return admit(jobs)
    } catch (error) {
      if (looked > 0) return 0
      throw error
    }
  }
  const takePage = async (room: number, from: number | undefined): Promise<WalkedPage> => {
    hasBegun = true
    const { ids, next } = await findIds(database, { ...filter, limit: room, before: from })
    if (dryRun) {
      const found = (await look(database, userId, ids)).filter(matches)
      for (const [verdict, jobs] of Map.groupBy(found, change.verdictOn)) count(verdict, jobs)
      return { taken: ids.length, next }
    }
    /** The first that there is no room for: newest first, so that the call goes on with it. */
    let left: number | undefined
    const choose = async (tx: Queryable) => {
      const admit = await allow?.(tx)
      return (locked: readonly LockedJob[]) => {
        const jobs = locked.filter(matches)
        const changing = jobs.filter((job) => change.verdictOn(job) === 'change')
        left = admit && changing.length > 0 ? changing.at(-1 - roomFor(changing.length, admit))?.jobId : undefined
        return jobs.filter(({ jobId }) => jobId > (left ?? 0))
      }
    }
    const verdicts = await changeJobs(database, change, { userId, ids, choose })
    for (const [verdict, jobs] of verdicts) count(verdict, jobs)
    const taken = ids.filter((id) => id > (left ?? 0)).length
    looked += taken
    return left === undefined ? { taken, next } : { taken, next: left + 1, isLast: true }
  }

  const size = dryRun ? countedAtOnce : changedAtOnce
  // A page at least: a call that does nothing would be repeated for ever.
  const walk = { limit, size, pages, hasTime: () => !hasBegun || hasTime(), before: filter.before }
  const { next } = await walkPages(walk, takePage)
  return {
    jobs: counts.get('change')?.jobs ?? 0,
    unchanged: counts.get('leave')?.jobs ?? 0,
    refused: [...counts].flatMap(([code, { jobs, sample }]) =>
      code === 'change' || code === 'leave' ? [] : [{ code, jobs, sample }],
    ),
    next,
  }
}

/** The jobs as they are, newest first; deleted ones are left out. */
async function look(database: Database, userId: string, ids: readonly number[]): Promise<readonly Looked[]> {
  if (ids.length === 0) return []
  const rows = await database.run((on) =>
    rowsOf<Looked>(
      on,
      sql`SELECT id AS jobId, status, error_code AS errorCode FROM vision_jobs FORCE INDEX (PRIMARY)
        WHERE id IN ${[...ids]} AND user_id = ${userId}`,
    ),
  )
  return rows.toSorted((one, other) => other.jobId - one.jobId)
}
