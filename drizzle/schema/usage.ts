import { date, index, mysqlTable, primaryKey } from 'drizzle-orm/mysql-core'
import { count, id, key, text, time, total, word } from './columns.ts'
import type { CountedStatus, Outcome, Step } from './values.ts'

/**
 * What each user has used, by day (UTC), model and status. A row with a model has the calls that it answered, in runs of this
 * outcome; the row without one has the runs of this outcome and the jobs that so began or ended. It outlives jobs.
 */
export const visionUsage = mysqlTable(
  'vision_usage',
  {
    userId: key('user_id', { length: 255 }).notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    model: text('model', { length: 120 }).notNull(),
    status: word<CountedStatus | Outcome>('status').notNull(),
    jobs: total('jobs'),
    runs: total('runs'),
    calls: total('calls'),
    /** Calls that were cut off, so that they may have been paid for without an answer; they have no model. */
    possiblyBilled: total('possibly_billed'),
    inputTokens: total('input_tokens'),
    cachedTokens: total('cached_tokens'),
    outputTokens: total('output_tokens'),
    thinkingTokens: total('thinking_tokens'),
    /** In nano-dollars, of the calls with a known price. */
    cost: total('cost'),
    /** Calls whose price is not known. */
    unpricedCalls: total('unpriced_calls'),
    waitingMs: total('waiting_ms'),
    imageMs: total('image_ms'),
    analysisMs: total('analysis_ms'),
    contentMs: total('content_ms'),
  },
  // The only key, so that an update locks this row alone.
  (usage) => [primaryKey({ columns: [usage.userId, usage.day, usage.model, usage.status] })],
)

/**
 * The failures of jobs, by user, day (UTC), code and the step that they had come to. It is counted where the ledger is, and
 * outlives jobs as that does.
 */
export const visionFailures = mysqlTable(
  'vision_failures',
  {
    userId: key('user_id', { length: 255 }).notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    code: key('code', { length: 64 }).notNull(),
    step: word<Step>('step').notNull(),
    jobs: total('jobs'),
    firstAt: time('first_at').notNull(),
    lastAt: time('last_at').notNull(),
    /** A sample: the last job that was counted. */
    jobId: id('job_id').notNull(),
  },
  (failure) => [
    primaryKey({ columns: [failure.userId, failure.day, failure.code, failure.step] }),
    index('by_day').on(failure.day, failure.code, failure.step),
  ],
)

/** What each user was granted to upload on the last day of any upload, UTC. */
export const visionUploadQuotas = mysqlTable('vision_upload_quotas', {
  userId: key('user_id', { length: 255 }).primaryKey(),
  day: date('day', { mode: 'string' }).notNull(),
  uploads: count('uploads'),
  bytes: total('bytes'),
})

/** How often each user has asked for an estimate in the minute that began last. */
export const visionEstimateQuotas = mysqlTable('vision_estimate_quotas', {
  userId: key('user_id', { length: 255 }).primaryKey(),
  begunAt: time('begun_at').notNull(),
  estimates: count('estimates'),
})
