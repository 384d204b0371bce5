import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { createMetrics } from '../../core/platform/metrics.ts'
import { readMetrics } from '../support/metrics.ts'
import { type Deployment, deploy } from './support/deployment.ts'
import { all, functionOf, one } from './support/look.ts'
import { root } from './support/platform.ts'

let deployed: Deployment
let rds: Deployment
let managed: Deployment
beforeAll(async () => {
  const DEPLOY_ALARM_EMAIL = 'ann@example.com'
  deployed = await deploy({ env: { DEPLOY_DATABASE: 'url', DEPLOY_ALARM_EMAIL, DEPLOY_BUDGET_DOLLARS: '300' } })
  rds = await deploy({ env: { DEPLOY_DATABASE: 'rds' } })
  managed = await deploy({
    env: { DEPLOY_DATABASE: 'rds', DEPLOY_NAT: 'managed', DEPLOY_DATABASE_INSTANCE: 'm7g.large' },
  })
})

const alarmsOf = (deployment: Deployment) => all(deployment, 'aws:cloudwatch/metricAlarm:MetricAlarm')
const namesOf = (deployment: Deployment) => alarmsOf(deployment).map(({ name }) => name)

describe('the alarms', () => {
  const service = { service: 'vision-pipeline-production' }
  const rest = { comparisonOperator: 'GreaterThanOrEqualToThreshold', treatMissingData: 'notBreaching' }
  const ours = { ...rest, namespace: 'VisionPipeline', dimensions: service }
  const failed = { ...ours, metricName: 'JobsFailedByCode', statistic: 'Sum', period: 300, threshold: 1 }
  const lambda = { ...rest, namespace: 'AWS/Lambda', statistic: 'Sum', threshold: 1 }

  const table: readonly (readonly [string, object])[] = [
    [
      'OldestDue',
      { ...ours, metricName: 'OldestDueSeconds', statistic: 'Maximum', threshold: 600, treatMissingData: 'breaching' },
    ],
    [
      'WebhooksOverdue',
      { ...ours, metricName: 'WebhookOldestDueSeconds', statistic: 'Maximum', threshold: 600, period: 60 },
    ],
    [
      'PollerSilent',
      {
        ...ours,
        metricName: 'PollerHeartbeat',
        statistic: 'Sum',
        period: 300,
        threshold: 1,
        comparisonOperator: 'LessThanThreshold',
        treatMissingData: 'breaching',
      },
    ],
    ['JobsFailed', { ...ours, metricName: 'JobsFailed', statistic: 'Sum', period: 300, threshold: 10 }],
    ['InternalError', { ...failed, dimensions: { ...service, code: 'internal.error' } }],
    ['WorkerLost', { ...failed, dimensions: { ...service, code: 'worker.lost' } }],
    ['JobExpired', { ...failed, dimensions: { ...service, code: 'job.expired' } }],
    [
      'StorageUnavailable',
      {
        ...failed,
        metricName: 'JobsReleasedByCode',
        dimensions: { ...service, code: 'storage.unavailable' },
        period: 900,
        threshold: 3,
      },
    ],
    ['GeminiPaused', { ...ours, metricName: 'ProviderPaused', dimensions: { ...service, provider: 'gemini' } }],
    ['DeepseekPaused', { ...ours, metricName: 'ProviderPaused', dimensions: { ...service, provider: 'deepseek' } }],
    ['PollerErrors', { ...lambda, metricName: 'Errors' }],
    [
      'ApiErrors',
      { ...rest, namespace: 'AWS/ApiGateway', metricName: '5xx', statistic: 'Sum', period: 300, threshold: 10 },
    ],
    ['ApiThrottled', { ...lambda, metricName: 'Throttles' }],
    ['StreamThrottled', { ...lambda, metricName: 'Throttles' }],
    ['StreamErrors', { ...lambda, metricName: 'Errors', threshold: 5, period: 300 }],
    [
      'ApiSlow',
      {
        ...ours,
        metricName: 'ApiLatency',
        extendedStatistic: 'p95',
        evaluateLowSampleCountPercentiles: 'ignore',
        threshold: 2_000,
        period: 300,
        evaluationPeriods: 3,
      },
    ],
    [
      'ConcurrencyHigh',
      { ...rest, namespace: 'AWS/Lambda', metricName: 'ConcurrentExecutions', statistic: 'Maximum', threshold: 800 },
    ],
  ]

  test.each(table)('%s', (name, alarm) => {
    expect(one(deployed, 'aws:cloudwatch/metricAlarm:MetricAlarm', name).inputs).toMatchObject(alarm)
  })

  test('there are no others: a full fleet throttles its schedule by design', () => {
    const found = all(deployed, 'aws:cloudwatch/metricAlarm:MetricAlarm')
    expect(found.map(({ name }) => name).toSorted()).toEqual(table.map(([name]) => name).toSorted())
    const named = (name: string) => found.find((alarm) => alarm.name === name)?.inputs.dimensions
    expect(named('PollerErrors')).toEqual({ FunctionName: functionOf(deployed, 'PollerHandler').name })
    expect(named('ApiThrottled')).toEqual({ FunctionName: functionOf(deployed, 'ApiHandler').name })
    expect(named('ApiErrors')).toEqual({ ApiId: 'ApiApi-id' })
    for (const name of ['StreamThrottled', 'StreamErrors']) {
      expect(named(name)).toEqual({ FunctionName: functionOf(deployed, 'Stream').name })
    }
    // Of all functions in the account: they share the limit.
    expect(named('ConcurrencyHigh')).toEqual({})
  })

  test('look at metrics that the functions write', () => {
    const sorted = (dimensions: object) => Object.fromEntries(Object.entries(dimensions).toSorted())
    const written = metricsWritten().flatMap(({ dimensions, values }) =>
      Object.keys(values).map((name) => JSON.stringify([name, sorted(dimensions)])),
    )
    const looked = all(deployed, 'aws:cloudwatch/metricAlarm:MetricAlarm')
      .filter(({ inputs }) => inputs.namespace === 'VisionPipeline')
      .map(({ inputs }) => JSON.stringify([inputs.metricName, sorted(inputs.dimensions as object)]))
    expect(looked).toHaveLength(
      table.filter(([, alarm]) => 'namespace' in alarm && alarm.namespace === ours.namespace).length,
    )
    for (const metric of looked) expect(written).toContain(metric)
  })

  test('all go to one topic, which a mailbox subscribes to', () => {
    const topic = String(deployed.outputs.alarms)
    for (const { inputs } of all(deployed, 'aws:cloudwatch/metricAlarm:MetricAlarm')) {
      expect(inputs).toMatchObject({ alarmActions: [topic], okActions: [topic] })
    }
    expect(one(deployed, 'aws:sns/topicSubscription:TopicSubscription').inputs).toMatchObject({
      topic,
      protocol: 'email',
      endpoint: 'ann@example.com',
    })
  })
})

