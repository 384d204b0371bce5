import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from '../../core/domain/errors.ts'
import type { Log } from '../../core/platform/log.ts'
import type { Poller } from '../../core/worker/create-poller.ts'
import { defaultPollerSeconds, tickSeconds } from '../../core/worker/schedule.ts'
import type { Bell } from '../../core/worker/wake/bell.ts'

/** The emulated schedule, firing. */
export interface Schedule {
  /** Jobs may be pending: the workers that drain poll at once, or else one is started. */
  wake(): void
  /** Fires no more and lets the workers give back what they run; resolves when they have. */
  stop(): Promise<void>
}

interface ScheduleOptions {
  readonly bell: Bell
  readonly log: Log
  /** Waits between two starts, in milliseconds; rejects when it is aborted. */
  readonly wait?: (
    milliseconds: number,
    value: undefined,
    options: { readonly signal: AbortSignal },
  ) => Promise<unknown>
}

/** Fires the poller now and then every minute, as EventBridge Scheduler does: whether or not the last one has ended. */
export function startSchedule(poller: Pick<Poller, 'drain'>, { bell, log, wait = delay }: ScheduleOptions): Schedule {
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  const fire = (wakeId?: string) => {
    const deadline = performance.now() + defaultPollerSeconds * 1000
    const run = poller
      .drain({ deadline, signal: stopping.signal, wakeId })
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
      await wait(tickSeconds * 1000, undefined, { signal: stopping.signal })
    }
  }
  const ticking = tick().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
  })
  return {
    wake: () => {
      bell.ring()
      if (bell.attached === 0 && !stopping.signal.aborted) fire('local')
    },
    stop: async () => {
      stopping.abort()
      await ticking
      await Promise.all(running)
    },
  }
}
