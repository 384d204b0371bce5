import { type BatchNews, readBatchNews } from '../batches/news.ts'
import type { Database } from '../database/client.ts'
import { sessionIdleSeconds, workMs } from '../database/limits.ts'
import { hasEnded } from '../domain/job.ts'
import {
  byPlace,
  type Change,
  getBatchesOfDeleted,
  getWatchedRows,
  type Place,
  readChanges,
  type WatchedRow,
} from '../queue/changes.ts'
import { createTicker, type Sleep } from './ticker.ts'

// A change is dated by its statement and visible from its COMMIT on, so changes appear out of order. Each poll therefore
// reads the last seconds again, and each tenth one reads as far back as any open transaction can have begun. Changes that
// were delivered already are recognised by their version.

/**
 * After this time, in milliseconds, a change is visible or never will be: its transaction has ended, or its session was
 * killed.
 */
const settledMs = workMs + sessionIdleSeconds * 1_000
/** How far back each poll reads, in milliseconds: most transactions are shorter. */
const usualMs = 2_000
/** One poll in this many reads all the way back. */
const fullEvery = 10
/**
 * How far before its last event a resumed watcher starts, in milliseconds: no change can appear further behind, even with
 * slow polls.
 */
export const resumeMs = settledMs + 25_000
/** The changes of a user that one statement reads. */
const pageSize = 1_000
/** The most pages that a poll reads; the next one continues. */
const pagesPerLook = 5
/** The most users whose changes one statement reads. */
const usersPerStatement = 100
/** The most changes that are queued for a watcher; beyond that it must read them itself. */
const maxPending = 5_000
/** The number of polls for which a batch without jobs is kept, since it is deleted after its jobs. */
const emptyLooks = 20

/** The current state of a job, at its place in the order of changes; the row is undefined if it was deleted. */
export interface JobNews extends Change {
  readonly batchId: number | null
  readonly row: WatchedRow | undefined
}

/** The changes of what a watcher follows. */
export interface News {
  /** In the order of changes. */
  readonly jobs: readonly JobNews[]
  readonly batches: readonly BatchNews[]
}

/** A watcher of many jobs of one user. */
export interface Follower {
  /**
   * Resolves to the changes since the last call, as soon as there are any; undefined if there were too many to queue.
   * Throws the signal's reason once it is aborted.
   */
  next(): Promise<News | undefined>
  /** Requests the state of these batches, after all known changes of their jobs. */
  ask(batchIds: Iterable<number>): void
  /** Stops following. */
  leave(): void
}

/** The changes of users' jobs, for any number of watchers. */
export interface Changes {
  /**
   * All changes that appear from now on, each job in its then current state.
   *
   * @param now the moment by the database's clock
   * @param batchId only those of this batch
   */
  follow(userId: string, now: number, signal: AbortSignal, batchId?: number): Follower
  settled(): Promise<void>
}

export interface ChangesOptions {
  readonly database: Database
  /** The poll interval, in milliseconds. */
  readonly everyMs: number
  readonly sleep: Sleep
  readonly onError: (error: unknown) => void
}

interface Watcher {
  readonly batchId: number | undefined
  readonly jobs: Map<number, JobNews>
  readonly batches: Map<number, BatchNews>
  overflown: boolean
  wake: () => void
}

/** A user whose changes are followed. */
interface Followed {
  readonly userId: string
  readonly watchers: Set<Watcher>
  /** All changes before this moment have been seen. */
  settled: number
  /** The version of each job that was changed since then. */
  readonly known: Map<number, Change>
  looks: number
  /** How many full polls were begun, and the number of the last one that finished. */
  fullScans: number
  fullScansDone: number
  /** When the last poll began. */
  lookedAt: number
  /** The poll that is under way. */
  scan: { readonly full: number | undefined; readonly startedAt: number | undefined; readonly after: Place } | undefined
}

/** A batch to check. */
interface Due {
  readonly user: Followed
  /** How often it was found without jobs. */
  readonly empty: number
  /** It has ended: delivered once a full poll that began after this one has finished. */
  readonly held?: { readonly news: BatchNews; readonly after: number }
}

