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

// A change has the moment of its statement and is seen from its COMMIT on, so changes come to light out of their order. What
// is looked at is therefore looked at again: the last seconds each time, and each tenth time as far back as any transaction
// that is still under way can have begun. What was told already is known by its version.

/** After so long, in milliseconds, a change is either seen or never will be: its transaction has ended, or its session was killed. */
const settledMs = workMs + sessionIdleSeconds * 1_000
/** So far back each look goes, in milliseconds: most transactions take less. */
const usualMs = 2_000
/** Every so many looks one goes back all the way. */
const fullEvery = 10
/**
 * Whoever comes back begins so far before the last change that it was told of, in milliseconds: nothing that comes to light
 * later is further behind, with time to spare for slow looks.
 */
export const resumeMs = settledMs + 25_000
/** The changes of a user that one statement reads. */
const pageSize = 1_000
/** So many pages a look may take; the next goes on. */
const pagesPerLook = 5
/** So many users' changes are read by one statement. */
const usersPerStatement = 100
/** So many changes a watcher may have before it; after that it is to look for itself. */
const maxPending = 5_000
/** So many looks a batch without jobs is looked at, since it is deleted after them. */
const emptyLooks = 20

/** A job as it is now, at the place where it was found in the order of changes; its row is undefined if it is gone. */
export interface JobNews extends Change {
  readonly batchId: number | null
  readonly row: WatchedRow | undefined
}

/** What has changed of what somebody watches. */
export interface News {
  /** In the order of changes. */
  readonly jobs: readonly JobNews[]
  readonly batches: readonly BatchNews[]
}

/** Somebody who watches many jobs of one user. */
export interface Follower {
  /**
   * Resolves to what has changed since the last call, once something has; undefined if that was too much to keep. Throws the
   * signal's reason once it is aborted.
   */
  next(): Promise<News | undefined>
  /** Has it told how these batches stand, once all that is known of their jobs was told. */
  ask(batchIds: Iterable<number>): void
  /** Follows no longer. */
  leave(): void
}

/** The changes of users' jobs, for any number of watchers. */
export interface Changes {
  /**
   * All changes that come to light from now on, each job as it then is.
   *
   * @param now the moment by the database's clock
   * @param batchId only those of this batch
   */
  follow(userId: string, now: number, signal: AbortSignal, batchId?: number): Follower
  settled(): Promise<void>
}

export interface ChangesOptions {
  readonly database: Database
  /** How often the database is looked at, in milliseconds. */
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
  /** What was changed before is all seen. */
  settled: number
  /** The version of each job that was changed since then. */
  readonly known: Map<number, Change>
  looks: number
  /** How many looks that go back all the way were begun, and the number of the last that came to its end. */
  fullScans: number
  fullScansDone: number
  /** When the last look began. */
  lookedAt: number
  /** The look under way. */
  scan: { readonly full: number | undefined; readonly startedAt: number | undefined; readonly after: Place } | undefined
}

/** A batch that is to be looked at. */
interface Due {
  readonly user: Followed
  /** How often it was found without jobs. */
  readonly empty: number
  /** That it has ended: told once a look that goes back all the way, later than this one, has come to its end. */
  readonly held?: { readonly news: BatchNews; readonly after: number }
}

/**
 * Reads the changes of all users who are watched in one statement, and each job that changed once, for all its watchers.
 * Does nothing while there are none.
 */
export function createChanges({ database, everyMs, sleep, onError }: ChangesOptions): Changes {
  const users = new Map<string, Followed>()
  /** Batches that something ended in, or that somebody has asked for. */
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

  /** @returns those of whom there is more */
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
    // Nothing is noted before everything is read: a look that fails is repeated.
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
      // It is deleted a little after its last job.
      if (state.jobs === 0 && empty < emptyLooks) due.set(batchId, { user, empty: empty + 1 })
      else due.delete(batchId)
      if (state.jobs > 0 || empty === 0) tellOfBatch(user, news)
    }
  }

  /** A job whose end was counted may not have been told of: nobody is to hear of the end before that of the last job. */
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
      // One that has begun to live again meanwhile is looked at anew.
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

/** Changed jobs as they are now, by their ids: two statements at most. One that was deleted meanwhile is left out. */
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
    // It stays at the place where it was found: what is between that and its last one is not told yet.
    return row ? [[jobId, { ...change, version: row.version, batchId: row.batchId, row }]] : []
  })
  return new Map(news)
}
