import type { CloseReason } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import { hasEnded } from '../domain/job.ts'
import type { Log } from '../platform/log.ts'
import { getVisionJob, type JobWithOutputs } from '../queue/read.ts'
import { deletedEvent, eventsAfter, type JobEvent } from './events.ts'
import type { Feed } from './feed.ts'
import { createSessions } from './sessions.ts'
import type { Sleep } from './ticker.ts'

export interface WatchRequest {
  readonly userId: string
  readonly jobId: number
  /** The version in the last event that the watcher received; 0 if none. One that the job never reached counts as none. */
  readonly after: number
  readonly transport: 'sse' | 'trpc'
  /** Aborted when the watcher has gone away. */
  readonly signal: AbortSignal
}

/** The events of one job for one watcher. Ends after the job's last event; throws `StreamClosed` if closed before that. */
export interface Watch extends AsyncIterable<JobEvent> {
  /** There is nothing to send, and nothing will come: the job has ended and the watcher knows. */
  readonly complete: boolean
}

/**
 * The stream ends before the job does: the watcher may reconnect and resume. tRPC takes an error of this name for a broken
 * connection, so that its client reconnects too.
 */
export class StreamClosed extends Error {
  /** `crowded` where it did not even begin: too many of the same user's were opened at once. */
  readonly reason: CloseReason | 'crowded'

  constructor(reason: CloseReason | 'crowded') {
    super(`the stream was closed: ${reason}`)
    this.name = 'AbortError'
    this.reason = reason
  }
}

/** The streams of this process. */
export interface Live {
  /** @throws VisionError `job.not_found`, also for another user's job */
  watch(request: WatchRequest): Promise<Watch>
  /** Resolves when everything about streams that have ended is written: a function may be frozen then. */
  settled(): Promise<void>
  /** Closes every stream, and resolves when that is written. */
  close(): Promise<void>
}

export interface LiveOptions {
  readonly database: Database
  /** How long a stream may last before it is closed, in milliseconds. */
  readonly lifeMs: number
  /** How many streams a user may have at once. */
  readonly perUser: number
  /** Where changes come from; it may be shared. */
  readonly feed: Feed
  /** How often the rows of live streams are touched, in milliseconds. */
  readonly touchMs: number
  /** How often to look for streams that another process has closed, in milliseconds. */
  readonly lookMs: number
  /** 0 to 1. */
  readonly random: () => number
  readonly sleep: Sleep
  readonly log: Log
}

export function createLive(options: LiveOptions): Live {
  const { database, feed, lifeMs, log } = options
  const onError = (what: string) => (error: unknown) => log('warn', what, { detail: reasonOf(error) })
  const sessions = createSessions({ ...options, onError: onError('sessions not written') })
  const open = new Set<(reason: CloseReason) => void>()

  const watch: Live['watch'] = async ({ userId, jobId, after, transport, signal }) => {
    const first = await getVisionJob(database, { jobId, userId })
    const known = after > first.job.version ? 0 : after
    if (hasEnded(first.job) && known === first.job.version) return { complete: true, ...nothing }

    const closing = new AbortController()
    const end = (reason: CloseReason) => closing.abort(new StreamClosed(reason))
    const session = await sessions.open({ userId, jobId, transport, lastEvent: known, onClosed: end })
    if (session === undefined) return { complete: false, ...crowded }
    const leave = () => end('left')
    const life = setTimeout(() => end('reconnect'), lifeMs)
    signal.addEventListener('abort', leave)
    open.add(end)
    const release = () => {
      open.delete(end)
      clearTimeout(life)
      signal.removeEventListener('abort', leave)
      session.close(closing.signal.reason.reason)
    }
    // Another stream may have taken its place, or its reader may have left, while its row was being inserted.
    if (signal.aborted) leave()
    if (closing.signal.aborted) release()
    else closing.signal.addEventListener('abort', release)

    const states = async function* (): AsyncGenerator<JobWithOutputs> {
      yield first
      yield* feed.watch(jobId, first.job.version, closing.signal)
    }
    const events = async function* (): AsyncGenerator<JobEvent, void> {
      let last = known
      try {
        for await (const state of states()) {
          for (const event of eventsAfter(last, state)) {
            last = event.version
            session.sent(last)
            yield event
          }
          if (hasEnded(state.job)) return end('ended')
        }
        const event = deletedEvent(jobId, last)
        session.sent(event.version)
        yield event
        end('deleted')
      } catch (error) {
        end('failed')
        throw error
      } finally {
        // A reader that stops has left.
        end('left')
      }
    }
    return { complete: false, [Symbol.asyncIterator]: events }
  }

  const settled = async () => {
    await Promise.all([feed.settled(), sessions.settled()])
  }
  return {
    watch,
    settled,
    close: async () => {
      for (const end of open) end('reconnect')
      await settled()
    },
  }
}

const crowded: AsyncIterable<JobEvent> = {
  // biome-ignore lint/correctness/useYield: it ends before its first event.
  async *[Symbol.asyncIterator]() {
    throw new StreamClosed('crowded')
  },
}

const nothing: AsyncIterable<JobEvent> = {
  async *[Symbol.asyncIterator]() {},
}