/**
 * Reads the changes of all followed users in one statement, and each changed job once for all its watchers. Does nothing
 * while there are none.
 */
export function createChanges({ database, everyMs, sleep, onError }: ChangesOptions): Changes {
  const users = new Map<string, Followed>()
  /** Batches in which a job has ended, or whose state was requested. */
  const due = new Map<number, Due>()

  const look = async () => {
    await readOf([...users.values()])
    await readBatches()
    await tellOfEnds()
  }

  const readOf = async (followed: readonly Followed[]) => {
    let unread = followed
    for (let page = 0; page < pagesPerLook && unread.length > 0; page++) {
      const more: Followed[] = []
      for (let from = 0; from < unread.length; from += usersPerStatement) {
        more.push(...(await readPage(unread.slice(from, from + usersPerStatement))))
      }
      unread = more
    }
  }

  /** @returns the users with more changes */
  const readPage = async (followed: readonly Followed[]): Promise<readonly Followed[]> => {
    const scans = followed.map((user) => (user.scan ??= beginScan(user)))
    const { now, pages } = await readChanges(
      database,
      followed.map(({ userId }, index) => ({ userId, after: scans[index]?.after ?? { at: 0, jobId: 0 } })),
      pageSize,
    )
    const fresh = followed.map((user, index) =>
      (pages[index]?.changes ?? []).filter(({ jobId, version }) => version > (user.known.get(jobId)?.version ?? -1)),
    )
    const news = await readNews(database, fresh.flat())
    // Everything is read before anything is recorded: a failed poll is repeated.
    return followed.filter((user, index) => {
      for (const change of fresh[index] ?? []) user.known.set(change.jobId, news.get(change.jobId) ?? change)
      tell(
        user,
        (fresh[index] ?? []).flatMap(({ jobId }) => news.get(jobId) ?? []),
      )
      const [page, scan] = [pages[index], scans[index]]
      const last = page?.changes.at(-1)
      const startedAt = scan?.startedAt ?? now
      if (scan && page?.more && last) user.scan = { ...scan, startedAt, after: last }
      else endScan(user, startedAt)
      return user.scan !== undefined
    })
  }

  const tell = (user: Followed, news: readonly JobNews[]) => {
    for (const { batchId, row } of news) {
      if (batchId !== null && (row === undefined || hasEnded(row))) due.set(batchId, { user, empty: 0 })
    }
    for (const watcher of user.watchers) {
      const mine = news.filter(({ batchId }) => watcher.batchId === undefined || watcher.batchId === batchId)
      for (const one of mine) watcher.jobs.set(one.jobId, one)
      if (watcher.jobs.size > maxPending) {
        watcher.jobs.clear()
        watcher.overflown = true
      }
      if (mine.length > 0) watcher.wake()
    }
  }

  const readBatches = async () => {
    const unread = [...due].flatMap(([batchId, { held }]) => (held ? [] : [batchId]))
    for (const news of await readBatchNews(database, unread)) {
      const { batchId, state } = news
      const entry = due.get(batchId)
      if (entry === undefined) continue
      const { user, empty } = entry
      if (state === undefined || state.ended) {
        due.set(batchId, { user, empty, held: { news, after: user.fullScans } })
        continue
      }
      // A batch is deleted a little after its last job.
      if (state.jobs === 0 && empty < emptyLooks) due.set(batchId, { user, empty: empty + 1 })
      else due.delete(batchId)
      if (state.jobs > 0 || empty === 0) tellOfBatch(user, news)
    }
  }

  /** A job's end may be counted before it was delivered: the end of the batch must come after that of the last job. */
  const tellOfEnds = async () => {
    const held = [...due].flatMap(([batchId, entry]) => (entry.held ? [{ batchId, ...entry, held: entry.held }] : []))
    const waiting = new Set(held.map(({ user }) => user))
    for (const user of waiting) user.looks = 0
    if (waiting.size > 0) await readOf([...waiting].filter(({ userId }) => users.has(userId)))
    for (const {
      batchId,
      user,
      held: { news, after },
    } of held) {
      if (user.watchers.size > 0 && user.fullScansDone <= after) continue
      // A batch whose jobs were redriven meanwhile is checked anew.
      if (due.get(batchId)?.held?.news === news) due.delete(batchId)
      tellOfBatch(user, news)
    }
  }

  const tellOfBatch = (user: Followed, news: BatchNews) => {
    for (const watcher of user.watchers) {
      if (watcher.batchId !== undefined && watcher.batchId !== news.batchId) continue
      watcher.batches.set(news.batchId, news)
      watcher.wake()
    }
  }
  const ticker = createTicker(everyMs, sleep, look, onError)

  return {
    follow: (userId, now, signal, batchId) => {
      const user = users.get(userId) ?? newFollowed(userId, now)
      users.set(userId, user)
      const watcher: Watcher = {
        batchId,
        jobs: new Map(),
        batches: new Map(),
        overflown: false,
        wake: () => undefined,
      }
      user.watchers.add(watcher)
      ticker.start()
      const leave = () => {
        signal.removeEventListener('abort', leave)
        user.watchers.delete(watcher)
        if (user.watchers.size === 0 && users.get(userId) === user) users.delete(userId)
        if (users.size === 0) ticker.stop()
        watcher.wake()
      }
      signal.addEventListener('abort', leave)
      const ask = (batchIds: Iterable<number>) => {
        for (const asked of batchIds) due.set(asked, { user, empty: 0 })
      }
      return { next: () => nextOf(watcher, signal), ask, leave }
    },
    settled: () => ticker.settled(),
  }
}

