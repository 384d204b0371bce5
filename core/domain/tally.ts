import type { visionWorkers } from '../../drizzle/schema.ts'

/** The counters of a worker, in jobs and runs; also the columns of its rows. */
export const counters = [
  'claimed',
  'completed',
  'retried',
  /** For good; including jobs that crashed for the last time. */
  'failed',
  /** Returned at no cost: because of the deadline, or because a provider was unavailable. */
  'released',
  /** Taken away while they ran: cancelled, deleted, or the lease expired. */
  'lost',
  /** Reclaimed from workers that died. */
  'reclaimed',
  'expired',
] as const satisfies readonly (keyof typeof visionWorkers.$inferSelect)[]
export type Counter = (typeof counters)[number]

/** A snapshot of a worker's counters. */
export type Tally = Readonly<Record<Counter, number>>

/** The counters that grow while a worker drains. */
export type RunningTally = Record<Counter, number>

export function emptyTally(): RunningTally {
  return { claimed: 0, completed: 0, retried: 0, failed: 0, released: 0, lost: 0, reclaimed: 0, expired: 0 }
}

/** The difference to an earlier tally. */
export function since(before: Tally, now: Tally): Tally {
  const counted = emptyTally()
  for (const one of counters) counted[one] = now[one] - before[one]
  return counted
}
