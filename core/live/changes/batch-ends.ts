import type { BatchNews } from '../../batches/news.ts'
import type { Scan } from './scan.ts'

/** The number of polls for which a batch without jobs is kept, since it is deleted after its jobs. */
const emptyPolls = 20
/**
 * How often, in polls, a batch is read again that has ended and takes jobs yet, or has none, while a stream of its own is
 * open: its closing or deletion changes no job.
 */
export const restPolls = 10

/** A user whose batches are checked. */
export interface BatchOwner {
  readonly scan: Pick<Scan, 'fullBegun' | 'fullDone'>
  isWatched(): boolean
  /** Whether somebody watches just this batch. */
  follows(batchId: number): boolean
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
  /**
   * Has these batches checked: one of their jobs has ended, or a watcher requested their state. Does nothing for an owner
   * whom nobody watches any more: its user may be watched anew by then, and that check would have its result told to nobody.
   */
  check(owner: Owner, batchIds: Iterable<number>): void
  /** The batches whose state is to be read, by their ids. */
  unread(): ReadonlyMap<number, Entry<Owner>>
  /**
   * Records what was read, and returns the states to deliver now. What was checked anew meanwhile is read again: a state
   * that was read before it was requested may lack the changes that its watcher knows.
   *
   * @param asked what was unread before the states were read
   */
  record(asked: ReadonlyMap<number, Entry<Owner>>, read: readonly BatchNews[]): readonly BatchMessage<Owner>[]
  /** The ends that are held. */
  held(): readonly HeldEnd<Owner>[]
  /** Those of the held ends that may be delivered by now. A batch whose jobs were redriven meanwhile is checked anew. */
  release(held: readonly HeldEnd<Owner>[]): readonly BatchMessage<Owner>[]
}

export interface HeldEnd<Owner> extends BatchMessage<Owner> {
  /** The full poll that was the last one to have begun then. */
  readonly after: number
}

/** A batch that is to be checked. */
interface Entry<Owner> {
  readonly owner: Owner
  /** How often the batch was found without jobs. */
  readonly empty: number
  /** The end that was delivered after this check was requested, which is not delivered again if nothing else is found. */
  readonly told?: BatchNews
  /** Nothing is to be told of it before it is closed or deleted. */
  readonly rests?: true
  readonly held?: HeldEnd<Owner>
}

export function createBatchEnds<Owner extends BatchOwner>(): BatchEnds<Owner> {
  const due = new Map<number, Entry<Owner>>()
  let polls = 0
  /** Forgets a batch, unless somebody is to be told of its closing or deletion. */
  const rest = (owner: Owner, told: BatchNews) => {
    const { batchId, closed, state } = told
    if (state === undefined || closed || !owner.follows(batchId)) due.delete(batchId)
    else due.set(batchId, { owner, empty: emptyPolls, told, rests: true })
  }
  const recordOne = (entry: Entry<Owner>, news: BatchNews): readonly BatchMessage<Owner>[] => {
    const { batchId, state } = news
    const { owner, empty, told, rests } = entry
    // By an import it would be loaded, and all that it brings, at each start.
    if (process.getBuiltinModule('node:util').isDeepStrictEqual(told, news)) {
      rest(owner, news)
      return []
    }
    if (state === undefined || state.ended) {
      due.set(batchId, { owner, empty, held: { owner, news, after: owner.scan.fullBegun() } })
      return []
    }
    // A batch is deleted a little after its last job.
    if (state.jobs === 0 && empty < emptyPolls) due.set(batchId, { owner, empty: empty + 1 })
    else if (state.jobs === 0) rest(owner, news)
    else due.delete(batchId)
    return !rests && (state.jobs > 0 || empty === 0) ? [{ owner, news }] : []
  }
  return {
    check: (owner, batchIds) => {
      if (!owner.isWatched()) return
      for (const batchId of batchIds) due.set(batchId, { owner, empty: 0 })
    },
    unread: () => {
      for (const [batchId, { owner, rests }] of due) {
        if (!owner.isWatched() || (rests && !owner.follows(batchId))) due.delete(batchId)
      }
      const restsToo = ++polls % restPolls === 0
      return new Map([...due].filter(([, { held, rests }]) => held === undefined && (restsToo || !rests)))
    },
    record: (asked, read) =>
      read.flatMap((news) => {
        const entry = due.get(news.batchId)
        return entry === undefined || entry !== asked.get(news.batchId) ? [] : recordOne(entry, news)
      }),
    held: () => [...due.values()].flatMap(({ held }) => held ?? []),
    release: (held) => {
      const ready = held.filter(({ owner, after }) => !owner.isWatched() || owner.scan.fullDone() > after)
      for (const end of ready) {
        const { batchId } = end.news
        const entry = due.get(batchId)
        if (entry?.held === end) rest(end.owner, end.news)
        else if (entry?.owner === end.owner) due.set(batchId, { ...entry, told: end.news })
      }
      return ready
    },
  }
}
