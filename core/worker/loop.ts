import { setTimeout as delay } from 'node:timers/promises'
import type { Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import type { Run } from '../domain/run.ts'
import { type Counts, noCounts, type Summary } from '../domain/tally.ts'
import type { Log, LogFields } from '../platform/log.ts'
import { providerOf } from '../providers/circuit-breaker.ts'
import type { Permit, ProviderAccess } from '../providers/permits.ts'
import type { BackoffOptions } from '../queue/backoff.ts'
import { claimPendingVisionJobs, crashesUntilAlone } from '../queue/claim.ts'
import { admitVisionJobs, usersToAdmit } from '../queue/concurrency-limit.ts'
import { expireVisionJobs } from '../queue/expire.ts'
import { settleMs } from '../queue/limits.ts'
import { promoteDueVisionJobs } from '../queue/promote.ts'
import { type LostRun, reclaimVisionJobs } from '../queue/reclaim.ts'
import { tryLockUser } from '../queue/users.ts'
import { execute, type Steps, Stopped } from './execute.ts'
import { watchFreezes } from './freezes.ts'
import { type InFlight, keepLeases } from './lease-keeper.ts'
import { type Look, lookForWork } from './poll.ts'
import { startHeartbeat } from './registry.ts'

export interface WorkerOptions {
  readonly database: Database
  readonly steps: Steps
  readonly providers: ProviderAccess
  /** Names the worker in leases and attempts; its own for each drain. */
  readonly workerId: string
  /** Where it can be followed, for the operator: a log stream; the host's name if left out. */
  readonly host?: string | undefined
  /** At most so many jobs in flight. */
  readonly concurrency: number
  /** How many of a user's jobs may be in flight, in all workers together. */
  readonly inFlightPerUser: number
  /** What the calls of one user may cost in a day, in nano-dollars; not limited if left out. */
  readonly costPerDay?: number | undefined
  /** How long a lease lasts, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** How often leases are renewed, in milliseconds: at most half of `leaseMs`. */
  readonly renewMs: number
  /** How long after its start an idle worker goes on looking, in milliseconds; 0 drains and exits. */
  readonly idleMs: number
  /** How often it looks while there is nothing to do, in milliseconds; every 2 seconds if not given. */
  readonly lookMs?: number | undefined
  /** How long each step may take, in milliseconds: none is begun with less time left. */
  readonly stepMs: Readonly<Record<Step, number>>
  /** How long the paid call of a step may take, in milliseconds: none goes out with less time left. */
  readonly callMs: number
  readonly retry: BackoffOptions
  /** How long a job waits at first, at least, whose provider is not to be had, in milliseconds; and a lane without its bucket. */
  readonly providerWaitMs: number
  readonly log: Log
  /** Counted up as things happen, for who looks on meanwhile. */
  readonly counts?: Counts
  /** Milliseconds, of any clock that only goes forward. */
  readonly now: () => number
  /** Milliseconds of the wall's clock, by which the worker knows that its whole machine stood still; not looked at if left out. */
  readonly wall?: (() => number) | undefined
}

export interface DrainOptions {
  /** When the worker is killed, by `now`; it has settled everything before. */
  readonly deadline: number
  /** Aborted when the worker must stop early: it gives back what it runs. */
  readonly signal?: AbortSignal
}

/** A job waits for half of it on average, in milliseconds. */
const defaultLookMs = 2_000

/** For so long, in milliseconds, before its deadline nothing is saved again: the function needs it to end. */
const farewellMs = 1_000

/**
 * Drains the queue until it is empty and the idle time is over, or until the deadline is near: takes back what dead
 * workers left, promotes what is due, claims up to the free slots, runs the jobs side by side, and claims again the
 * moment a slot frees. Everything it claimed is settled when it returns.
 */
export async function drain(options: WorkerOptions, { deadline, signal }: DrainOptions): Promise<Summary> {
  const { database, providers, concurrency, idleMs, leaseMs, renewMs, workerId, retry, stepMs, callMs, now, log } =
    options
  const { inFlightPerUser, costPerDay, lookMs = defaultLookMs } = options
  const counts = options.counts ?? noCounts()
  const started = now()
  const stopAt = deadline - settleMs
  const inFlight = new Map<Run, InFlight>()
  const hasTimeFor = (step: Step) => now() + stepMs[step] <= stopAt
  let saveUntil = deadline - farewellMs
  if (!hasTimeFor('analysis')) {
    log('error', 'the function’s time does not suffice for one job', { milliseconds: Math.round(deadline - started) })
  }
  // Providers have gates; the bucket has none, so a lane that met its absence is left alone for a while.
  const pausedUntil: Record<Step, number> = { analysis: 0, content: 0 }
  // One run at a time where a job must run alone: nothing is claimed beside it.
  const mayClaim = () =>
    !signal?.aborted &&
    hasTimeFor('analysis') &&
    inFlight.size < concurrency &&
    ![...inFlight.keys()].some((run) => run.crashes >= crashesUntilAlone)

  // Whose jobs have left a place that a blocked one may take.
  const freed = new Set<string>()
  const admit = async (userId: string): Promise<number> => {
    freed.delete(userId)
    let admitted: number | undefined
    try {
      admitted = await admitVisionJobs(database, userId, inFlightPerUser, tryLockUser, costPerDay)
      return admitted ?? 0
    } finally {
      // Somebody else holds the user, who may not have seen that place: the next look tries again.
      if (admitted === undefined) freed.add(userId)
    }
  }
  let ended = 0

  const onLost = ({ jobId, attempt, traceId, userId, failed }: LostRun) => {
    freed.add(userId)
    log('warn', 'reclaimed from a dead worker', { jobId, attempt, traceId, ...(failed && { became: 'failed' }) })
    if (failed) counts.failed++
  }

  const start = (run: Run, permit: Permit) => {
    const controller = new AbortController()
    const state = { controller, paying: false }
    const others = [...inFlight.values()].map((other) => other.finished)
    const runIt = async () => {
      if (run.crashes >= crashesUntilAlone) await Promise.all(others)
      const fields = fieldsOf(run)
      let reached = run.step
      try {
        const {
          ended,
          error,
          now: became,
        } = await execute(run, {
          ...options,
          permit,
          signal: controller.signal,
          hasTimeFor,
          mayPay: () => keeper.isCertain() && now() + callMs <= stopAt,
          mayWait: () => now() < saveUntil,
          frozenSince: freezes.since,
          onCall: (isOut) => {
            state.paying = isOut
          },
          onStep: (step) => {
            reached = step
            log('info', 'step started', { ...fields, step })
          },
        })
        counts[ended]++
        if (error?.code === 'storage.unavailable') pausedUntil[reached] = now() + options.providerWaitMs
        log(error ? 'warn' : 'info', `run ${ended}`, {
          ...fields,
          step: reached,
          code: error?.code,
          detail: error?.detail,
          became,
        })
      } catch (error) {
        // Most likely the database would not take the settlement. The lease expires and another worker takes the job up.
        counts.lost++
        log('error', 'run not settled', { ...fields, step: reached, detail: reasonOf(error) })
      } finally {
        await admit(run.userId).catch((error: unknown) =>
          log('error', 'blocked jobs not let in', { ...fields, detail: reasonOf(error) }),
        )
        inFlight.delete(run)
        ended++
      }
    }
    inFlight.set(run, Object.assign(state, { finished: runIt() }))
  }

  /** Leave to call the lane's provider comes first, so that nothing is claimed which would have to be given back. */
  const claimIn = async (lane: Step, { waiting, gates }: Look) => {
    const provider = providerOf[lane]
    const wanted = Math.min(concurrency - inFlight.size, waiting[lane])
    const permits = [...(await providers.reserve(provider, wanted, gates.of(provider)))]
    try {
      if (permits.length === 0) return { runs: [], expired: 0 }
      const onExpired = (userId: string) => freed.add(userId)
      const limit = permits.length
      const found = await claimPendingVisionJobs(database, { workerId, lane, leaseMs, limit, onExpired })
      for (const run of found.runs) {
        log('info', 'claimed', { ...fieldsOf(run), step: run.step })
        const permit = permits.shift()
        if (permit) start(run, permit)
      }
      return found
    } finally {
      await providers.release(permits)
    }
  }

  const claim = async (look: Look): Promise<boolean> => {
    let claimed = 0
    let expired = 0
    for (const lane of look.lanes.filter((one) => now() >= pausedUntil[one])) {
      if (!mayClaim()) break
      const found = await claimIn(lane, look)
      expired += found.expired
      claimed += found.runs.length
    }
    counts.claimed += claimed
    counts.expired += expired
    return claimed + expired > 0
  }

  // When the database has been away leases have expired whose workers live. They come to renew them: first ours, then theirs.
  let troubledAt = Number.NEGATIVE_INFINITY
  const mayReclaim = async () => now() - troubledAt >= renewMs && (inFlight.size === 0 || (await keeper.renew()))

  /** One look and what follows from it; true if there was anything to do. */
  const work = async (): Promise<boolean> => {
    const look = await lookForWork(database, concurrency)
    const reclaimed = look.lost && (await mayReclaim()) ? await reclaimVisionJobs(database, retry, onLost) : 0
    counts.reclaimed += reclaimed
    const expired = look.expired ? await expireVisionJobs(database, (userId) => freed.add(userId)) : 0
    counts.expired += expired
    const promoted = look.due ? await promoteDueVisionJobs(database, inFlightPerUser, costPerDay) : 0
    for (const userId of look.blocked ? await usersToAdmit(database) : []) freed.add(userId)
    let admitted = 0
    for (const userId of [...freed]) admitted += await admit(userId)
    const claimed = await claim(look)
    return claimed || promoted + reclaimed + expired + admitted > 0
  }

  /** A look that fails ends nothing: what runs goes on, and the next look may succeed. */
  const orNothing = async (work: () => Promise<boolean>): Promise<boolean> => {
    try {
      return await work()
    } catch (error) {
      troubledAt = now()
      log('error', 'the queue could not be read', { detail: reasonOf(error) })
      return false
    }
  }

  const stop = () => {
    saveUntil = Math.min(saveUntil, now() + settleMs - farewellMs)
    abortAll(inFlight, new Stopped('the worker must stop'))
  }
  // Beside the loop, which a slow statement may hold up.
  const alarm = setTimeout(stop, Math.max(0, stopAt - now()))
  signal?.addEventListener('abort', stop, { once: true })
  const keeper = keepLeases(options, inFlight)
  const freezes = watchFreezes({ now, wall: options.wall ?? now })
  const report = () => ({ inFlight: inFlight.size, tally: { ...counts } })
  const stopReporting = startHeartbeat({ ...options, everyMs: renewMs }, report)
  try {
    for (;;) {
      const stopping = signal?.aborted === true || now() >= stopAt
      if (stopping) stop()
      const before = ended
      // What ended during the look may have let another job in.
      const found = mayClaim() && ((await orNothing(work)) || ended > before)
      if (inFlight.size === 0 && !found) {
        const idle = now() - started
        if (!mayClaim() || idle >= idleMs) break
        await pause(Math.min(lookMs, idleMs - idle), [], signal)
      } else if (!found || !mayClaim()) {
        // Wake when a slot frees, when it is time to look again, or to stop; once told to stop, only for the slots.
        const wait = stopping ? settleMs : Math.max(0, Math.min(lookMs, stopAt - now()))
        await pause(
          wait,
          [...inFlight.values()].map((run) => run.finished),
          stopping ? undefined : signal,
        )
      }
    }
  } finally {
    await Promise.all([...inFlight.values()].map((run) => run.finished))
    clearTimeout(alarm)
    signal?.removeEventListener('abort', stop)
    keeper.stop()
    freezes.stop()
    await stopReporting()
  }
  return counts
}

/** What every line about a run says. */
function fieldsOf({ jobId, attempt, traceId }: Run): LogFields {
  return { jobId, attempt, traceId }
}

function abortAll(inFlight: ReadonlyMap<Run, InFlight>, reason: Error): void {
  for (const { controller } of inFlight.values()) if (!controller.signal.aborted) controller.abort(reason)
}

/** Resolves after so many milliseconds, or as soon as one of the promises or the signal does. */
async function pause(milliseconds: number, wakers: readonly Promise<void>[], signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return
  const controller = new AbortController()
  const wake = () => controller.abort()
  signal?.addEventListener('abort', wake, { once: true })
  for (const waker of wakers) void waker.then(wake)
  try {
    await delay(milliseconds, undefined, { signal: controller.signal })
  } catch {
    // Woken early.
  } finally {
    signal?.removeEventListener('abort', wake)
  }
}
