import { sweepBatches } from '../batches/batches.ts'
import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import { bucketCallMs } from '../images/limits.ts'
import type { ImageStore } from '../images/store.ts'
import { sweepImages } from '../images/sweep.ts'
import { sweepSessions } from '../live/slots/sessions.ts'
import type { PollerConfig } from '../platform/config/poller.ts'
import type { Log } from '../platform/log.ts'
import { prunePermits } from '../providers/availability/rate-limit.ts'
import { sweepDeletions } from '../queue/prune/deletions.ts'
import { keepIdsFresh, sweepOrphans } from '../queue/prune/orphans.ts'
import { pruneVisionJobs } from '../queue/prune/prune.ts'
import { settleMs } from '../queue/settle/reserved-time.ts'
import { sweepWebhooks } from '../webhooks/sweep.ts'
import type { DrainOptions } from './options.ts'
import { sweepWorkers } from './report/registry.ts'

/**
 * How long the sweepers continue after an idle drain has ended, from its start, in milliseconds: a poller that drains and
 * exits sweeps too.
 */
export const sweepMs = 30_000

/** The sweepers of one drain, which run beside it: the queue neither waits for them nor fails with them. */
export interface Sweeps {
  /** The drain has ended: the sweepers end soon. */
  endSoon(): void
  /** Resolves when all have ended; never rejects. */
  readonly ended: Promise<void>
}

export interface SweepParts {
  readonly database: Database
  readonly store: ImageStore
  readonly log: Log
}

/** Deletes what is over, everywhere: each sweeper in small batches, and for as long as the drain has time. */
export function startSweeps(
  { JOB_RETENTION_DAYS: days }: Pick<PollerConfig, 'JOB_RETENTION_DAYS'>,
  { database, store, log }: SweepParts,
  options: DrainOptions,
): Sweeps {
  const { signal, endSoon, release } = sweepTime(options)
  const orLog = (failed: string) => (error: unknown) => log('error', failed, { detail: reasonOf(error) })
  const sweeping = [
    sweepImages(database, store, signal).catch(orLog('images not swept')),
    sweepSessions(database, signal).catch(orLog('sessions not swept')),
    sweepWebhooks(database, signal).catch(orLog('webhooks not swept')),
    sweepDeletions(database, signal).catch(orLog('deletions not swept')),
    prunePermits(database).catch(orLog('permits not pruned')),
    sweepWorkers(database, signal).catch(orLog('workers not swept')),
    sweepOrphans(database).catch(orLog('orphaned runs not swept')),
    sweepBatches(database, days).catch(orLog('old batches not swept')),
    keepIdsFresh(database).catch(orLog('ids of deleted jobs not checked')),
    pruneVisionJobs(database, { olderThanDays: days, signal }).then(({ jobs, more }) => {
      if (jobs > 0) log('info', 'old jobs pruned', { jobs, more })
    }, orLog('old jobs not pruned')),
  ]
  return { endSoon, ended: Promise.all(sweeping).then(release) }
}

/** The longest timer of Node.js: a longer one fires at once. */
const longestTimer = 2 ** 31 - 1

/**
 * The time of the sweepers: as long as the drain lasts, and short enough for a started batch to end within the function's
 * time.
 */
function sweepTime({ deadline, signal }: DrainOptions) {
  const ending = new AbortController()
  const end = () => ending.abort()
  const started = performance.now()
  const latest = deadline - settleMs - bucketCallMs
  const at = (moment: number) => setTimeout(end, Math.min(longestTimer, Math.max(0, moment - performance.now())))
  const timers = [at(latest)]
  let released = false
  return {
    signal: signal ? AbortSignal.any([signal, ending.signal]) : ending.signal,
    endSoon: () => {
      if (!released) timers.push(at(Math.min(latest, started + Math.min(sweepMs, (latest - started) / 2))))
    },
    release: () => {
      released = true
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
