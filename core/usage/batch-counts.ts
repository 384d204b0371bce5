import { sql } from 'drizzle-orm'
import { visionBatchCounts } from '../../drizzle/schema.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'
import { wanted } from '../database/sql-text.ts'
import { addCounts, mergeCounts } from './merge-counts.ts'

// `vision_batch_counts` has the outcomes of a batch's jobs, so that no one has to count jobs. Every transaction that ends,
// redrives, creates or deletes jobs updates it.

/** What a row of `vision_batch_counts` counts. */
export const batchCounters = ['jobs', 'calls', 'possiblyBilled', 'cost', 'unpricedCalls', 'workMs'] as const
type BatchCounter = (typeof batchCounters)[number]

/** A row of `vision_batch_counts`. */
export type BatchCountRow = typeof visionBatchCounts.$inferSelect
/** An increment of a row of `vision_batch_counts`; ignored for jobs without a batch. */
export type BatchEntry = Pick<BatchCountRow, 'status'> &
  Partial<Record<BatchCounter, number>> & { readonly batchId: number | null; readonly code?: string | null | undefined }

/** The row that counts an ended job. */
interface EndedJob {
  readonly batchId: number | null
  readonly status: string
  readonly errorCode: string | null
}

/** Removes ended jobs from the count, because they are redriven or deleted. */
export function uncounted(jobs: readonly EndedJob[]): BatchEntry[] {
  return jobs.map(({ batchId, status, errorCode }) => ({
    batchId,
    status: status as BatchEntry['status'],
    // A completed or cancelled job may have failed before.
    code: status === 'failed' ? errorCode : null,
    jobs: -1,
  }))
}

/** The increments for ended jobs that are deleted. */
export function deleted(jobs: readonly EndedJob[]): BatchEntry[] {
  return [...uncounted(jobs), ...jobs.map(({ batchId }) => ({ batchId, status: 'deleted' as const, jobs: 1 }))]
}

/** Adds increments to batches. Must be the last statement of its transaction, after the ledger, in the ledger's lock order. */
export async function addBatchCounts(tx: Queryable, entries: readonly BatchEntry[]): Promise<void> {
  const ofBatches = entries.flatMap(({ batchId, code, ...entry }) =>
    batchId === null ? [] : [{ ...entry, batchId, code: code ?? '' }],
  )
  const rows = mergeCounts(['batchId', 'status', 'code'], batchCounters, ofBatches)
  if (rows.length === 0) return
  await addCounts(tx, visionBatchCounts, batchCounters, rows)
}

/**
 * Locks the counts of batches and returns those that no other connection holds: see `withFreeLedger`, which comes before.
 */
export async function withFreeBatches(
  tx: Queryable,
  batchIds: readonly (number | null)[],
): Promise<ReadonlySet<number | null>> {
  const ids = [...new Set(batchIds.flatMap((id) => id ?? []))]
  const free = new Set<number | null>([null, ...ids])
  if (ids.length === 0) return free
  const rows = ids.map((id) => [id])
  const query = sql`SELECT c.batch_id AS batchId, c.status, c.code FROM ${wanted(['batch_id'], rows)}
    STRAIGHT_JOIN vision_batch_counts c FORCE INDEX (PRIMARY) ON c.batch_id = wanted.batch_id`
  const keysOf = async (rows: Promise<Pick<BatchCountRow, 'batchId' | 'status' | 'code'>[]>) =>
    (await rows).map(({ batchId, status, code }) => [Number(batchId), JSON.stringify([batchId, status, code])] as const)
  const locked = new Set((await keysOf(rowsOf(tx, sql`${query} FOR UPDATE SKIP LOCKED`))).map(([, key]) => key))
  for (const [batchId, key] of await keysOf(rowsOf(tx, query))) if (!locked.has(key)) free.delete(batchId)
  return free
}
