import { index, mysqlTable } from 'drizzle-orm/mysql-core'
import { count, id, key, text, time, word } from './columns.ts'
import type { Provider, ProviderScope } from './values.ts'

/**
 * What all workers know of a provider, and what an operator has paused: one row for each provider, and `all` for claiming as
 * a whole.
 */
export const visionProviderStates = mysqlTable('vision_provider_states', {
  provider: word<ProviderScope>('provider').primaryKey(),
  /** Paused by an operator, until an operator resumes it. */
  pausedAt: time('paused_at'),
  pausedBy: key('paused_by', { length: 255 }),
  pausedReason: text('paused_reason', { length: 500 }),
  /** No call goes to the provider before this moment. */
  backoffUntil: time('backoff_until'),
  /** The error that caused the last backoff. */
  backoffCode: key('backoff_code', { length: 64 }),
  /** Backoffs since the provider last answered: each is longer. */
  backoffs: count('backoffs'),
  /** Calls that failed or timed out since it last answered. */
  consecutiveFailures: count('consecutive_failures'),
  /** Since when its circuit is open: one call at a time probes it. */
  openedAt: time('opened_at'),
  /** By how much the expiry of jobs that lived through an outage is postponed, in milliseconds, and until when that holds. */
  graceMs: id('grace_ms').notNull().default(0),
  graceUntil: time('grace_until'),
})

/** Permits to call a provider: one row for each call, from its reservation until it counts in no limit any more. */
export const visionPermits = mysqlTable(
  'vision_permits',
  {
    id: key('id', { length: 80 }).primaryKey(),
    provider: word<Provider>('provider').notNull(),
    /** When the call went out, or null. */
    sentAt: time('sent_at'),
    /** When it counts as in flight no longer, unless its worker renews it; null once the call has ended. */
    expiresAt: time('expires_at'),
    /** An estimate until the provider reports the number. */
    tokens: count('tokens'),
  },
  (permit) => [
    index('sent').on(permit.provider, permit.sentAt, permit.tokens),
    index('expired').on(permit.expiresAt),
    index('ended').on(permit.sentAt),
    index('in_flight').on(permit.provider, permit.expiresAt, permit.sentAt, permit.tokens),
  ],
)
