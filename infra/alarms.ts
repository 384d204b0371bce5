import type { DatabaseAccess } from './database.ts'
import { capitalised, deployName } from './names.ts'
import type { Settings } from './settings.ts'

interface Watched {
  readonly api: { readonly handler: sst.aws.Function; readonly gateway: sst.aws.ApiGatewayV2 }
  readonly stream: sst.aws.Function | undefined
  readonly poller: sst.aws.Function
  readonly database: DatabaseAccess
}

/** What an alarm is about; the rest is the same for all. */
interface Alarm {
  readonly description: string
  readonly namespace: string
  readonly metricName: string
  readonly dimensions: Record<string, $util.Input<string>>
  readonly statistic: 'Sum' | 'Maximum'
  readonly threshold: number
  /** One value counts for so long, in seconds. */
  readonly period: number
  /** So many values in a row. */
  readonly periods: number
  /** It fires when a value is below the threshold, not when it is at or above it. */
  readonly below?: true
  /** Saying nothing is as bad: who is dead sends nothing. */
  readonly missingIsBad?: true
}

const minute = 60

/** Tells people, through one SNS topic, when something needs them. A full fleet throttles its schedule by design. */
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
    description: `A job that is due has waited for ${oldest} minutes.`,
    ...ours,
    metricName: 'OldestDueSeconds',
    statistic: 'Maximum',
    threshold: oldest * minute,
    period: minute,
    periods: 3,
    missingIsBad: true,
  })
  alarm('PollerSilent', {
    description: 'No poller has drained the queue for 5 minutes.',
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
    description: `${failed} jobs have failed within 5 minutes.`,
    ...ours,
    metricName: 'JobsFailed',
    statistic: 'Sum',
    threshold: failed,
    period: 5 * minute,
    periods: 1,
  })
  for (const provider of settings.providers) {
    alarm(`${capitalised(provider)}Paused`, {
      description: `No job is sent to ${provider}: its key, its balance, its model, or an outage.`,
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
    description: 'The poller function ends in an error, or in its time limit.',
    ...ofFunction(poller),
    metricName: 'Errors',
    statistic: 'Sum',
    threshold: 1,
    period: 5 * minute,
    periods: 1,
  })
  const apiErrors = settings.DEPLOY_ALARM_API_ERRORS
  // The gateway's own count has also the calls of a function that does not start.
  alarm('ApiErrors', {
    description: `The API has answered ${apiErrors} calls with 5xx within 5 minutes.`,
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
      description: 'Requests are refused because no more functions may run at once.',
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
      description: `The database has had ${connections} connections for 5 minutes.`,
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
