import { unendedStatuses } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import type { Queryable } from '../database/sql.ts'
import { cancelVisionJobs } from './cancel.ts'
import { findJobs } from './find-jobs.ts'

/** Which jobs to cancel: all that is named must match. */
export interface CancelFilter {
  /** The code of the last error, or a prefix that ends in a dot: `analysis.` */
  readonly code?: string | undefined
  readonly userId?: string | undefined
  readonly batchId?: number | undefined
}

export interface CancelOptions {
  /** The most jobs to cancel. */
  readonly limit: number
  /** Counts and changes nothing. */
  readonly dryRun: boolean
  /** Aborted when it must end; completed pages stay done. */
  readonly signal?: AbortSignal | undefined
  /** Called in the transaction of each page, with the totals at its end. */
  readonly note?: ((tx: Queryable, soFar: Cancelled) => Promise<void>) | undefined
}

export interface Cancelled {
  /** How many jobs match, or were cancelled. */
  readonly jobs: number
  /** The ids of some of them. */
  readonly sample: readonly number[]
  /** There may be more: the limit or the time was reached. */
  readonly more: boolean
}

const page = 200
const sampleSize = 20

/**
 * Cancels the jobs of all users that match a filter and have not ended, newest first, in short transactions of one user's jobs each. A
 * job that ends concurrently is left out. May be called again, and continues where it stopped.
 *
 * @param filter names a user, a batch or a code at least: see `findJobs` for what a page reads
 * @throws RangeError for an empty filter, which would cancel everything
 */
export async function cancelMatchingJobs(
  database: Database,
  filter: CancelFilter,
  { limit, dryRun, signal, note }: CancelOptions,
): Promise<Cancelled> {
  const { code, userId, batchId } = filter
  if (code === undefined && userId === undefined && batchId === undefined) {
    throw new RangeError('A filter names a user, a batch or a code.')
  }
  let done: Cancelled = { jobs: 0, sample: [], more: false }
  for (let before: number | undefined; ; ) {
    const room = Math.min(page, limit - done.jobs)
    if (room <= 0 || signal?.aborted) return { ...done, more: true }
    const found = await findJobs(database, { ...filter, statuses: unendedStatuses }, { limit: room, before })
    for (const [owner, jobs] of Map.groupBy(found.jobs, (job) => job.userId)) {
      const ids = jobs.map(({ id }) => id)
      if (dryRun) done = add(done, ids)
      else {
        const soFar = done
        await cancelVisionJobs(database, owner, ids, async (tx, cancelled) => {
          // Set again if the transaction is repeated.
          done = add(soFar, cancelled)
          await note?.(tx, done)
        })
      }
    }
    if (found.next === undefined) return done
    before = found.next
  }
}

function add({ jobs, sample }: Cancelled, ids: readonly number[]): Cancelled {
  return { jobs: jobs + ids.length, sample: [...sample, ...ids].slice(0, sampleSize), more: false }
}
