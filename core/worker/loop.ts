import type { Tally } from '../domain/tally.ts'
import { pause } from '../platform/async.ts'
import { settleMs } from '../queue/settle/reserved-time.ts'
import { gatherMs, lookMs, lookOut, watchfulMs } from './lookout.ts'
import type { DrainOptions, WorkerOptions } from './options.ts'
import { defaultPollMs } from './poll.ts'
import { beginShift } from './shift.ts'

/**
 * Drains the queue until it is empty and the idle time is over, or until the deadline is near: polls, maintains the queue,
 * claims up to the free slots, and claims again as soon as a slot is free. All claimed runs are settled when it returns.
 */
export async function drain(options: WorkerOptions, drained: DrainOptions): Promise<Tally> {
  const { database, idleMs, bell, waker, now, pollMs = defaultPollMs } = options
  const { signal } = drained
  const started = now()
  const shift = beginShift(options, drained)
  const { slots, time } = shift
  /** When the last claim was, and the one before. */
  let [claimedAt, claimedBefore] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  /** Until the next poll is due, or a run has ended, or a job has come that there is a place for. */
  const waitForWork = async (waitMs: number, ...signals: readonly (AbortSignal | undefined)[]) => {
    const isWatchful = slots.inFlight.size > 0 || now() - claimedAt < watchfulMs
    // What waits already has no permit, or its provider is paused; and a bell tells sooner.
    const isReady = shift.mayClaim() && !shift.hasLeft() && bell === undefined
    const lookAfterMs = Math.max(lookMs, claimedBefore + gatherMs - now())
    const lookout = isWatchful && isReady && lookAfterMs < waitMs ? lookOut(database, lookAfterMs) : undefined
    try {
      await pause(waitMs, [...slots.finished(), ...(lookout ? [lookout.seen] : [])], ...signals)
    } finally {
      await lookout?.stop()
    }
  }
  try {
    for (;;) {
      const stopping = signal?.aborted === true || time.isOver()
      if (stopping) shift.stop()
      const before = slots.ended()
      const rung = stopping ? undefined : bell?.next
      // A run that ended during the poll may have freed a place for another job.
      const polled = shift.mayClaim() && (await shift.poll())
      if (polled) [claimedAt, claimedBefore] = [now(), claimedAt]
      const found = polled || (shift.mayClaim() && slots.ended() > before)
      if (slots.inFlight.size === 0 && !found) {
        const idle = now() - started
        if (!shift.mayClaim()) break
        // Where workers are woken nobody else may come soon for what no permit was to be had.
        const isAwaited = shift.hasBacklog() && waker !== undefined
        if (idle < idleMs || isAwaited || rung?.aborted) {
          await waitForWork(isAwaited ? pollMs : Math.min(pollMs, Math.max(0, idleMs - idle)), signal, rung)
          continue
        }
        if (await shift.mayEnd()) break
      } else if (!found || !shift.mayClaim()) {
        if (shift.hasBacklog() && slots.free() === 0) shift.askForHelp()
        // Wakes when a slot is free, when the next poll is due, or to stop; while stopping, only for the slots.
        const wait = stopping ? settleMs : Math.min(pollMs, time.untilStop())
        await waitForWork(wait, stopping ? undefined : signal, rung)
      }
    }
  } finally {
    await shift.end()
  }
  return shift.tally
}
