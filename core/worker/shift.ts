import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from '../domain/errors.ts'
import { emptyTally, type Tally } from '../domain/tally.ts'
import { createClaimer } from './claim-work.ts'
import { watchFreezes } from './freezes.ts'
import { keepLeases } from './lease-keeper.ts'
import { createMaintenance } from './maintenance.ts'
import type { DrainOptions, WorkerOptions } from './options.ts'
import { openLanes, pollQueue, type Work } from './poll.ts'
import { createPresence } from './report/presence.ts'
import { createStats } from './report/stats.ts'
import { Stopped } from './run/outcome.ts'
import { createSlots, type Slots } from './slots.ts'
import { type TimeLeft, timeLeft } from './time-left.ts'

/**
 * For how long jobs that a poll has counted and left are claimed without another poll, in milliseconds: places become free one by one. It is
 * how much later than otherwise a full worker may come upon what is due, lost or expired.
 */
const countedMs = 500

/** How long it waits for further places before such a claim, in milliseconds: about as long as a poll, and a claim of one takes as many statements as of ten. */
const furtherMs = 20

/** A worker from when it begins to drain the queue until all its runs are settled. */
export interface Shift {
  readonly tally: Tally
  readonly slots: Slots
  readonly time: TimeLeft
  /** Whether another job may be claimed: there are a free slot and time for it, and nobody has stopped the worker. */
  mayClaim(): boolean
  /** The work that a poll finds, or has left a moment ago. @returns whether there was any; false only after a poll */
  poll(): Promise<boolean>
  /** Whether more jobs waited than the last poll claimed. */
  hasBacklog(): boolean
  /** Whether it left jobs pending, also those whose provider is paused; true after a poll that failed. */
  hasLeft(): boolean
  /** The worker is full while jobs wait. */
  askForHelp(): void
  /** Whether it may end now that it has nothing to do: nobody may rely on it any more. */
  mayEnd(): Promise<boolean>
  /** Stops the runs. */
  stop(): void
  /** Waits for all runs, and reports for the last time. */
  end(): Promise<void>
}

/** Begins a shift: leases are renewed and the worker is listed from now on. */
export function beginShift(options: WorkerOptions, { deadline, signal }: DrainOptions): Shift {
  const { database, concurrency, bell, now, log } = options
  const tally = options.counts ?? emptyTally()
  const stats = options.stats ?? createStats()
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
  const presence = createPresence(options, () => ({
    inFlight: slots.inFlight.size,
    // Nobody may count on a place that is not given any more.
    concurrency: time.hasTimeFor('analysis') ? concurrency : slots.inFlight.size,
    tally: { ...tally },
    stats: stats.read(),
  }))
  const detach = bell?.attach()
  const maintenance = createMaintenance(options, slots, keeper, tally, stats)
  const mayClaim = () => !signal?.aborted && time.hasTimeFor('analysis') && slots.free() > 0
  const claim = createClaimer(options, { slots, time, keeper, freezes, maintenance, tally, stats }, mayClaim)
  let backlog = false
  let left = false
  /** What the last poll counted and nobody has claimed since, as far as this worker knows. */
  let counted: { readonly at: number; readonly waiting: Work['waiting'] } | undefined
  const { providers } = options
  const rest = async (): Promise<Work | undefined> => {
    if (counted === undefined || now() - counted.at >= countedMs) return undefined
    // Many share what a poll takes, and in its time more become free.
    if (slots.free() >= concurrency / 4) return undefined
    await delay(furtherMs)
    const { waiting } = counted
    const providerStates = await providers.states()
    const lanes = openLanes(waiting, providerStates, providers.stepProviders)
    if (lanes.length === 0) return undefined
    return { lanes, waiting, providerStates, due: false, lost: false, expired: false, blocked: false }
  }
  /** @param at when the jobs of the work were counted */
  const workOff = async (work: Work, at: number): Promise<boolean> => {
    const changed = await maintenance.run(work)
    const { content, analysis } = await claim(work)
    const claimed = content.found + analysis.found
    backlog = work.lanes.reduce((jobs, lane) => jobs + work.waiting[lane], 0) > claimed
    left = work.waiting.content + work.waiting.analysis > claimed
    counted = { at, waiting: { content: content.left, analysis: analysis.left } }
    return claimed + changed > 0
  }
  return {
    tally,
    slots,
    time,
    mayClaim,
    poll: async () => {
      try {
        const more = await rest()
        if (more && !mayClaim()) return false
        if (more && counted && (await workOff(more, counted.at))) return true
        const at = now()
        const states = await providers.states()
        return await workOff(await pollQueue(database, concurrency + 1, providers.stepProviders, states), at)
      } catch (error) {
        counted = undefined
        maintenance.onTrouble()
        left = true
        log('error', 'queue not read', { detail: reasonOf(error) })
        return false
      }
    },
    hasBacklog: () => backlog,
    hasLeft: () => left,
    askForHelp: () => presence.onBacklog(),
    mayEnd: () => {
      detach?.()
      return presence.mayEnd()
    },
    stop,
    end: async () => {
      detach?.()
      await Promise.all(slots.finished())
      clearTimeout(alarm)
      signal?.removeEventListener('abort', stop)
      keeper.stop()
      freezes.stop()
      await presence.end(!signal?.aborted && !time.hasTimeFor('analysis'))
    },
  }
}
