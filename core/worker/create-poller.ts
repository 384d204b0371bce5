import { randomUUID } from 'node:crypto'
import { sweepBatches } from '../batches/batches.ts'
import { type Database, openDatabase } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import { emptyTally, type Tally } from '../domain/tally.ts'
import { bucketCallMs, loadMs } from '../images/limits.ts'
import { openImageStore } from '../images/store.ts'
import { sweepImages } from '../images/sweep.ts'
import { sweepSessions } from '../live/slots/sessions.ts'
import type { MeasurePalette } from '../pipeline/steps.ts'
import type { PollerConfig } from '../platform/config/poller.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createProviderAccess } from '../providers/availability/permits.ts'
import { prunePermits } from '../providers/availability/rate-limit.ts'
import { createPrices } from '../providers/prices.ts'
import { servingBy } from '../providers/serving.ts'
import { sweepDeletions } from '../queue/prune/deletions.ts'
import { keepIdsFresh, sweepOrphans } from '../queue/prune/orphans.ts'
import { pruneVisionJobs } from '../queue/prune/prune.ts'
import { settleMs } from '../queue/settle/reserved-time.ts'
import { costPerDay } from '../usage/quotas.ts'
import { deliverWebhooks } from '../webhooks/deliver.ts'
import { sweepWebhooks } from '../webhooks/sweep.ts'
import { drain } from './loop.ts'
import type { DrainOptions, Steps } from './options.ts'
import { defaultPollMs } from './poll.ts'
import { startMetricsReporter } from './report/metrics-reporter.ts'
import { sweepWorkers } from './report/registry.ts'
import { createStats } from './report/stats.ts'
import type { Bell } from './wake/bell.ts'
import { createFunctionWaker } from './wake/wake-functions.ts'

/**
 * How long the sweepers continue after an idle drain has ended, from its start, in milliseconds: a poller that drains and
 * exits sweeps too.
 */
const sweepMs = 30_000

export interface PollerOptions {
  readonly log: Log
  /** Flushed after each minute of a drain and at its end. */
  readonly metrics: Metrics
  /** See `WorkerOptions`. */
  readonly pollMs?: number | undefined
  /** Images over plain http from this machine: for the local stack and nothing else. */
  readonly allowLoopbackHttp: boolean
  /** Measures palettes, where there is a decoder; without it they are the model's estimate. */
  readonly measurePalette?: MeasurePalette | undefined
  /** See `WorkerOptions`. */
  readonly bell?: Bell | undefined
}

export interface PollerDrainOptions extends DrainOptions {
  /** Where the operator can follow this drain: see `WorkerOptions`. */
  readonly host?: string | undefined
  /** What this drain was woken as, where it is not one of the schedule: it does not sweep, and counts as woken until it reports. */
  readonly wakeId?: string | undefined
}

/** The worker with all its parts. */
export interface Poller {
  /** See `drain` in ./loop.ts. */
  drain(options: PollerDrainOptions): Promise<Tally>
  readonly database: Database
  close(): Promise<void>
}

/** Alarms are evaluated each minute. */
const reportMs = 60_000

