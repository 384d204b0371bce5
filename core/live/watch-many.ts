import { getBatch } from '../batches/batches.ts'
import { type BatchNews, readBatchNews } from '../batches/news.ts'
import type { Database } from '../database/client.ts'
import { hasEnded } from '../domain/job.ts'
import {
  byPlace,
  type Change,
  type Place,
  readBatchChanges,
  readChanges,
  readClock,
  type WatchedRow,
} from '../queue/read/changes.ts'
import { type Changes, resumeMs } from './changes/changes.ts'
import { type JobNews, readNews } from './changes/news.ts'
import { idOf, type Known } from './event-id.ts'
import type { Connections } from './slots/connections.ts'
import type { Sleep } from './ticker.ts'

export interface WatchManyRequest {
  readonly userId: string
  /** Only the jobs of this batch. */
  readonly batchId: number | undefined
  /** The position of the watcher's last event; undefined if there was none. */
  readonly known: Known | undefined
  /** The moment from which a first-time watcher gets changes, in milliseconds since the epoch. */
  readonly since: number | undefined
  readonly transport: 'sse' | 'trpc'
  /** Aborted when the watcher has gone away. */
  readonly signal: AbortSignal
}

/** An event for a watcher of many jobs, with its id. */
export type ManyEvent = { readonly id: string } & (
  | { readonly type: 'job'; readonly row: WatchedRow }
  | { readonly type: 'deleted'; readonly jobId: number; readonly batchId: number | null; readonly version: number }
  | { readonly type: 'batch'; readonly news: BatchNews }
)

export interface WatchManyOptions {
  readonly database: Database
  readonly changes: Changes
  readonly open: Connections['open']
  readonly sleep: Sleep
}

/** How far back a first-time watcher gets changes, in milliseconds. */
const recentMs = 60_000
/** The page size for a watcher that catches up, in jobs. */
const pageSize = 500
/** The pause between two such pages, in milliseconds: no watcher gets more than 2,000 jobs a second. */
const paceMs = 250
/** The most batch ends that a watcher gets while it catches up. */
const maxBatches = 100

/**
 * The events of all jobs of a user, or of one batch, for one watcher: first the changes since its last event, then changes
 * as they appear. Each event has the current state of its job, with its version.
 *
 * It starts far enough before the last event that no change can have been missed, so a watcher may get a version twice, but
 * never misses one.
 *
 * @returns `complete` if no more events will come, `crowded` if the same user has opened too many streams at once
 * @throws VisionError `batch.not_found`
 */
