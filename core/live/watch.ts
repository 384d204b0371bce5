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
  /** The version in the last event that the watcher had; 0 if it had none. One that the job never came to counts as none. */
  readonly after: number
  readonly transport: 'sse' | 'trpc'
  /** Aborted when the watcher has gone away. */
  readonly signal: AbortSignal
}

/** The events of one job to one watcher. It ends after the job's last event, and throws `StreamClosed` when cut before. */
export interface Watch extends AsyncIterable<JobEvent> {
  /** There is nothing to say, and nothing will come: the job has ended and the watcher knows. */
  readonly complete: boolean
}

/**
 * The watch ends before the job does: the watcher may come back and go on. Its name is what tRPC takes for a connection
 * that broke, so that its client comes back too.
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

/** All that is watched in this process. */
export interface Live {
  /** @throws VisionError `job.not_found`, also for another user's job */
  watch(request: WatchRequest): Promise<Watch>
  /** Resolves when what was being written for watches that have ended is written: a function may be frozen then. */
  settled(): Promise<void>
  /** Cuts every watch, and resolves when that is written. */
  close(): Promise<void>
}

export interface LiveOptions {
  readonly database: Database
  /** A watch is cut after so long, in milliseconds. */
  readonly lifeMs: number
  /** At most so many watches of a user at once. */
  readonly perUser: number
  /** What tells of changes; others may have it too. */
  readonly feed: Feed
  /** How often it is told which watches live, in milliseconds. */
  readonly touchMs: number
  /** How often it is looked which of them have to end, in milliseconds. */
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

    const cut = new AbortController()
    const end = (reason: CloseReason) => cut.abort(new StreamClosed(reason))
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
      session.close(cut.signal.reason.reason)
    }
    // Somebody may have taken its place, or it may have left, while its row was being inserted.
    if (signal.aborted) leave()
    if (cut.signal.aborted) release()
    else cut.signal.addEventListener('abort', release)

    const states = async function* (): AsyncGenerator<JobWithOutputs> {
      yield first
      yield* feed.watch(jobId, first.job.version, cut.signal)
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
        // Whoever stops reading has gone.
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
