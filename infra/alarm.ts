import { deployName } from './names.ts'

/** The particulars of an alarm; the rest is the same for all. */
export interface Alarm {
  readonly description: string
  readonly namespace: string
  readonly metricName: string
  readonly dimensions: Record<string, $util.Input<string>>
  readonly statistic: 'Sum' | 'Average' | 'Minimum' | 'Maximum' | 'p95'
  readonly threshold: number
  /** The period of one value, in seconds. */
  readonly period: number
  /** How many values in a row raise it. */
  readonly periods: number
  /** Fires when a value is below the threshold, instead of at or above it. */
  readonly below?: true
  /** Whether missing data raises the alarm: a dead process sends none. */
  readonly missingIsBad?: true
  /** Actions that AWS takes besides the notification. */
  readonly actions?: readonly $util.Input<string>[]
}

export const minute = 60

/** Creates alarms that notify one topic. */
export type Alarms = (name: string, alarm: Alarm) => aws.cloudwatch.MetricAlarm

/** @param topic the topic that every alarm notifies */
export function alarmsTo(topic: sst.aws.SnsTopic): Alarms {
  return (name, { description, statistic, threshold, period, periods, below, missingIsBad, actions = [], ...metric }) =>
    new aws.cloudwatch.MetricAlarm(name, {
      name: `${deployName()}-${name}`,
      alarmDescription: `${description} What to do: docs/operating.md, ${name}.`,
      ...metric,
      ...(statistic === 'p95'
        ? // One slow call of three is not a trend.
          { extendedStatistic: statistic, evaluateLowSampleCountPercentiles: 'ignore' }
        : { statistic }),
      threshold,
      period,
      evaluationPeriods: periods,
      comparisonOperator: below ? 'LessThanThreshold' : 'GreaterThanOrEqualToThreshold',
      treatMissingData: missingIsBad ? 'breaching' : 'notBreaching',
      alarmActions: [topic.arn, ...actions],
      okActions: [topic.arn],
    })
}
