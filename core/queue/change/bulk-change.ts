import type { Queryable } from '../../database/sql.ts'

// What an operator's changes of many jobs have in common: they run in short transactions, stop at a limit or in time, and report.

/** Jobs that match all that is named. */
export interface BulkFilter {
  /** The code of the last error, or a prefix that ends in a dot: `analysis.` */
  readonly code?: string | undefined
  readonly userId?: string | undefined
  readonly batchId?: number | undefined
}

export interface BulkOptions<Result extends BulkResult = BulkResult> {
  /** The most jobs to change. */
  readonly limit: number
  /** Counts and changes nothing. */
  readonly dryRun: boolean
  /** Aborted when it must end; what is done stays done. */
  readonly signal?: AbortSignal | undefined
  /** Called in each transaction, with the totals at its end. */
  readonly note?: ((tx: Queryable, soFar: Result) => Promise<void>) | undefined
}

export interface BulkResult {
  /** How many jobs match, or were changed. */
  readonly jobs: number
  /** The ids of some of them. */
  readonly sample: readonly number[]
  /** There may be more: the limit or the time was reached. */
  readonly more: boolean
}

const sampleSize = 20

/** The totals after some more jobs. */
export function addJobs(
  { jobs, sample }: BulkResult,
  ids: readonly number[],
  /** How many of these were changed. */
  count = ids.length,
): BulkResult {
  return { jobs: jobs + count, sample: [...sample, ...ids].slice(0, sampleSize), more: false }
}
