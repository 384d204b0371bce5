import type { DatabaseAccess } from './database.ts'
import { deployName } from './names.ts'
import type { Settings } from './settings.ts'

interface Watched {
  readonly api: { readonly handler: sst.aws.Function; readonly gateway: sst.aws.ApiGatewayV2 }
  readonly stream: sst.aws.Function | undefined
  readonly poller: sst.aws.Function
  readonly database: DatabaseAccess
}

/** What differs between the alarms. */
interface Alarm {
  readonly description: string
  readonly namespace: string
  readonly metricName: string
  readonly dimensions: Record<string, $util.Input<string>>
  readonly statistic: 'Sum' | 'Maximum'
  readonly threshold: number
  /** The length of one evaluation period, in seconds. */
  readonly period: number
  /** How many periods in a row must breach the threshold. */
  readonly periods: number
  /** It fires when a value is below the threshold, not when it is at or above it. */
  readonly below?: true
  /** Missing data breaches the threshold as well: a dead worker sends none. */
  readonly missingIsBad?: true
}

const minute = 60

/** Creates the alarms, which all notify one SNS topic. Throttling of the poller is no alarm: a full fleet throttles its schedule by design. */
export function createAlarms(settings: Settings, { api, stream, poller, database }: Watched) {
  const topic = new sst.aws.SnsTopic('Alarms')
  const endpoint = settings.DEPLOY_ALARM_EMAIL
  if (endpoint) new aws.sns.TopicSubscription('AlarmsEmail', { topic: topic.arn, protocol: 'email', endpoint })

  const ours = { namespace: 'VisionPipeline', dimensions: { service: deployName() } }
  const ofFunction = ({ name }: sst.aws.Function) => ({ namespace: 'AWS/Lambda', dimensions: { FunctionName: name } })
  const failed = settings.DEPLOY_ALARM_FAILED_JOBS
  const oldest = settings.DEPLOY_ALARM_OLDEST_MINUTES

  const alarm = (name: string, { description, threshold, period, periods, below, missingIsBad, ...metric }: Alarm) =>
    new aws.cloudwatch.MetricAlarm(name, {
      name: `${deployName()}-${name}`,
      alarmDescription: description,
      ...metric,
      threshold,
      period,
      evaluationPeriods: periods,
      comparisonOperator: below ? 'LessThanThreshold' : 'GreaterThanOrEqualToThreshold',
      treatMissingData: missingIsBad ? 'breaching' : 'notBreaching',
      alarmActions: [topic.arn],
      okActions: [topic.arn],
    })

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
  for (const [name, provider] of [
    ['GeminiPaused', 'gemini'],
    ['DeepseekPaused', 'deepseek'],
  ] as const) {
    alarm(name, {
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
  if (database.instance) {
    const connections = settings.DEPLOY_ALARM_DATABASE_CONNECTIONS
    alarm('DatabaseConnections', {
      description: `The database has had at least ${connections} connections for 5 minutes.`,
      namespace: 'AWS/RDS',
      dimensions: { DBInstanceIdentifier: database.instance.identifier },
      metricName: 'DatabaseConnections',
      statistic: 'Maximum',
      threshold: connections,
      period: minute,
      periods: 5,
    })
  }
  return topic
}
