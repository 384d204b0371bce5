import { hasEnded } from '../domain/job.ts'
import { getVisionJob, type JobWithOutputs } from '../queue/read/read.ts'
import type { Changes } from './changes/changes.ts'
import type { Feed } from './changes/feed.ts'
import { deletedEvent, eventsAfter, type JobEvent } from './events.ts'
import { type ConnectionOptions, createConnections, StreamClosed } from './slots/connections.ts'
import { type ManyEvent, type WatchManyRequest, watchMany } from './watch-many.ts'

export interface WatchRequest {
  readonly userId: string
  readonly jobId: number
  /**
   * The version in the last event that the watcher received; 0 if none. A version that the job never reached counts as
   * none.
   */
  readonly after: number
  readonly transport: 'sse' | 'trpc'
  /** Aborted when the watcher has gone away. */
  readonly signal: AbortSignal
}

/** Events for one watcher. Ends after the final one; throws `StreamClosed` if it was closed before. */
export interface Watch<Event = JobEvent> extends AsyncIterable<Event> {
  /** There is nothing to send now or later: the job has ended, and the watcher knows it. */
  readonly complete: boolean
}

/** The streams of this process. */
export interface Live {
  /** @throws VisionError `job.not_found`, also for another user's job */
  watch(request: WatchRequest): Promise<Watch>
  /**
   * All jobs of a user, or of one batch.
   *
   * @throws VisionError `batch.not_found`, also for another user's batch
   */
  watchMany(request: WatchManyRequest): Promise<Watch<ManyEvent>>
  /** Resolves when everything about ended streams has been written: a function may be frozen then. */
  settled(): Promise<void>
  /** Closes every stream, and resolves when that is written. */
  close(): Promise<void>
}

export interface LiveOptions extends ConnectionOptions {
  /** The source of changes of single jobs; it may be shared. */
  readonly feed: Feed
  /** The source of changes of all jobs of a user. */
  readonly changes: Changes
}

export function createLive(options: LiveOptions): Live {
  const { database, feed, changes, sleep } = options
  const connections = createConnections(options)

  const watch: Live['watch'] = async ({ userId, jobId, after, transport, signal }) => {
    const first = await getVisionJob(database, { jobId, userId })
    const known = after > first.job.version ? 0 : after
    if (hasEnded(first.job) && known === first.job.version) return { complete: true, ...nothing }

    const connection = await connections.open({ userId, jobId, transport, lastEvent: known }, signal)
    if (connection === undefined) return { complete: false, ...crowded }
    const { closing, end, sent } = connection

    const states = async function* (): AsyncGenerator<JobWithOutputs> {
      yield first
      yield* feed.watch(jobId, first.job.version, closing)
    }
    const events = async function* (): AsyncGenerator<JobEvent, void> {
      let last = known
      try {
        for await (const state of states()) {
          for (const event of eventsAfter(last, state)) {
            last = event.version
            sent(last)
            yield event
          }
          if (hasEnded(state.job)) return end('ended')
        }
        const event = deletedEvent(jobId, last)
        sent(event.version)
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

  return {
    watch,
    watchMany: async (request) => {
      const found = await watchMany(request, { database, changes, sleep, open: connections.open })
      if (found === 'complete') return { complete: true, ...nothing }
      if (found === 'crowded') return { complete: false, ...crowded }
      return { complete: false, ...found }
    },
    settled: async () => {
      await Promise.all([feed.settled(), changes.settled(), connections.settled()])
    },
    close: async () => {
      connections.closeAll()
      await Promise.all([feed.settled(), changes.settled(), connections.settled()])
    },
  }
}

const crowded: AsyncIterable<never> = {
  // biome-ignore lint/correctness/useYield: it ends before its first event.
  async *[Symbol.asyncIterator]() {
    throw new StreamClosed('crowded')
  },
}

const nothing: AsyncIterable<never> = {
  async *[Symbol.asyncIterator]() {},
}
