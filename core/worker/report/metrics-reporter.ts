import type { Database } from '../../database/client.ts'
import { reasonOf } from '../../domain/errors.ts'
import { noStats, statsSince } from '../../domain/run-stats.ts'
import { emptyTally, since, type Tally } from '../../domain/tally.ts'
import { every, withTimeout } from '../../platform/async.ts'
import type { Log } from '../../platform/log.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { allowsCalls } from '../../providers/availability/circuit-breaker.ts'
import { readProviderStates } from '../../providers/availability/provider-state.ts'
import { oldestDueSeconds } from '../../queue/claim/oldest-due.ts'
import { oldestDeliverySeconds } from '../../webhooks/health.ts'
import type { StatsOfWorker } from './stats.ts'

export interface MetricsReporterOptions {
  readonly database: Database
  readonly metrics: Metrics
  readonly log: Log
  /** The worker's counters so far. */
  readonly counts: Tally
  /** Its stats so far, of which the codes that jobs failed of, or wait because of, are told. */
  readonly stats: Pick<StatsOfWorker, 'read' | 'takeReleased'>
  /** How often a draining worker reports, in milliseconds. */
  readonly everyMs: number
}

/** How long a report may delay the end of a function while the database does not answer, in milliseconds. */
const timeoutMs = 1_000

/**
 * Reports a worker's counters as metrics: at intervals while it drains, and once more when it is stopped.
 *
 * @returns stops it; resolves after the last report
 */
export function startMetricsReporter({
  database,
  metrics,
  log,
  counts,
  stats,
  everyMs,
}: MetricsReporterOptions): () => Promise<void> {
  let told: Tally = emptyTally()
  let toldStats = noStats()
  const report = async () => {
    const look = withTimeout(
      timeoutMs,
      Promise.all([oldestDueSeconds(database), database.run(readProviderStates), oldestDeliverySeconds(database)]),
      () => {
        throw new Error(`no answer within ${timeoutMs} ms`)
      },
    )
    const [oldest, providerStates, oldestDelivery] = await look.catch((error: unknown) => {
      log('error', 'queue metrics not read', { detail: reasonOf(error) })
      return []
    })
    const statsNow = stats.read()
    metrics.report(since(told, counts), oldest)
    metrics.jobsFailed(statsSince(toldStats, statsNow).failed)
    metrics.jobsReleased(stats.takeReleased())
    if (oldestDelivery !== undefined) metrics.webhooksWaited(oldestDelivery)
    if (providerStates) {
      for (const state of providerStates.all.filter(({ name }) => name !== 'all')) {
        metrics.providerPaused(state.name, !allowsCalls(state) || state.downSince !== null)
      }
    }
    told = { ...counts }
    toldStats = statsNow
    metrics.flush()
  }
  const reporting = every(() => everyMs, report)
  return async () => {
    await reporting.stop()
    await report()
  }
}
