/** What a drain did, in jobs. */
export interface Summary {
  readonly claimed: number
  readonly completed: number
  readonly retried: number
  /** For good; among them those that were reclaimed for the last time. */
  readonly failed: number
  /** Given back at no cost: for the deadline, or because a provider was not to be had. */
  readonly released: number
  /** Taken away while they ran: cancelled, deleted, or the lease expired. */
  readonly lost: number
  /** Taken back from workers that died. */
  readonly reclaimed: number
  readonly expired: number
}

/** A summary that grows while the worker drains. */
export type Counts = { -readonly [Count in keyof Summary]: number }

export function noCounts(): Counts {
  return { claimed: 0, completed: 0, retried: 0, failed: 0, released: 0, lost: 0, reclaimed: 0, expired: 0 }
}