describe('the alarms of a database of its own', () => {
  const rest = { comparisonOperator: 'GreaterThanOrEqualToThreshold', treatMissingData: 'notBreaching' }
  const database = { ...rest, namespace: 'AWS/RDS', dimensions: { DBInstanceIdentifier: 'MysqlInstance-identifier' } }
  const below = { comparisonOperator: 'LessThanThreshold' }

  test.each([
    ['DatabaseConnections', { ...database, metricName: 'DatabaseConnections', statistic: 'Maximum', threshold: 50 }],
    ['DatabaseStorage', { ...database, ...below, metricName: 'FreeStorageSpace', threshold: 1024 ** 3 }],
    [
      'DatabaseCpu',
      { ...database, metricName: 'CPUUtilization', statistic: 'Average', threshold: 80, evaluationPeriods: 3 },
    ],
    ['DatabaseCredits', { ...database, ...below, metricName: 'CPUCreditBalance', threshold: 20 }],
    [
      'NatDown2',
      {
        ...rest,
        namespace: 'AWS/EC2',
        metricName: 'StatusCheckFailed_System',
        dimensions: { InstanceId: 'NetworkNatInstance2-id' },
        treatMissingData: 'breaching',
        alarmActions: [expect.stringContaining(':sns'), 'arn:aws:automate:eu-central-1:ec2:recover'],
      },
    ],
    [
      'NatBroken1',
      {
        ...rest,
        namespace: 'AWS/EC2',
        metricName: 'StatusCheckFailed_Instance',
        dimensions: { InstanceId: 'NetworkNatInstance1-id' },
        alarmActions: [expect.stringContaining(':sns'), 'arn:aws:automate:eu-central-1:ec2:reboot'],
      },
    ],
  ])('%s', (name, alarm) => {
    expect(one(rds, 'aws:cloudwatch/metricAlarm:MetricAlarm', name).inputs).toMatchObject(alarm)
  })

  test('a gateway has one of its own, and a class without credits has none for them', () => {
    const names = namesOf(managed)
    expect(names.filter((name) => name.startsWith('Nat'))).toEqual(['NatDown1', 'NatDown2'])
    expect(one(managed, 'aws:cloudwatch/metricAlarm:MetricAlarm', 'NatDown1').inputs).toMatchObject({
      namespace: 'AWS/NATGateway',
      metricName: 'ErrorPortAllocation',
      dimensions: { NatGatewayId: 'NetworkNatGateway1-id' },
    })
    expect(names).not.toContain('DatabaseCredits')
  })
})