export async function watchMany(
  request: WatchManyRequest,
  { database, changes, open, sleep }: WatchManyOptions,
): Promise<AsyncIterable<ManyEvent> | 'complete' | 'crowded'> {
  const { userId, batchId, known, transport, signal } = request
  if (batchId !== undefined) await getBatch(database, { userId, batchId })
  const now = await readClock(database)
  const start = startOf(request, now)
  if (batchId !== undefined && known?.ended && (await isOver(database, batchId, known.place))) return 'complete'

  const connection = await open({ userId, jobId: 0, transport, lastEvent: 0 }, signal)
  if (connection === undefined) return 'crowded'
  const { closing, end, sent } = connection

  const events = async function* (): AsyncGenerator<ManyEvent, void> {
    /** The last version of each job that the watcher was sent. */
    const lastSent = new Map<number, Change>()
    let place = start
    /** The last change of any state that was sent, which may have been read later than the change that led to it. */
    let latest = start
    let events = 0
    const send = (event: DistributiveOmit<ManyEvent, 'id'>, ended = false): ManyEvent => {
      sent(++events)
      return { ...event, id: idOf({ place, ended }) }
    }
    const jobEvents = function* (news: Iterable<JobNews>) {
      for (const one of news) {
        // A late change lies behind the position that was sent; it may be sent again after a disconnect.
        if (byPlace(one, place) > 0) place = { at: one.at, jobId: one.jobId }
        const read = { at: one.row?.updatedAt.getTime() ?? one.at, jobId: one.jobId }
        if (byPlace(read, latest) > 0) latest = read
        if (one.version <= (lastSent.get(one.jobId)?.version ?? -1)) continue
        lastSent.set(one.jobId, one)
        yield send(eventOf(one))
      }
      for (const [jobId, { at }] of lastSent) {
        if (lastSent.size <= pageSize) break
        if (at < place.at - resumeMs) lastSent.delete(jobId)
      }
    }
    const batchEvents = function* (news: BatchNews) {
      const over = news.batchId === batchId && (news.state === undefined || (news.state.ended && news.closed))
      // Nothing between the two is left to be sent: the end is told after all changes.
      if (over && byPlace(latest, place) > 0) place = latest
      yield send({ type: 'batch', news }, over)
      if (over) end(news.state === undefined ? 'deleted' : 'ended')
    }
    let from = known === undefined ? place.at : place.at - resumeMs
    const follower = changes.follow(userId, now, closing, batchId)
    try {
      for (;;) {
        const ended = new Set<number>(batchId === undefined ? [] : [batchId])
        for await (const page of missed(database, { userId, batchId, from }, pause)) {
          closing.throwIfAborted()
          for (const { batchId: of, row } of page) {
            if (of !== null && ended.size < maxBatches && (row === undefined || hasEnded(row))) ended.add(of)
          }
          yield* jobEvents(page)
        }
        follower.ask(ended)
        for (;;) {
          const news = await follower.next()
          if (news === undefined) {
            from = place.at - resumeMs
            break
          }
          yield* jobEvents(news.jobs)
          for (const one of news.batches) {
            yield* batchEvents(one)
            if (closing.aborted) return
          }
        }
      }
    } catch (error) {
      end('failed')
      throw error
    } finally {
      follower.leave()
      // A reader that stops has left.
      end('left')
    }
  }
  const pause = () => sleep(paceMs, closing).catch(() => closing.throwIfAborted())
  return { [Symbol.asyncIterator]: events }
}

type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never

/** A batch is small enough for a first-time watcher to get all its jobs. */
function startOf({ batchId, known, since }: WatchManyRequest, now: number): Place {
  // A moment in the future would hide changes until then.
  if (known !== undefined) return known.place.at > now ? { at: now, jobId: 0 } : known.place
  const first = batchId === undefined ? now - recentMs : 0
  return { at: Math.max(0, Math.min(since ?? first, now)), jobId: 0 }
}

/** Whether a batch has ended, is closed, and has not changed since. */
async function isOver(database: Database, batchId: number, place: Place): Promise<boolean> {
  const [news] = await readBatchNews(database, [batchId])
  if (!news?.state?.ended || !news.closed) return false
  const changes = await readBatchChanges(database, batchId, place.at)
  return changes.every((change) => byPlace(change, place) <= 0)
}

/** The changes since a moment in their current state, a page at a time. */
async function* missed(
  database: Database,
  { userId, batchId, from }: { readonly userId: string; readonly batchId: number | undefined; readonly from: number },
  pause: () => Promise<void>,
): AsyncGenerator<readonly JobNews[]> {
  let pages = 0
  for await (const page of batchId === undefined ? ofUser(database, userId, from) : ofBatch(database, batchId, from)) {
    if (pages++ > 0) await pause()
    yield [...(await readNews(database, page)).values()].toSorted(byPlace)
  }
}

async function* ofUser(database: Database, userId: string, from: number): AsyncGenerator<readonly Change[]> {
  let after: Place = { at: Math.max(0, from), jobId: 0 }
  for (;;) {
    const { pages } = await readChanges(database, [{ userId, after }], pageSize)
    const { changes, more } = pages[0] ?? { changes: [], more: false }
    const last = changes.at(-1)
    yield changes
    if (!more || last === undefined) return
    after = last
  }
}

async function* ofBatch(database: Database, batchId: number, from: number): AsyncGenerator<readonly Change[]> {
  const changes = await readBatchChanges(database, batchId, Math.max(0, from))
  for (let at = 0; at < changes.length; at += pageSize) yield changes.slice(at, at + pageSize)
}

function eventOf({ jobId, batchId, version, row }: JobNews): DistributiveOmit<ManyEvent, 'id'> {
  return row === undefined ? { type: 'deleted', jobId, batchId, version } : { type: 'job', row }
}
