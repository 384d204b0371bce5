import { check, index, mysqlTable, uniqueIndex } from 'drizzle-orm/mysql-core'
import { count, id, key, oneOf, time, word } from './columns.ts'
import { type CloseReason, closeReasons, type Transport, transports } from './values.ts'

/**
 * The live connections, one row for each stream or wait of a job; job 0 stands for a batch or all jobs. The row of a stream is kept for a
 * week after its end, that of a wait is deleted with it.
 */
export const visionJobSessions = mysqlTable(
  'vision_job_sessions',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    jobId: id('job_id').notNull(),
    transport: word<Transport>('transport').notNull(),
    /** Its slot among the user's streams or waits: `stream-0`, `wait-3`. */
    slot: word<string>('slot'),
    connectedAt: time('connected_at').notNull(),
    /** The job's version in the last event that was handed over to be sent; where many jobs are watched, how many events. */
    lastEvent: count('last_event'),
    lastSeenAt: time('last_seen_at').notNull(),
    /** Null while it is live. */
    closedAt: time('closed_at'),
    closeReason: word<CloseReason>('close_reason'),
  },
  (session) => [
    index('live').on(session.userId, session.closedAt, session.id),
    uniqueIndex('slot').on(session.userId, session.slot),
    // Live ones by when they were last seen; closed ones by when they were closed.
    index('closing').on(session.closedAt, session.lastSeenAt),
    check('vision_job_sessions_transport', oneOf('transport', transports)),
    check('vision_job_sessions_close_reason', oneOf('close_reason', closeReasons)),
  ],
)
