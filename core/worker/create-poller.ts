import { randomUUID } from 'node:crypto'
import { type Database, openDatabase } from '../database/client.ts'
import { emptyTally, type Tally } from '../domain/tally.ts'
import { loadMs } from '../images/limits.ts'
import { openImageStore } from '../images/store.ts'
import type { MeasurePalette } from '../pipeline/steps.ts'
import { once } from '../platform/async.ts'
import type { PollerConfig } from '../platform/config/poller.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createProviderAccess } from '../providers/availability/permits.ts'
import { createPrices } from '../providers/prices.ts'
import { servingBy } from '../providers/serving.ts'
import { costPerDay } from '../usage/quotas.ts'
import { deliverWebhooks } from '../webhooks/deliver.ts'
import { drain } from './loop.ts'
import type { DrainOptions, Steps } from './options.ts'
import { defaultPollMs } from './poll.ts'
import { startMetricsReporter } from './report/metrics-reporter.ts'
import { createStats } from './report/stats.ts'
import { startSweeps, sweepMs } from './sweeps.ts'
import type { Bell } from './wake/bell.ts'
import { createFunctionWaker } from './wake/wake-functions.ts'

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
  const store = openImageStore(config, { log })
  const timeoutMs = config.STEP_TIMEOUT_SECONDS * 1000
  const prices = createPrices(config.PRICES, Date.now)
  const common = { prices, timeoutMs, now: Date.now }
  const { models, limits, stepProviders } = servingBy(config, common)
  for (const warning of config.warnings) log('warn', 'configuration warning', { detail: warning })
  const compose = once(async () => {
    const { composeSteps } = await import('./run/compose-steps.ts')
    return composeSteps(config, { database, store, models, allowLoopbackHttp, measurePalette })
  })
  const steps: Steps = {
    // What fails here fails again where it is needed, and is reported there.
    prepare: () =>
      void Promise.allSettled([compose(), store.prepare('get'), models.analysis.prepare(), models.content.prepare()]),
    analysis: async (...given) => (await compose()).analysis(...given),
    content: async (...given) => (await compose()).content(...given),
  }
  const pause = { baseMs: config.PROVIDER_PAUSE_SECONDS * 1000, capMs: config.PROVIDER_PAUSE_CAP_SECONDS * 1000 }
  return {
    database,
    drain: async (options) => {
      const sweeps = options.wakeId === undefined ? startSweeps(config, { database, store, log }, options) : undefined
      const workerId = randomUUID()
      const leaseMs = config.JOB_LEASE_SECONDS * 1000
      const now = () => performance.now()
      const counts = emptyTally()
      const stats = createStats()
      const drained = new AbortController()
      const started = now()
      const delivering = deliverWebhooks(
        {
          database,
          log,
          allowLoopbackHttp,
          random: Math.random,
          clock: now,
          now: Date.now,
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
      return drain(
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
        sweeps?.endSoon()
        await delivering
        await stopReporter()
        await sweeps?.ended
        await waker?.settled()
      })
    },
    close: async () => {
      store.close()
      await database.close()
    },
  }
}
