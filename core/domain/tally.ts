import type { visionWorkers } from '../../drizzle/schema.ts'

/** What a worker counts, in jobs and runs; also the columns of its rows. */
export const counters = [
  'claimed',
  'completed',
  'retried',
  /** For good; among them those that were reclaimed for the last time. */
  'failed',
  /** Returned at no cost: for the deadline, or because a provider was not available. */
  'released',
  /** Taken away while they ran: cancelled, deleted, or the lease expired. */
  'lost',
  /** Taken back from workers that died. */
  'reclaimed',
  'expired',
] as const satisfies readonly (keyof typeof visionWorkers.$inferSelect)[]
export type Counter = (typeof counters)[number]

/** The counts of a worker at a moment. */
export type Tally = Readonly<Record<Counter, number>>

/** A tally that grows while a worker drains. */
export type RunningTally = Record<Counter, number>

export function emptyTally(): RunningTally {
  return { claimed: 0, completed: 0, retried: 0, failed: 0, released: 0, lost: 0, reclaimed: 0, expired: 0 }
}

/** What was counted since an earlier tally. */
export function since(before: Tally, now: Tally): Tally {
  const counted = emptyTally()
  for (const one of counters) counted[one] = now[one] - before[one]
  return counted
}
