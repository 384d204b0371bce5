import { codeAlarms } from '../core/domain/code-alarms.ts'
import { alarmsTo, minute } from './alarm.ts'
import type { DatabaseAccess } from './database.ts'
import { createDatabaseAlarms } from './database-alarms.ts'
import { capitalised, deployName, nameOfCode } from './names.ts'
import type { Settings } from './settings.ts'

/** The watched resources. */
export interface Watched {
  readonly api: { readonly handler: sst.aws.Function; readonly gateway: sst.aws.ApiGatewayV2 }
  readonly stream: sst.aws.Function | undefined
  readonly poller: sst.aws.Function
  readonly database: DatabaseAccess
}

/** A single error is retried by the client; this many within 5 minutes are not the clients' fault. */
const streamErrors = 5
/** Within 15 minutes. One slow answer of the bucket is none of the operator's business; a job alone, whose waits double, comes to four. */
const releasedRuns = 3
/** Deliveries to an endpoint that accepts them go out within a minute. */
const webhookMinutes = 10
/** The share of the account's concurrency at which there is still time to request more. */
const nearLimit = 0.8

/** Creates the alarms, which all notify one SNS topic. None watches throttling of the poller: a full fleet throttles its schedule by design. */
export function createAlarms(settings: Settings, { api, stream, poller, database }: Watched) {
  const topic = new sst.aws.SnsTopic('Alarms')
  const endpoint = settings.DEPLOY_ALARM_EMAIL
  if (endpoint) new aws.sns.TopicSubscription('AlarmsEmail', { topic: topic.arn, protocol: 'email', endpoint })

  const ours = { namespace: 'VisionPipeline', dimensions: { service: deployName() } }
  const ofFunction = ({ name }: sst.aws.Function) => ({ namespace: 'AWS/Lambda', dimensions: { FunctionName: name } })
  const failed = settings.DEPLOY_ALARM_FAILED_JOBS
  const oldest = settings.DEPLOY_ALARM_OLDEST_MINUTES

  const alarm = alarmsTo(topic)
  alarm('OldestDue', {
    description: `The oldest due job has been waiting for ${oldest} minutes, or no worker has reported.`,
    ...ours,
    metricName: 'OldestDueSeconds',
    statistic: 'Maximum',
    threshold: oldest * minute,
    period: minute,
    periods: 3,
    missingIsBad: true,
  })
  alarm('WebhooksOverdue', {
    description: `A webhook that is due, to an endpoint that accepts them, has been waiting for ${webhookMinutes} minutes.`,
    ...ours,
    metricName: 'WebhookOldestDueSeconds',
    statistic: 'Maximum',
    threshold: webhookMinutes * minute,
    period: minute,
    periods: 5,
  })
  alarm('PollerSilent', {
    description: 'No poller has sent a heartbeat for 5 minutes.',
    ...ours,
    metricName: 'PollerHeartbeat',
    statistic: 'Sum',
    threshold: 1,
    period: 5 * minute,
    periods: 1,
    below: true,
    missingIsBad: true,
  })
  alarm('JobsFailed', {
    description: `At least ${failed} jobs failed within 5 minutes.`,
    ...ours,
    metricName: 'JobsFailed',
    statistic: 'Sum',
    threshold: failed,
    period: 5 * minute,
    periods: 1,
  })
  for (const [code, told] of Object.entries(codeAlarms)) {
    const metric = { ...ours, dimensions: { ...ours.dimensions, code }, statistic: 'Sum', periods: 1 } as const
    if (told === 'failed') {
      alarm(nameOfCode(code), {
        description: `Jobs failed with ${code} within 5 minutes.`,
        ...metric,
        metricName: 'JobsFailedByCode',
        threshold: 1,
        period: 5 * minute,
      })
    }
    if (told === 'released') {
      alarm(nameOfCode(code), {
        description: `At least ${releasedRuns} runs ended with ${code} within 15 minutes, and their jobs wait.`,
        ...metric,
        metricName: 'JobsReleasedByCode',
        threshold: releasedRuns,
        period: 15 * minute,
      })
    }
  }
  for (const provider of settings.providers) {
    alarm(`${capitalised(provider)}Paused`, {
      description: `Calls to ${provider} have been paused for 5 minutes: check its key, balance, model and status page.`,
      ...ours,
      dimensions: { ...ours.dimensions, provider },
      metricName: 'ProviderPaused',
      statistic: 'Maximum',
      threshold: 1,
      period: minute,
      periods: 5,
    })
  }
  alarm('PollerErrors', {
    description: 'The poller function failed or timed out.',
    ...ofFunction(poller),
    metricName: 'Errors',
    statistic: 'Sum',
    threshold: 1,
    period: 5 * minute,
    periods: 1,
  })
  const slow = settings.DEPLOY_ALARM_API_MILLISECONDS
  const apiErrors = settings.DEPLOY_ALARM_API_ERRORS
  // The gateway's count includes calls whose function did not start.
  alarm('ApiErrors', {
    description: `The API answered at least ${apiErrors} calls with 5xx within 5 minutes.`,
    namespace: 'AWS/ApiGateway',
    dimensions: { ApiId: api.gateway.nodes.api.id },
    metricName: '5xx',
    statistic: 'Sum',
    threshold: apiErrors,
    period: 5 * minute,
    periods: 1,
  })
  alarm('ApiSlow', {
    description: `One call of the API in twenty has taken ${slow} ms or more for 15 minutes, not counting waits for a job.`,
    ...ours,
    metricName: 'ApiLatency',
    statistic: 'p95',
    threshold: slow,
    period: 5 * minute,
    periods: 3,
  })
  if (stream) {
    alarm('StreamErrors', {
      description: `The stream function has ended in an error, or in its time limit, ${streamErrors} times within 5 minutes.`,
      ...ofFunction(stream),
      metricName: 'Errors',
      statistic: 'Sum',
      threshold: streamErrors,
      period: 5 * minute,
      periods: 1,
    })
  }
  const serving = { ApiThrottled: api.handler, ...(stream && { StreamThrottled: stream }) }
  for (const [name, handler] of Object.entries(serving)) {
    alarm(name, {
      description: 'Requests are throttled: the function has reached its concurrency limit.',
      ...ofFunction(handler),
      metricName: 'Throttles',
      statistic: 'Sum',
      threshold: 1,
      period: 5 * minute,
      periods: 1,
    })
  }
  if (settings.accountConcurrency !== undefined) {
    const most = Math.floor(nearLimit * settings.accountConcurrency)
    alarm('ConcurrencyHigh', {
      description: `${most} of the ${settings.accountConcurrency} functions that the account may run at once have run for 3 minutes.`,
      namespace: 'AWS/Lambda',
      // Of all functions in the account and the region: they share the limit.
      dimensions: {},
      metricName: 'ConcurrentExecutions',
      statistic: 'Maximum',
      threshold: most,
      period: minute,
      periods: 3,
    })
  }
  createDatabaseAlarms(alarm, settings, database)
  return topic
}
