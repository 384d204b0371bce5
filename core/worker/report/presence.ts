import { reasonOf } from '../../domain/errors.ts'
import type { WorkerOptions } from '../options.ts'
import { pollQueue, type Work } from '../poll.ts'
import { startHeartbeat, type WorkerReport } from './registry.ts'

/** Between two wakes of one full worker, in milliseconds. */
const wakeEveryMs = 1_000

/** A worker among the others: it is counted on while it reports, and calls for more when it is full. */
export interface Presence {
  /** All places are taken, and more jobs wait. */
  onBacklog(): void
  /** Whether an idle worker may end. Who makes jobs pending counts on one with a free place: it looks once more when nobody does. */
  mayEnd(): Promise<boolean>
  /** @param isOver it ends because its time is over: others take what waits */
  end(isOver: boolean): Promise<void>
}

export function createPresence(options: WorkerOptions, read: () => WorkerReport): Presence {
  const { database, waker, providers, renewMs, now, log } = options
  const report = () => startHeartbeat({ ...options, everyMs: renewMs }, read)
  let stopReporting: (() => Promise<void>) | undefined = report()
  let wokeAt = Number.NEGATIVE_INFINITY
  const stop = async () => {
    const stopIt = stopReporting
    stopReporting = undefined
    await stopIt?.()
  }
  return {
    onBacklog: () => {
      if (waker === undefined || now() - wokeAt < wakeEveryMs) return
      wokeAt = now()
      waker.wake()
    },
    mayEnd: async () => {
      if (waker === undefined) return true
      await stop()
      try {
        const work = await pollQueue(database, 1, providers.stepProviders)
        if (work.lanes.length === 0) {
          if (isPending(work)) await waker.rest()
          return true
        }
      } catch (error) {
        log('error', 'queue not read', { detail: reasonOf(error) })
        return true
      }
      stopReporting = report()
      return false
    },
    end: async (isOver) => {
      await stop()
      if (isOver) waker?.wake()
    },
  }
}

function isPending({ waiting }: Work): boolean {
  return waiting.analysis + waiting.content > 0
}
