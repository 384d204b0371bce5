import type { Queryable } from '../../database/sql.ts'

// What changes of many jobs have in common: they run in short transactions, stop at a limit or in time, and report.

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

/** How far a walk over pages of jobs goes. */
export interface Walk {
  /** The most jobs that it takes. */
  readonly limit: number
  /** The most jobs of a page, and so of a transaction. */
  readonly size: number
  /** The most pages, of which some may be empty; unlimited if left out. */
  readonly pages?: number
  /** Whether to continue. */
  readonly hasTime: () => boolean
  /** Where to begin; at the newest if left out. */
  readonly before?: number | undefined
}

/** What was done with a page. */
export interface WalkedPage {
  /** How many jobs it took of the limit. */
  readonly taken: number
  /** Where the next page begins; undefined: there is none. */
  readonly next: number | undefined
  /** No page should follow in this walk. */
  readonly isLast?: boolean
}

/**
 * Takes jobs page by page, newest first, until there are no more, or a limit or the time is reached.
 *
 * @returns where to continue; undefined: there are no more
 */
export async function walkPages(
  { limit, size, pages = Number.POSITIVE_INFINITY, hasTime, before }: Walk,
  take: (room: number, before: number | undefined) => Promise<WalkedPage>,
): Promise<{ readonly more: boolean; readonly next: number | undefined }> {
  let from = before
  let left = limit
  for (let page = 0; ; page++) {
    if (left <= 0 || page >= pages || !hasTime()) return { more: true, next: from }
    const { taken, next, isLast } = await take(Math.min(size, left), from)
    if (next === undefined) return { more: false, next: undefined }
    from = next
    left -= taken
    if (isLast) return { more: true, next: from }
  }
}
