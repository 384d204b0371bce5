import { readBatchNews } from '../../batches/news.ts'
import type { Database } from '../../database/client.ts'
import { hasEnded } from '../../domain/job.ts'
import { readChanges } from '../../queue/read/changes.ts'
import { createTicker, type Sleep } from '../ticker.ts'
import { type BatchMessage, createBatchEnds } from './batch-ends.ts'
import { createMailbox, type Mailbox } from './mailbox.ts'
import { type JobNews, type News, readNews } from './news.ts'
import { createScan, type Scan, settledMs } from './scan.ts'

/**
 * How far before its last event a resumed watcher starts, in milliseconds: no change can appear further behind, even with
 * slow polls.
 */
export const resumeMs = settledMs + 25_000
/** The changes of a user that one statement reads. */
const pageSize = 1_000
/** The most pages that a poll reads; the next one continues. */
const pagesPerPoll = 5
/** The most users whose changes one statement reads. */
const usersPerStatement = 100

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

/** A user whose changes are followed, with the mailbox of each watcher. */
interface Followed {
  readonly userId: string
  readonly scan: Scan
  readonly mailboxes: Set<Mailbox>
  isWatched(): boolean
  follows(batchId: number): boolean
}

/**
 * Reads the changes of all followed users in one statement, and each changed job once for all its watchers. Does nothing
 * while there are none.
 */
export function createChanges({ database, everyMs, sleep, onError }: ChangesOptions): Changes {
  const users = new Map<string, Followed>()
  const ends = createBatchEnds<Followed>()

  const poll = async () => {
    await readOf([...users.values()])
    const asked = ends.unread()
    deliverBatches(ends.record(asked, await readBatchNews(database, [...asked.keys()])))
    const held = ends.held()
    const owners = new Set(held.map(({ owner }) => owner))
    for (const { scan } of owners) scan.rescan()
    await readOf([...owners])
    deliverBatches(ends.release(held))
  }

  const readOf = async (followed: readonly Followed[]) => {
    let unread = followed.filter((user) => user.isWatched())
    for (let page = 0; page < pagesPerPoll && unread.length > 0; page++) {
      const more: Followed[] = []
      for (let from = 0; from < unread.length; from += usersPerStatement) {
        more.push(...(await readPage(unread.slice(from, from + usersPerStatement))))
      }
      unread = more
    }
  }

  /** @returns the users with more changes */
  const readPage = async (followed: readonly Followed[]): Promise<readonly Followed[]> => {
    const froms = followed.map(({ userId, scan }) => ({ userId, after: scan.next() }))
    const { now, pages } = await readChanges(database, froms, pageSize)
    const read = followed.map((user, index) => {
      const page = pages[index] ?? { changes: [], more: false }
      return { user, page, unseen: user.scan.unseen(page.changes) }
    })
    const news = await readNews(
      database,
      read.flatMap(({ unseen }) => unseen),
    )
    // Everything is read before anything is recorded: a failed poll is repeated.
    return read.flatMap(({ user, page, unseen }) => {
      deliverJobs(
        user,
        unseen.flatMap(({ jobId }) => news.get(jobId) ?? []),
      )
      const delivered = unseen.map((change) => news.get(change.jobId) ?? change)
      return user.scan.record(page, delivered, now) ? [user] : []
    })
  }

  const deliverJobs = (user: Followed, news: readonly JobNews[]) => {
    const ended = news.filter(({ row }) => row === undefined || hasEnded(row))
    ends.check(
      user,
      ended.flatMap(({ batchId }) => batchId ?? []),
    )
    for (const mailbox of user.mailboxes) mailbox.putJobs(news)
  }

  const deliverBatches = (messages: readonly BatchMessage<Followed>[]) => {
    for (const { owner, news } of messages) for (const mailbox of owner.mailboxes) mailbox.putBatch(news)
  }
  const ticker = createTicker(everyMs, sleep, poll, onError)

  return {
    follow: (userId, now, signal, batchId) => {
      const user = users.get(userId) ?? newFollowed(userId, now)
      users.set(userId, user)
      const mailbox = createMailbox(batchId)
      user.mailboxes.add(mailbox)
      ticker.start()
      const leave = () => {
        signal.removeEventListener('abort', leave)
        user.mailboxes.delete(mailbox)
        if (!user.isWatched() && users.get(userId) === user) users.delete(userId)
        if (users.size === 0) ticker.stop()
        mailbox.wake()
      }
      signal.addEventListener('abort', leave)
      return { next: () => mailbox.take(signal), ask: (batchIds) => ends.check(user, batchIds), leave }
    },
    settled: () => ticker.settled(),
  }
}

function newFollowed(userId: string, now: number): Followed {
  const mailboxes = new Set<Mailbox>()
  return {
    userId,
    scan: createScan(now),
    mailboxes,
    isWatched: () => mailboxes.size > 0,
    follows: (batchId) => [...mailboxes].some((mailbox) => mailbox.batchId === batchId),
  }
}
