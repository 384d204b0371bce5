import { unendedStatuses } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { findJobs } from '../read/find-jobs.ts'
import { addJobs, type BulkFilter, type BulkOptions, type BulkResult, walkPages } from './bulk-change.ts'
import { cancelVisionJobs } from './cancel.ts'

const page = 200

/**
 * Cancels the jobs of all users that match a filter and have not ended, newest first, in short transactions of one user's jobs each. A
 * job that ends concurrently is left out. May be called again, and continues where it stopped.
 *
 * @param filter names a user, a batch or a code at least: see `findJobs` for what a page reads
 * @throws RangeError for an empty filter, which would cancel everything
 */
export async function cancelMatchingJobs(
  database: Database,
  filter: BulkFilter,
  { limit, dryRun, signal, note }: BulkOptions,
): Promise<BulkResult> {
  const { code, userId, batchId } = filter
  if (code === undefined && userId === undefined && batchId === undefined) {
    throw new RangeError('A filter names a user, a batch or a code.')
  }
  let done: BulkResult = { jobs: 0, sample: [], more: false }
  const hasTime = () => !signal?.aborted
  const { more } = await walkPages({ limit, size: page, hasTime }, async (room, before) => {
    const { jobs: sum } = done
    const found = await findJobs(database, { ...filter, statuses: unendedStatuses }, { limit: room, before })
    for (const [owner, jobs] of Map.groupBy(found.jobs, (job) => job.userId)) {
      const ids = jobs.map(({ id }) => id)
      if (dryRun) done = addJobs(done, ids)
      else {
        const soFar = done
        await cancelVisionJobs(database, owner, ids, async (tx, cancelled) => {
          // Set again if the transaction is repeated.
          done = addJobs(soFar, cancelled)
          await note?.(tx, done)
        })
      }
    }
    return { taken: done.jobs - sum, next: found.next }
  })
  return { ...done, more }
}
