import { index, mysqlTable, primaryKey } from 'drizzle-orm/mysql-core'
import { count, key, runStats, tallies, text, time } from './columns.ts'

/** Workers, one row for each drain: its totals and its last report; kept for a week. */
export const visionWorkers = mysqlTable(
  'vision_workers',
  {
    id: key('id', { length: 64 }).primaryKey(),
    /** Where it runs: the log stream on Lambda, the host's name elsewhere. */
    host: text('host', { length: 255 }).notNull(),
    /** The most jobs in flight. */
    concurrency: count('concurrency'),
    inFlight: count('in_flight'),
    startedAt: time('started_at').notNull(),
    lastHeartbeatAt: time('last_heartbeat_at').notNull(),
    /** When it stopped in order; null while it runs, or if it died. */
    stoppedAt: time('stopped_at'),
    ...tallies(),
    ...runStats(),
  },
  (worker) => [
    index('heartbeat').on(worker.lastHeartbeatAt),
    index('running').on(worker.stoppedAt, worker.lastHeartbeatAt),
  ],
)

/**
 * The workers that were woken and have not reported yet, and a row named `last`: when any was. A caller that wakes workers changes that row first, so
 * that many callers at once wake as many as one.
 */
export const visionWakes = mysqlTable(
  'vision_wakes',
  { id: key('id', { length: 64 }).primaryKey(), wokenAt: time('woken_at').notNull() },
  (wake) => [index('woken').on(wake.wokenAt)],
)

/** What each worker did in each minute, so that the last hour is a sum over few rows, and no row is shared by all workers. */
export const visionWorkerMinutes = mysqlTable(
  'vision_worker_minutes',
  {
    /** When the minute began; the counters were reported during it. */
    minute: time('minute').notNull(),
    workerId: key('worker_id', { length: 64 }).notNull(),
    ...tallies(),
    ...runStats(),
  },
  (one) => [primaryKey({ columns: [one.minute, one.workerId] })],
)