function newFollowed(userId: string, now: number): Followed {
  const settled = now - settledMs
  return {
    userId,
    watchers: new Set(),
    settled,
    known: new Map(),
    ...{ looks: 0, fullScans: 0, fullScansDone: 0 },
    lookedAt: settled,
    scan: undefined,
  }
}

function beginScan(user: Followed): NonNullable<Followed['scan']> {
  const full = user.looks++ % fullEvery === 0 ? ++user.fullScans : undefined
  const from = full ? user.settled : Math.max(user.settled, user.lookedAt - usualMs)
  return { full, startedAt: undefined, after: { at: from, jobId: 0 } }
}

/** @param startedAt the moment of its first statement */
function endScan(user: Followed, startedAt: number): void {
  if (user.scan?.full) {
    user.fullScansDone = user.scan.full
    user.settled = startedAt - settledMs
    for (const [jobId, { at }] of user.known) if (at < user.settled) user.known.delete(jobId)
  }
  user.lookedAt = startedAt
  user.scan = undefined
}

async function nextOf(watcher: Watcher, signal: AbortSignal): Promise<News | undefined> {
  for (;;) {
    signal.throwIfAborted()
    if (watcher.overflown) {
      watcher.overflown = false
      return undefined
    }
    if (watcher.jobs.size > 0 || watcher.batches.size > 0) {
      const news = { jobs: [...watcher.jobs.values()].toSorted(byPlace), batches: [...watcher.batches.values()] }
      watcher.jobs.clear()
      watcher.batches.clear()
      return news
    }
    await new Promise<void>((resolve) => (watcher.wake = resolve))
  }
}

/** The current state of changed jobs, by their ids: at most two statements. A job that was deleted meanwhile is left out. */
export async function readNews(database: Database, changes: readonly Change[]): Promise<ReadonlyMap<number, JobNews>> {
  const [gone, there] = [changes.filter(({ gone }) => gone), changes.filter(({ gone }) => !gone)]
  const rows = await getWatchedRows(
    database,
    there.map(({ jobId }) => jobId),
  )
  const batches = await getBatchesOfDeleted(
    database,
    gone.map(({ jobId }) => jobId),
  )
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  const news = changes.flatMap((change): [number, JobNews][] => {
    const { jobId } = change
    if (change.gone) return [[jobId, { ...change, batchId: batches.get(jobId) ?? null, row: undefined }]]
    const row = rowOf.get(jobId)
    // It keeps its place: the changes between that and its latest one have not been delivered yet.
    return row ? [[jobId, { ...change, version: row.version, batchId: row.batchId, row }]] : []
  })
  return new Map(news)
}
