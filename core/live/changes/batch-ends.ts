import type { BatchNews } from '../../batches/news.ts'
import type { Scan } from './scan.ts'

/** The number of polls for which a batch without jobs is kept, since it is deleted after its jobs. */
const emptyPolls = 20

/** A user whose batches are checked. */
export interface BatchOwner {
  readonly scan: Pick<Scan, 'fullBegun' | 'fullDone'>
  isWatched(): boolean
}

/** The state of a batch, for the watchers of its user. */
export interface BatchMessage<Owner> {
  readonly owner: Owner
  readonly news: BatchNews
}

/**
 * The batches to check. A job's end may be counted before it was delivered, and the end of a batch must come after that of
 * its last job: it is held until a full poll that began after it was read has finished.
 */
export interface BatchEnds<Owner extends BatchOwner> {
  /** Has these batches checked: one of their jobs has ended, or a watcher requested their state. */
  check(owner: Owner, batchIds: Iterable<number>): void
  /** The batches whose state is to be read. */
  unread(): readonly number[]
  /** Records what was read, and returns the states to deliver now. */
  record(read: readonly BatchNews[]): readonly BatchMessage<Owner>[]
  /** The ends that are held. */
  held(): readonly HeldEnd<Owner>[]
  /** Those of the held ends that may be delivered by now. A batch whose jobs were redriven meanwhile is checked anew. */
  release(held: readonly HeldEnd<Owner>[]): readonly BatchMessage<Owner>[]
}

export interface HeldEnd<Owner> extends BatchMessage<Owner> {
  /** The full poll that was the last one to have begun then. */
  readonly after: number
}

interface Entry<Owner> {
  readonly owner: Owner
  /** How often the batch was found without jobs. */
  readonly empty: number
  readonly held?: HeldEnd<Owner>
}

export function createBatchEnds<Owner extends BatchOwner>(): BatchEnds<Owner> {
  const due = new Map<number, Entry<Owner>>()
  const recordOne = (news: BatchNews): readonly BatchMessage<Owner>[] => {
    const { batchId, state } = news
    const entry = due.get(batchId)
    if (entry === undefined) return []
    const { owner, empty } = entry
    if (state === undefined || state.ended) {
      due.set(batchId, { owner, empty, held: { owner, news, after: owner.scan.fullBegun() } })
      return []
    }
    // A batch is deleted a little after its last job.
    if (state.jobs === 0 && empty < emptyPolls) due.set(batchId, { owner, empty: empty + 1 })
    else due.delete(batchId)
    return state.jobs > 0 || empty === 0 ? [{ owner, news }] : []
  }
  return {
    check: (owner, batchIds) => {
      for (const batchId of batchIds) due.set(batchId, { owner, empty: 0 })
    },
    unread: () => [...due].flatMap(([batchId, { held }]) => (held ? [] : [batchId])),
    record: (read) => read.flatMap(recordOne),
    held: () => [...due.values()].flatMap(({ held }) => held ?? []),
    release: (held) => {
      const ready = held.filter(({ owner, after }) => !owner.isWatched() || owner.scan.fullDone() > after)
      for (const end of ready) if (due.get(end.news.batchId)?.held === end) due.delete(end.news.batchId)
      return ready
    },
  }
}
