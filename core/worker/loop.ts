import { reasonOf } from '../domain/errors.ts'
import { emptyTally, type Tally } from '../domain/tally.ts'
import { pause } from '../platform/async.ts'
import { settleMs } from '../queue/settle/reserved-time.ts'
import { createClaimer } from './claim-work.ts'
import { watchFreezes } from './freezes.ts'
import { keepLeases } from './lease-keeper.ts'
import { createMaintenance } from './maintenance.ts'
import type { DrainOptions, WorkerOptions } from './options.ts'
import { defaultPollMs, pollQueue } from './poll.ts'
import { createPresence } from './report/presence.ts'
import { createStats } from './report/stats.ts'
import { Stopped } from './run/outcome.ts'
import { createSlots } from './slots.ts'
import { timeLeft } from './time-left.ts'

/**
 * Drains the queue until it is empty and the idle time is over, or until the deadline is near: polls, maintains the queue,
 * claims up to the free slots, and claims again as soon as a slot is free. All claimed runs are settled when it returns.
 */
export async function drain(options: WorkerOptions, { deadline, signal }: DrainOptions): Promise<Tally> {
  const { database, concurrency, idleMs, bell, waker, now, log, pollMs = defaultPollMs } = options
  const tally = options.counts ?? emptyTally()
  const stats = options.stats ?? createStats()
  const started = now()
  const time = timeLeft(options, deadline)
  const slots = createSlots(concurrency)
  const stop = () => {
    time.cutShort()
    slots.abort(new Stopped('the worker must stop'))
  }
  // A timer of its own, since a slow statement may delay the loop.
  const alarm = setTimeout(stop, time.untilStop())
  signal?.addEventListener('abort', stop, { once: true })
  const keeper = keepLeases(options, slots.inFlight)
  const freezes = watchFreezes({ now, wall: options.wall ?? now })
  const report = () => ({
    inFlight: slots.inFlight.size,
    // Nobody may count on a place that is not given any more.
    concurrency: time.hasTimeFor('analysis') ? concurrency : slots.inFlight.size,
    tally: { ...tally },
    stats: stats.read(),
  })
  const presence = createPresence(options, report)
  const detach = bell?.attach()
  const maintenance = createMaintenance(options, slots, keeper, tally, stats)
  const mayClaim = () => !signal?.aborted && time.hasTimeFor('analysis') && slots.free() > 0
  const claim = createClaimer(options, { slots, time, keeper, freezes, maintenance, tally, stats }, mayClaim)

  /** More jobs wait than the last poll claimed. */
  let backlog = false

  /** One poll and the work that it finds; true if there was any. */
  const poll = async (): Promise<boolean> => {
    try {
      const work = await pollQueue(database, concurrency + 1, options.providers.stepProviders)
      const changed = await maintenance.run(work)
      const claimed = await claim(work)
      backlog = work.lanes.reduce((jobs, lane) => jobs + work.waiting[lane], 0) > claimed
      return claimed + changed > 0
    } catch (error) {
      maintenance.onTrouble()
      log('error', 'queue not read', { detail: reasonOf(error) })
      return false
    }
  }

  try {
    for (;;) {
      const stopping = signal?.aborted === true || time.isOver()
      if (stopping) stop()
      const before = slots.ended()
      const rung = stopping ? undefined : bell?.next
      // A run that ended during the poll may have freed a place for another job.
      const found = mayClaim() && ((await poll()) || slots.ended() > before)
      if (slots.inFlight.size === 0 && !found) {
        const idle = now() - started
        if (!mayClaim()) break
        // Where workers are woken nobody else may come soon for what no permit was to be had.
        const isAwaited = backlog && waker !== undefined
        if (idle < idleMs || isAwaited || rung?.aborted) {
          await pause(isAwaited ? pollMs : Math.min(pollMs, Math.max(0, idleMs - idle)), [], signal, rung)
          continue
        }
        detach?.()
        if (await presence.mayEnd()) break
      } else if (!found || !mayClaim()) {
        if (backlog && slots.free() === 0) presence.onBacklog()
        // Wakes when a slot is free, when the next poll is due, or to stop; while stopping, only for the slots.
        const wait = stopping ? settleMs : Math.min(pollMs, time.untilStop())
        await pause(wait, slots.finished(), stopping ? undefined : signal, rung)
      }
    }
  } finally {
    detach?.()
    await Promise.all(slots.finished())
    clearTimeout(alarm)
    signal?.removeEventListener('abort', stop)
    keeper.stop()
    freezes.stop()
    await presence.end(!signal?.aborted && !time.hasTimeFor('analysis'))
  }
  return tally
}