describe('the runbook', () => {
  const runbook = readFileSync(join(root, 'docs/operating.md'), 'utf8')
  const sections = new Map(
    [...runbook.matchAll(/^### (`.*)\n\n([\s\S]*?)(?=\n###? |\n## )/gm)].flatMap(([, heading = '', text = '']) =>
      [...heading.matchAll(/`(\w+)`/g)].map(([, name = '']) => [name, text] as const),
    ),
  )

  test('has a page for each alarm, with the first three commands, and none for others', () => {
    const names = new Set([deployed, rds, managed].flatMap(namesOf).map((name) => name.replace(/\d$/, '')))
    expect([...sections.keys()].toSorted()).toEqual([...names].toSorted())
    for (const [name, text] of sections) {
      const commands = /```bash\n([\s\S]*?)\n```/.exec(text)?.[1]?.split('\n') ?? []
      expect([name, commands.length]).toEqual([name, 3])
    }
  })

  test('has commands that run as they stand, with what its first block defines and logs that there are', () => {
    const first = /## Alarms[\s\S]*?```bash\n([\s\S]*?)\n```/.exec(runbook)?.[1] ?? ''
    const defined = [...first.matchAll(/^(?:export )?(\w+)(?:=|\(\))/gm)].map(([, name = '']) => name)
    expect(defined).toEqual(['STAGE', 'API', 'BUCKET_NAME', 'DATABASE_URL', 'db', 'logs'])
    const commands = [...sections].flatMap(([, text]) => /```bash\n([\s\S]*?)\n```/.exec(text)?.[1]?.split('\n') ?? [])
    const groups = all(rds, 'aws:cloudwatch/logGroup:LogGroup').map(({ inputs }) => String(inputs.name))
    for (const command of commands) {
      expect(command).toMatch(/^(npm run ops -- |aws |git |curl |db |logs )/)
      expect(command).not.toContain('…')
      for (const [, name = ''] of command.matchAll(/\$(\w+)/g))
        expect([command, defined]).toEqual([command, expect.arrayContaining([name])])
      const [, group] = /^logs (\w+)/.exec(command) ?? []
      if (group)
        expect([command, groups.filter((name) => name.includes(`-production-${group}Function`)).length]).toEqual([
          command,
          1,
        ])
    }
  })

  test('tells the same settings wherever it speaks of a full fleet, in the same order', () => {
    const [, first = ''] =
      /^- \*\*The oldest due job keeps waiting[\s\S]*?If they are full, raise([\s\S]*?)\. /m.exec(runbook) ?? []
    const [, page = ''] = /Full fleet: \[raise([\s\S]*?)\]\(#runbook\)/.exec(sections.get('OldestDue') ?? '') ?? []
    const raised = (text: string) =>
      [...text.replaceAll(/\([^)]*\)/g, '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name)
    expect(raised(first)).toEqual(['POLLER_CONCURRENCY', 'DEPLOY_POLLER_MAX'])
    expect(raised(page)).toEqual(raised(first))
    const elsewhere = [...sections].filter(
      ([name, text]) => name !== 'OldestDue' && /DEPLOY_POLLER_(MAX|SECONDS)/.test(text),
    )
    expect(elsewhere).toEqual([])
    expect(readFileSync(join(root, 'README.md'), 'utf8')).not.toMatch(/DEPLOY_POLLER|POLLER_CONCURRENCY/)
  })

  test('is named by the alarm itself', () => {
    for (const { name, inputs } of [deployed, rds, managed].flatMap(alarmsOf)) {
      expect(inputs.alarmDescription).toContain(`docs/operating.md, ${name}.`)
    }
  })

  test('knows every command of the operator that it tells to run', () => {
    const ops = readFileSync(join(root, 'cli/operate.ts'), 'utf8')
    const told = new Set([...runbook.matchAll(/npm run (?:-s )?ops -- (\w+)/g)].map(([, verb = '']) => verb))
    expect(told.size).toBeGreaterThan(4)
    for (const verb of told) expect(ops).toMatch(new RegExp(`\\b${verb}\\b`))
  })
})

describe('the dashboard', () => {
  type Widget = { properties: { title: string; metrics: (string | Record<string, string>)[][] } }
  const widgetsOf = (deployment: Deployment) => {
    const { dashboardBody } = one(deployment, 'aws:cloudwatch/dashboard:Dashboard').inputs
    return (JSON.parse(String(dashboardBody)) as { widgets: Widget[] }).widgets
  }

  test('has the jobs, their failures by code, the API and the functions at once on one page', () => {
    const text = JSON.stringify(widgetsOf(deployed))
    for (const metric of ['JobsCompleted', 'JobsFailedByCode', 'OldestDueSeconds', 'ApiLatency', '5xx', 'Errors']) {
      expect(text).toContain(metric)
    }
    for (const name of ['ApiHandler', 'PollerHandler', 'Stream']) {
      expect(text).toContain(String(functionOf(deployed, name).name))
    }
    expect(text).not.toContain('AWS/RDS')
    expect(JSON.stringify(widgetsOf(rds))).toContain('MysqlInstance-identifier')
  })

  test('shows metrics of ours that the functions write, under the dimensions that they have there', () => {
    const shown = widgetsOf(deployed).flatMap(({ properties }) =>
      properties.metrics.flatMap(([first, name, ...dimensions]) => {
        if (first === 'VisionPipeline') {
          const pairs = dimensions.filter((part) => typeof part === 'string')
          return [JSON.stringify([name, Object.fromEntries([pairs])])]
        }
        const { expression } = first as { expression?: string }
        const [, keys, found, of] =
          /^SEARCH\('\{VisionPipeline,([\w,]+)\} MetricName="(\w+)" service="(.*?)"'/.exec(expression ?? '') ?? []
        return keys === undefined ? [] : [JSON.stringify([found, keys.split(','), of])]
      }),
    )
    const written = metricsWritten()
    expect(shown).toHaveLength(10)
    const names = written.flatMap(({ dimensions, values }) =>
      Object.keys(values).flatMap((name) => [
        JSON.stringify([name, dimensions]),
        JSON.stringify([name, Object.keys(dimensions).toSorted().toReversed(), dimensions.service]),
      ]),
    )
    for (const metric of shown) expect(names).toContain(metric)
  })
})

describe('the budget', () => {
  test('tells before the month costs more than is set', () => {
    expect(one(deployed, 'aws:budgets/budget:Budget').inputs).toMatchObject({
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      limitAmount: '300',
      limitUnit: 'USD',
      notifications: [
        { notificationType: 'ACTUAL', threshold: 80, subscriberEmailAddresses: ['ann@example.com'] },
        { notificationType: 'FORECASTED', threshold: 100, subscriberEmailAddresses: ['ann@example.com'] },
      ],
    })
    expect(all(rds, 'aws:budgets/budget:Budget')).toEqual([])
  })
})

/** A metric of each kind, as the functions of a production write them. */
function metricsWritten() {
  const lines: string[] = []
  const metrics = createMetrics({
    service: 'vision-pipeline-production',
    write: (line) => lines.push(line),
    now: Date.now,
  })
  metrics.report({ ...nothing, failed: 1 }, 5)
  // The codes that have an alarm, as a worker counts them.
  metrics.jobsFailed({ 'internal.error': 1, 'worker.lost': 1, 'job.expired': 1, 'image.not_found': 1 })
  metrics.jobsReleased({ 'storage.unavailable': 1 })
  metrics.providerPaused('gemini', true)
  metrics.providerPaused('deepseek', true)
  metrics.apiCall(200, 12)
  metrics.jobsCreated(1)
  metrics.webhooksWaited(3)
  metrics.flush()
  return readMetrics(lines)
}

const nothing = { claimed: 0, completed: 0, retried: 0, failed: 0, released: 0, lost: 0, reclaimed: 0, expired: 0 }
