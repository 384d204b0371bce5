import { type SQL, sql } from 'drizzle-orm'
import { type Status, statuses } from '../../../drizzle/schema.ts'
import { type BoundedCount, countRows } from '../../database/bounded-counts.ts'
import type { Queryable } from '../../database/sql.ts'
import { hasEnded } from '../../domain/job.ts'

/** The number of jobs in a status, counted up to `countLimit`. */
export interface Depth extends Pick<BoundedCount, 'atLeast'> {
  readonly status: Status
  readonly jobs: number
}

/** How many jobs are in each status. */
export async function getQueueDepth(on: Queryable): Promise<readonly Depth[]> {
  const counts = await countRows(
    on,
    statuses.map((status) => [status, jobsIn(status)]),
  )
  return statuses.map((status) => ({ status, jobs: counts[status].count, atLeast: counts[status].atLeast }))
}

/** The jobs of a status, by the index that has it first. */
function jobsIn(status: Status): SQL {
  if (status === 'processing') return sql`vision_jobs FORCE INDEX (lease) WHERE status = ${status}`
  return hasEnded({ status })
    ? sql`vision_jobs FORCE INDEX (ended) WHERE ended_as = ${status}`
    : sql`vision_jobs FORCE INDEX (claim) WHERE waiting_as = ${status}`
}
