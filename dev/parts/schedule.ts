import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from '../../core/domain/errors.ts'
import type { Log } from '../../core/platform/log.ts'
import type { Poller } from '../../core/worker/create-worker.ts'
import { defaultPollerSeconds, tickSeconds } from '../../core/worker/schedule.ts'

/** The emulated schedule, firing. */
export interface Schedule {
  /** Fires no more and lets the workers release their jobs; resolves when they have. */
  stop(): Promise<void>
}

/** Fires the poller now and then every minute, as EventBridge Scheduler does: whether or not the previous one has ended. */
export function startSchedule(poller: Poller, log: Log, everyMs = tickSeconds * 1000): Schedule {
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  const fire = () => {
    const run = poller
      .drain({ deadline: performance.now() + defaultPollerSeconds * 1000, signal: stopping.signal })
      .then(
        (summary) => log('info', 'poller finished', { ...summary }),
        (error: unknown) => log('error', 'poller failed', { detail: reasonOf(error) }),
      )
      .finally(() => running.delete(run))
    running.add(run)
  }
  const tick = async () => {
    for (;;) {
      fire()
      await delay(everyMs, undefined, { signal: stopping.signal })
    }
  }
  const ticking = tick().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
  })
  return {
    stop: async () => {
      stopping.abort()
      await ticking
      await Promise.all(running)
    },
  }
}
