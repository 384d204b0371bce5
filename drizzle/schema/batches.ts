import { index, mysqlTable, primaryKey, uniqueIndex } from 'drizzle-orm/mysql-core'
import { count, id, json, key, text, time, total, word } from './columns.ts'
import type { CountedStatus, OnInvalid, Outcome } from './values.ts'

/** The batches: one row for each. */
export const visionBatches = mysqlTable(
  'vision_batches',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    name: text('name', { length: 100 }),
    /** The defaults of the jobs that are added to it. */
    defaults: json<Record<string, unknown>>('defaults').notNull(),
    onInvalid: word<OnInvalid>('on_invalid').notNull().default('refuse'),
    idempotencyKey: key('idempotency_key', { length: 255 }),
    /** SHA-256 of the request that the idempotency key came with, in hex. */
    requestHash: key('request_hash', { length: 64 }),
    /** How often all its jobs had ended while an endpoint of its owner wanted that event. */
    ends: count('ends'),
    createdAt: time('created_at').notNull(),
    /** When it was, or will be, closed for new jobs. */
    closesAt: time('closes_at').notNull(),
    cancelledAt: time('cancelled_at'),
  },
  (batch) => [
    index('owner').on(batch.userId, batch.id),
    index('open').on(batch.userId, batch.closesAt),
    index('closed').on(batch.closesAt),
    uniqueIndex('idempotency').on(batch.userId, batch.idempotencyKey),
  ],
)

/**
 * What has become of each batch, so that nothing is counted by reading its jobs. A row with the status of a job has the jobs
 * that have it now (of `created` and `deleted`: that ever were); one with the outcome of a run has what those runs took. They
 * are changed in the transaction that changes the jobs, as `vision_usage` is.
 */
export const visionBatchCounts = mysqlTable(
  'vision_batch_counts',
  {
    batchId: id('batch_id').notNull(),
    status: word<CountedStatus | Outcome>('status').notNull(),
    /** The error of jobs that failed; empty in every other row. */
    code: key('code', { length: 64 }).notNull(),
    jobs: total('jobs'),
    calls: total('calls'),
    /** Calls that were cut off, so that they may have been paid for without an answer. */
    possiblyBilled: total('possibly_billed'),
    /** In nano-dollars, of the calls with a known price. */
    cost: total('cost'),
    unpricedCalls: total('unpriced_calls'),
    /** The durations of the runs: the image, and both steps. */
    workMs: total('work_ms'),
  },
  // The only key: see `vision_usage`.
  (one) => [primaryKey({ columns: [one.batchId, one.status, one.code] })],
)
