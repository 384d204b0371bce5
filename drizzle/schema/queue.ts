import { check, index, int, mysqlTable, tinyint } from 'drizzle-orm/mysql-core'
import { amount, id, key, oneOf, time, word } from './columns.ts'
import { type Step, steps } from './values.ts'

/**
 * One row for each user who has ever had a job: the lock under which the concurrency limit is enforced, whether any are
 * blocked, how far the user has come in the fair queue, and the limits that an operator has set.
 */
export const visionUsers = mysqlTable(
  'vision_users',
  {
    userId: key('user_id', { length: 255 }).primaryKey(),
    /** When the user's blocked jobs were last checked; null if there are none. */
    blockedSeenAt: time('blocked_seen_at'),
    /** The last turns of the user's jobs in the two lanes: they outlive the claims of those jobs. */
    analysisTag: id('analysis_tag').notNull().default(0),
    contentTag: id('content_tag').notNull().default(0),
    /** The most texts that one of those jobs had, since virtual time last passed all of them. */
    analysisWidth: tinyint('analysis_width', { unsigned: true }).notNull().default(1),
    contentWidth: tinyint('content_width', { unsigned: true }).notNull().default(1),
    /** What an operator has set for this user; null where the setting of the same meaning applies. */
    jobsInFlight: int('jobs_in_flight', { unsigned: true }),
    jobsWaiting: int('jobs_waiting', { unsigned: true }),
    jobsPerDay: int('jobs_per_day', { unsigned: true }),
    /** In nano-dollars. */
    costPerDay: amount('cost_per_day'),
    uploadsPerDay: int('uploads_per_day', { unsigned: true }),
    uploadBytesPerDay: amount('upload_bytes_per_day'),
    streams: int('streams', { unsigned: true }),
    waits: int('waits', { unsigned: true }),
    /** The pseudonym under which the ledger keeps the user whose erasure has begun. */
    pseudonym: key('pseudonym', { length: 64 }),
    /** The id of the last operator action whose user that pseudonym has replaced in the audit log. */
    actionsRenamed: id('actions_renamed').notNull().default(0),
  },
  (user) => [index('blocked').on(user.blockedSeenAt)],
)

/** The two lanes of the queue: how far each has come. */
export const visionLanes = mysqlTable(
  'vision_lanes',
  {
    lane: word<Step>('lane').primaryKey(),
    /** The highest start tag that was ever claimed in it. */
    virtualTime: id('virtual_time').notNull().default(0),
  },
  () => [check('vision_lanes_lane', oneOf('lane', steps))],
)