/** Puts the worker together from its configuration; nothing connects before the first drain. */
export function createPoller(
  config: PollerConfig,
  { log, metrics, pollMs, allowLoopbackHttp, measurePalette, bell }: PollerOptions,
): Poller {
  const database = openDatabase(config.DATABASE_URL, {
    connections: config.POLLER_DATABASE_CONNECTIONS,
    random: Math.random,
  })
  const waker = createFunctionWaker(config.AWS_LAMBDA_FUNCTION_NAME, config, { database, log })
  const store = openImageStore(config)
  const timeoutMs = config.STEP_TIMEOUT_SECONDS * 1000
  const prices = createPrices(config.PRICES, Date.now)
  const common = { prices, timeoutMs, now: Date.now }
  const { models, limits, stepProviders } = servingBy(config, common)
  for (const warning of config.warnings) log('warn', 'configuration warning', { detail: warning })
  let composed: Promise<Steps> | undefined
  const compose = () => {
    composed ??= import('./run/compose-steps.ts').then(({ composeSteps }) =>
      composeSteps(config, { database, store, models, allowLoopbackHttp, measurePalette }),
    )
    return composed
  }
  const steps: Steps = {
    // What fails here fails again where it is needed, and is reported there.
    prepare: () =>
      void Promise.allSettled([compose(), store.prepare(), models.analysis.prepare(), models.content.prepare()]),
    analysis: async (...given) => (await compose()).analysis(...given),
    content: async (...given) => (await compose()).content(...given),
  }
  const pause = { baseMs: config.PROVIDER_PAUSE_SECONDS * 1000, capMs: config.PROVIDER_PAUSE_CAP_SECONDS * 1000 }
  return {
    database,
    drain: async (options) => {
      // The queue neither waits for the sweepers nor fails with them.
      const orLog = (failed: string) => (error: unknown) => log('error', failed, { detail: reasonOf(error) })
      const sweeps = sweepTime(options)
      const old = { olderThanDays: config.JOB_RETENTION_DAYS, signal: sweeps.signal }
      const sweep = () => [
        sweepImages(database, store, sweeps.signal).catch(orLog('images not swept')),
        sweepSessions(database, sweeps.signal).catch(orLog('sessions not swept')),
        sweepWebhooks(database, sweeps.signal).catch(orLog('webhooks not swept')),
        sweepDeletions(database, sweeps.signal).catch(orLog('deletions not swept')),
        prunePermits(database).catch(orLog('permits not pruned')),
        sweepWorkers(database, sweeps.signal).catch(orLog('workers not swept')),
        sweepOrphans(database).catch(orLog('orphaned runs not swept')),
        sweepBatches(database, config.JOB_RETENTION_DAYS).catch(orLog('old batches not swept')),
        keepIdsFresh(database).catch(orLog('ids of deleted jobs not checked')),
        pruneVisionJobs(database, old).then(({ jobs, more }) => {
          if (jobs > 0) log('info', 'old jobs pruned', { jobs, more })
        }, orLog('old jobs not pruned')),
      ]
      const sweeping = options.wakeId === undefined ? sweep() : []
      const workerId = randomUUID()
      const leaseMs = config.JOB_LEASE_SECONDS * 1000
      const now = () => performance.now()
      const counts = emptyTally()
      const stats = createStats()
      const drained = new AbortController()
      const started = now()
      const delivering = deliverWebhooks(
        {
          ...{ database, log, allowLoopbackHttp, random: Math.random, clock: now, now: Date.now },
          pollMs: pollMs ?? defaultPollMs,
        },
        {
          ...options,
          // The events of this drain's jobs are delivered with it; after an idle one it takes as long as the sweepers.
          drained: drained.signal,
          lastStart: () => started + sweepMs,
        },
      )
      const stopReporter = startMetricsReporter({ database, metrics, log, counts, stats, everyMs: reportMs })
      const summary = await drain(
        {
          database,
          steps,
          providers: createProviderAccess({ database, stepProviders, limits, pause, leaseMs, workerId, log, now }),
          workerId,
          host: options.host,
          waker,
          bell,
          wakeId: options.wakeId,
          concurrency: config.POLLER_CONCURRENCY,
          textsAtOnce: config.TEXTS_AT_ONCE,
          inFlightPerUser: config.JOB_IN_FLIGHT_PER_USER,
          costPerDay: costPerDay(config),
          leaseMs,
          renewMs: config.JOB_RENEW_SECONDS * 1000,
          idleMs: config.POLLER_IDLE_SECONDS * 1000,
          pollMs,
          callMs: timeoutMs,
          stepMs: { analysis: timeoutMs + loadMs, content: timeoutMs },
          retry: {
            baseMs: config.RETRY_BASE_SECONDS * 1000,
            capMs: config.RETRY_CAP_SECONDS * 1000,
            random: Math.random,
          },
          providerWaitMs: pause.baseMs,
          log,
          counts,
          stats,
          now,
          wall: Date.now,
        },
        options,
      ).finally(async () => {
        drained.abort()
        sweeps.endSoon()
        await delivering
        await stopReporter()
        await Promise.all(sweeping)
        await waker?.settled()
        sweeps.release()
      })
      return summary
    },
    close: async () => {
      store.close()
      await database.close()
    },
  }
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
  return {
    signal: signal ? AbortSignal.any([signal, ending.signal]) : ending.signal,
    /** The drain has ended. */
    endSoon: () => void timers.push(at(Math.min(latest, started + Math.min(sweepMs, (latest - started) / 2)))),
    release: () => {
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
