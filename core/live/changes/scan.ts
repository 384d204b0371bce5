import { sessionIdleSeconds, workMs } from '../../database/limits.ts'
import type { Change, ChangePage, Place } from '../../queue/read/changes.ts'

// A change is dated by its statement and visible from its COMMIT on, so changes appear out of order. Each poll therefore
// reads the last seconds again, and each tenth one reads as far back as any open transaction can have begun. Changes that
// were delivered already are recognised by their version.

/**
 * After this time, in milliseconds, a change is visible or never will be: its transaction has ended, or its session was
 * killed.
 */
export const settledMs = workMs + sessionIdleSeconds * 1_000
/** How far back each poll reads, in milliseconds: most transactions are shorter. */
export const usualMs = 2_000
/** One poll in this many reads all the way back. */
export const fullEvery = 10

/** How far the changes of one user have been read, over many polls of up to several pages. */
export interface Scan {
  /** Where the next page begins; begins a poll unless one is under way. */
  next(): Place
  /** Those of the changes that were not delivered before. */
  unseen<Seen extends Change>(changes: readonly Seen[]): readonly Seen[]
  /**
   * Records a page.
   *
   * @param delivered the state of its unseen changes, as it was delivered
   * @param now the moment of its statement, by the database's clock
   * @returns whether the poll continues with another page
   */
  record(page: ChangePage, delivered: readonly Change[], now: number): boolean
  /** Has the next poll read all the way back. */
  rescan(): void
  /** The number of the last full poll that was begun. */
  fullBegun(): number
  /** The number of the last full poll that has finished. */
  fullDone(): number
}

interface Poll {
  /** Its number among the full polls; undefined for a usual one. */
  readonly full: number | undefined
  /** The moment of its first statement. */
  readonly startedAt: number | undefined
  readonly after: Place
}

/** @param now the moment from which changes are wanted, by the database's clock */
export function createScan(now: number): Scan {
  /** The version of each job that was changed since `settled`. */
  const known = new Map<number, Change>()
  /** All changes before this moment have been seen. */
  let settled = now - settledMs
  /** When the last poll began. */
  let polledAt = settled
  let polls = 0
  let [fullBegun, fullDone] = [0, 0]
  let poll: Poll | undefined

  const begin = (): Poll => {
    const full = polls++ % fullEvery === 0 ? ++fullBegun : undefined
    const from = full ? settled : Math.max(settled, polledAt - usualMs)
    return { full, startedAt: undefined, after: { at: from, jobId: 0 } }
  }

  const end = ({ full }: Poll, startedAt: number) => {
    if (full) {
      fullDone = full
      settled = startedAt - settledMs
      for (const [jobId, { at }] of known) if (at < settled) known.delete(jobId)
    }
    polledAt = startedAt
    poll = undefined
  }

  return {
    next: () => {
      poll ??= begin()
      return poll.after
    },
    unseen: (changes) => changes.filter(({ jobId, version }) => version > (known.get(jobId)?.version ?? -1)),
    record: ({ changes, more }, delivered, now) => {
      // A state may be newer than the change that led to it. Its own change then moves it to its place, where it is kept.
      for (const { jobId, at } of changes) {
        const before = known.get(jobId)
        if (before && before.at < at) known.set(jobId, { ...before, at })
      }
      for (const change of delivered) known.set(change.jobId, change)
      if (poll === undefined) return false
      const last = changes.at(-1)
      const startedAt = poll.startedAt ?? now
      if (more && last) poll = { ...poll, startedAt, after: last }
      else end(poll, startedAt)
      return poll !== undefined
    },
    rescan: () => {
      polls = 0
    },
    fullBegun: () => fullBegun,
    fullDone: () => fullDone,
  }
}
