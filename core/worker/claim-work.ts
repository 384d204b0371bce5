import type { Step } from '../../drizzle/schema.ts'
import { reasonOf } from '../domain/errors.ts'
import type { Run } from '../domain/run.ts'
import { statsOf } from '../domain/run-stats.ts'
import type { RunningTally } from '../domain/tally.ts'
import type { LogFields } from '../platform/log.ts'
import type { Permit } from '../providers/availability/permits.ts'
import { claimPendingVisionJobs } from '../queue/claim/claim.ts'
import type { Freezes } from './freezes.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { Maintenance } from './maintenance.ts'
import type { WorkerOptions } from './options.ts'
import type { Work } from './poll.ts'
import type { StatsOfWorker } from './report/stats.ts'
import { execute } from './run/execute.ts'
import type { Slots } from './slots.ts'
import type { TimeLeft } from './time-left.ts'

/** The parts of a worker that a claim and its runs need. */
export interface WorkerParts {
  readonly slots: Slots
  readonly time: TimeLeft
  readonly keeper: LeaseKeeper
  readonly freezes: Freezes
  readonly maintenance: Maintenance
  readonly tally: RunningTally
  readonly stats: StatsOfWorker
}

/**
 * Claims the work that a poll found into the free slots, and starts its runs.
 *
 * @param mayClaim called before each lane
 * @returns the claimer; its promise resolves to what it took of each lane
 */
export function createClaimer(options: WorkerOptions, parts: WorkerParts, mayClaim: () => boolean) {
  const { database, providers, workerId, leaseMs, providerWaitMs, now, log } = options
  const { slots, time, keeper, freezes, maintenance, tally, stats } = parts
  // Providers have circuit breakers, the bucket has none: a lane that could not reach it pauses for a while.
  const pausedUntil: Record<Step, number> = { analysis: 0, content: 0 }

  const start = (run: Run, permit: Permit) =>
    slots.start(run, async ({ signal, onCall }) => {
      const fields = fieldsOf(run)
      let reached = run.step
      try {
        const execution = await execute(run, {
          ...options,
          permit,
          signal,
          hasTimeFor: time.hasTimeFor,
          mayPay: () => keeper.isCertain() && time.hasTimeForCall(),
          mayWait: time.maySaveAgain,
          frozenSince: freezes.since,
          onCall,
          onStep: (step) => {
            reached = step
            log('info', 'step started', { ...fields, step })
          },
        })
        const { ended, error, jobStatus, spent } = execution
        tally[ended]++
        stats.add(statsOf(run.waitingMs, spent, ended === 'failed' ? error?.code : undefined))
        if (ended === 'released' && error) stats.addReleased(error.code)
        if (error?.code === 'storage.unavailable') pausedUntil[reached] = now() + providerWaitMs
        const { code, detail } = error ?? {}
        log(error ? 'warn' : 'info', `run ${ended}`, { ...fields, step: reached, code, detail, jobStatus })
      } catch (error) {
        // The database most likely refused the settlement. The lease expires, and another worker reclaims the job.
        tally.lost++
        log('error', 'run not settled', { ...fields, step: reached, detail: reasonOf(error) })
      } finally {
        await maintenance.fillPlaceOf(run)
      }
    })

  /** Permits for the lane's provider come first, so that no claimed job has to be released. */
  const claimIn = async (lane: Step, { waiting, providerStates }: Work): Promise<Taken> => {
    const provider = providers.stepProviders[lane]
    const wanted = Math.min(slots.free(), waiting[lane])
    const permits = [...(await providers.reserve(provider, wanted, providerStates.of(provider)))]
    try {
      if (permits.length === 0) return { found: 0, left: waiting[lane] }
      const limit = permits.length
      const { runs, expired } = await claimPendingVisionJobs(database, {
        workerId,
        lane,
        leaseMs,
        limit,
        stepProviders: providers.stepProviders,
        providerStates,
        callsAtOnce: options.textsAtOnce,
        onExpired: maintenance.onExpired,
      })
      if (runs.length > 0) options.steps.prepare?.()
      for (const run of runs) {
        log('info', 'job claimed', { ...fieldsOf(run), step: run.step })
        const permit = permits.shift()
        if (permit) start(run, permit)
      }
      tally.claimed += runs.length
      const found = runs.length + expired
      return { found, left: found < limit ? 0 : Math.max(0, waiting[lane] - found) }
    } finally {
      await providers.release(permits)
    }
  }

  return async (work: Work): Promise<Readonly<Record<Step, Taken>>> => {
    const { content, analysis } = work.waiting
    const taken = { content: { found: 0, left: content }, analysis: { found: 0, left: analysis } }
    for (const lane of work.lanes.filter((one) => now() >= pausedUntil[one])) {
      if (!mayClaim()) break
      taken[lane] = await claimIn(lane, work)
    }
    return taken
  }
}

/** What a claim took of a lane. */
export interface Taken {
  /** How many jobs were claimed, or had expired. */
  readonly found: number
  /** How many are left of those that were counted; none where it came to the end of the lane. */
  readonly left: number
}

/** The fields of every log line about a run. */
function fieldsOf({ jobId, attempt, traceId }: Run): LogFields {
  return { jobId, attempt, traceId }
}
