import { Metrics as EmbeddedMetrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import type { Provider } from '../../drizzle/schema.ts'
import type { Tally } from '../domain/tally.ts'

/** The names by which alarms and dashboards find the metrics. */
const metricsNamespace = 'VisionPipeline'

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
  /**
   * The failed jobs among them by their codes, each with the dimension `code`: a code costs nothing as long as nothing fails with it.
   *
   * @param jobs how many, by the code of the table of errors
   */
  jobsFailed(jobs: Readonly<Record<string, number>>): void
  /** The same for jobs that wait because of an error that is not theirs, each counted once a run. */
  jobsReleased(jobs: Readonly<Record<string, number>>): void
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
  // One for each value of a dimension.
  const dimensioned = new Map<string, EmbeddedMetrics>()
  const of = (name: 'provider' | 'code', value: string) => {
    const key = `${name} ${value}`
    const metrics = dimensioned.get(key) ?? gather({ [name]: value })
    dimensioned.set(key, metrics)
    return metrics
  }
  const byCode = (name: string, jobs: Readonly<Record<string, number>>) => {
    for (const [code, number] of Object.entries(jobs)) of('code', code).addMetric(name, MetricUnit.Count, number)
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
    jobsFailed: (jobs) => byCode('JobsFailedByCode', jobs),
    jobsReleased: (jobs) => byCode('JobsReleasedByCode', jobs),
    webhooksWaited: (seconds) => void all.addMetric('WebhookOldestDueSeconds', MetricUnit.Seconds, seconds),
    providerPaused: (provider, paused) =>
      void of('provider', provider).addMetric('ProviderPaused', MetricUnit.Count, paused ? 1 : 0),
    apiCall: (status, milliseconds) => {
      count('ApiRequests', 1)
      count('ApiErrors', status >= 500 ? 1 : 0)
      if (milliseconds !== undefined) all.addMetric('ApiLatency', MetricUnit.Milliseconds, milliseconds)
    },
    jobsCreated: (created) => count('JobsCreated', created),
    flush: () => {
      for (const metrics of [all, ...dimensioned.values()]) {
        if (!metrics.hasStoredMetrics()) continue
        // Its own output is a console that cannot be replaced.
        write(JSON.stringify(metrics.setTimestamp(now()).serializeMetrics()))
        metrics.clearMetrics()
      }
    },
  }
}
