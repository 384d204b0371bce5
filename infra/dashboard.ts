import type { Watched } from './alarms.ts'
import { deployName } from './names.ts'
import type { Settings } from './settings.ts'

const namespace = 'VisionPipeline'

/** A metric as a widget has it: namespace, name, dimensions by turns, and how it is shown. */
type Row = readonly (string | { readonly [key: string]: unknown })[]

/**
 * One CloudWatch dashboard for a first look: jobs, failures by code, the API, concurrent functions, the database.
 * The first three dashboards of an account are free.
 */
export function createDashboard(settings: Settings, { api, stream, poller, database }: Watched): void {
  const functions = { api: api.handler.name, poller: poller.name, ...(stream && { stream: stream.name }) }
  const known = {
    region: aws.getRegionOutput().region,
    functions: $util.output(functions),
    gateway: api.gateway.nodes.api.id,
    database: database.instance?.identifier ?? $util.output(''),
  }
  new aws.cloudwatch.Dashboard('Dashboard', {
    dashboardName: deployName(),
    dashboardBody: $resolve(known).apply((names) => JSON.stringify({ widgets: widgets(settings, names) })),
  })
}

interface Names {
  readonly region: string
  readonly functions: Readonly<Record<string, string>>
  readonly gateway: string
  readonly database: string
}

function widgets(settings: Settings, { region, functions, gateway, database }: Names) {
  const ours = (name: string, shown: object = {}): Row => [namespace, name, 'service', deployName(), { ...shown }]
  const graph = (title: string, metrics: readonly Row[], at: { x: number; y: number }, stat = 'Sum') => ({
    type: 'metric',
    width: 12,
    height: 6,
    ...at,
    properties: { title, region, stat, period: 300, view: 'timeSeries', metrics },
  })
  const byCode = (name: string): Row => [
    {
      id: name.toLowerCase(),
      expression: `SEARCH('{${namespace},service,code} MetricName="${name}" service="${deployName()}"', 'Sum', 300)`,
      label: '',
    },
  ]
  const ofFunctions = (metric: string, shown: object) =>
    Object.entries(functions).map(
      ([label, name]): Row => ['AWS/Lambda', metric, 'FunctionName', name, { label, ...shown }],
    )
  return [
    graph(
      'Jobs',
      ['JobsCreated', 'JobsCompleted', 'JobsRetried', 'JobsFailed'].map((name) => ours(name)),
      { x: 0, y: 0 },
    ),
    graph('Failed jobs, and released runs, by code', ['JobsFailedByCode', 'JobsReleasedByCode'].map(byCode), {
      x: 12,
      y: 0,
    }),
    graph(
      'Longest wait of a due job and of a webhook, in seconds',
      ['OldestDueSeconds', 'WebhookOldestDueSeconds'].map((name) => ours(name, { stat: 'Maximum' })),
      { x: 0, y: 6 },
    ),
    graph(
      'Answers of the API, in milliseconds, waits left out',
      ['p50', 'p95'].map((stat) => ours('ApiLatency', { stat, label: stat })),
      { x: 12, y: 6 },
    ),
    graph(
      'Calls of the API',
      [
        ['AWS/ApiGateway', 'Count', 'ApiId', gateway],
        ['AWS/ApiGateway', '4xx', 'ApiId', gateway],
        ['AWS/ApiGateway', '5xx', 'ApiId', gateway],
      ],
      { x: 0, y: 12 },
    ),
    graph(
      `Functions at once${settings.accountConcurrency ? `, of ${settings.accountConcurrency}` : ''}`,
      [['AWS/Lambda', 'ConcurrentExecutions', { label: 'the account' }], ...ofFunctions('ConcurrentExecutions', {})],
      { x: 12, y: 12 },
      'Maximum',
    ),
    graph('Errors of functions', ofFunctions('Errors', {}), { x: 0, y: 18 }),
    ...(database
      ? [
          graph(
            'Database: busy in percent, connections, credits',
            ['CPUUtilization', 'DatabaseConnections', 'CPUCreditBalance'].map(
              (name): Row => ['AWS/RDS', name, 'DBInstanceIdentifier', database],
            ),
            { x: 12, y: 18 },
            'Average',
          ),
        ]
      : []),
  ]
}
