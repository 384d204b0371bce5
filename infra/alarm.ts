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
  /** It fires when a value is below the threshold, not when it is at or above it. */
  readonly below?: true
  /** Whether missing data raises it: a dead process sends none. */
  readonly missingIsBad?: true
  /** What AWS does by itself, beside telling people. */
  readonly actions?: readonly $util.Input<string>[]
}

export const minute = 60

/** Makes alarms that tell people through one topic. */
export type Alarms = (name: string, alarm: Alarm) => aws.cloudwatch.MetricAlarm

/** @param topic where they say it */
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
