import { Metrics as EmbeddedMetrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import type { Provider } from '../../drizzle/schema.ts'
import type { Tally } from '../domain/tally.ts'

/** The names by which alarms and dashboards find the metrics. */
export const metricsNamespace = 'VisionPipeline'

export interface MetricsOptions {
  /** The dimension `service`: the name of the deployment. */
  readonly service: string
  /** Receives each line, without its newline. */
  readonly write: (line: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Metrics that CloudWatch reads from the log. They are buffered until they are flushed. */
export interface Metrics {
  /**
   * A live worker, and its counts since its last report.
   *
   * @param oldestDueSeconds how long the oldest runnable job has waited; undefined if that could not be read
   */
  report(done: Tally, oldestDueSeconds: number | undefined): void
  /** How long the oldest webhook delivery has waited that could have been sent, in seconds. */
  webhooksWaited(seconds: number): void
  /** Whether calls to a provider are on hold: paused by an operator or after a 429, or down. */
  providerPaused(provider: Provider, paused: boolean): void
  /** An answered call of the API: its status and its duration, undefined if it may have waited for a job. */
  apiCall(status: number, milliseconds: number | undefined): void
  jobsCreated(count: number): void
  /** Writes the buffered metrics, a line for each set of dimensions; nothing if there are none. */
  flush(): void
}

/** Metrics in CloudWatch's embedded metric format, by Powertools. */
export function createMetrics({ service, write, now }: MetricsOptions): Metrics {
  const gather = (dimensions: Record<string, string> = {}) =>
    new EmbeddedMetrics({ namespace: metricsNamespace, serviceName: service, defaultDimensions: dimensions })
  const all = gather()
  const byProvider = new Map<Provider, EmbeddedMetrics>()
  const ofProvider = (provider: Provider) => {
    const metrics = byProvider.get(provider) ?? gather({ provider })
    byProvider.set(provider, metrics)
    return metrics
  }
  const count = (name: string, value: number) => void all.addMetric(name, MetricUnit.Count, value)
  return {
    report: (done, oldestDueSeconds) => {
      count('PollerHeartbeat', 1)
      count('JobsClaimed', done.claimed)
      count('JobsCompleted', done.completed)
      count('JobsRetried', done.retried)
      count('JobsFailed', done.failed + done.expired)
      count('JobsReleased', done.released)
      count('JobsLost', done.lost)
      count('JobsReclaimed', done.reclaimed)
      if (oldestDueSeconds !== undefined) all.addMetric('OldestDueSeconds', MetricUnit.Seconds, oldestDueSeconds)
    },
    webhooksWaited: (seconds) => void all.addMetric('WebhookOldestDueSeconds', MetricUnit.Seconds, seconds),
    providerPaused: (provider, paused) =>
      void ofProvider(provider).addMetric('ProviderPaused', MetricUnit.Count, paused ? 1 : 0),
    apiCall: (status, milliseconds) => {
      count('ApiRequests', 1)
      count('ApiErrors', status >= 500 ? 1 : 0)
      if (milliseconds !== undefined) all.addMetric('ApiLatency', MetricUnit.Milliseconds, milliseconds)
    },
    jobsCreated: (created) => count('JobsCreated', created),
    flush: () => {
      for (const metrics of [all, ...byProvider.values()]) {
        if (!metrics.hasStoredMetrics()) continue
        // Its own output is a console that cannot be replaced.
        write(JSON.stringify(metrics.setTimestamp(now()).serializeMetrics()))
        metrics.clearMetrics()
      }
    },
  }
}
