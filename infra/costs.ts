import { loadPollerConfig } from '../core/platform/config/poller.ts'
import { tickSeconds } from '../core/worker/schedule.ts'
import { readSettings } from './settings.ts'

// The cost of a deployment, as the tables of docs/deploying.md. A test compares the numbers of resources with the plan.

/** List prices in US dollars, us-east-1, November 2026, without free tiers. Their pages stand below the tables. */
const price = {
  lambdaGbSecond: 0.0000133334,
  lambdaCall: 0.2e-6,
  httpApiCall: 1e-6,
  restApiCall: 3.5e-6,
  s3Put: 0.005 / 1000,
  s3Get: 0.0004 / 1000,
  s3GbMonth: 0.023,
  logGb: 0.5,
  outGb: 0.09,
  natGb: 0.045,
  alarmMonth: 0.1,
  metricMonth: 0.3,
  rdsHour: { 't4g.micro': 0.016, 't4g.small': 0.032 },
  rdsGbMonth: 0.115,
  proxyCpuHour: 0.015,
  nanoHour: 0.0042,
  addressHour: 0.005,
  natGatewayHour: 0.045,
  zoneMonth: 0.5,
  secretMonth: 0.4,
  traces: 5e-6,
  planetScaleMonth: 39,
}
const hours = 720
const seconds = hours * 3600

/** The deployed resources that have a price. A test counts them. */
export const deployed = {
  url: { alarms: 17, nat: 0, bastions: 0 },
  rds: { alarms: 25, nat: 2, bastions: 0 },
  production: { alarms: 23, nat: 2, bastions: 1 },
  /** Series that the functions write whether there is work or not, or with each call. */
  metrics: 16,
  /** In GB. */
  apiMemory: 1,
  streamMemory: 0.5,
} as const

/** The settings of each column. */
export const columns = {
  url: { DEPLOY_DATABASE: 'url' },
  rds: { DEPLOY_DATABASE: 'rds' },
  production: {
    DEPLOY_DATABASE: 'rds',
    DEPLOY_NAT: 'managed',
    DEPLOY_DATABASE_MULTI_AZ: 'yes',
    DEPLOY_DATABASE_INSTANCE: 't4g.small',
  },
} as const
type Column = keyof typeof columns

/** The assumed job. */
const job = {
  seconds: 6,
  reads: 5,
  imageGb: 0.0005,
  sentGb: 0.0007,
  logGb: 4e-6,
  gemini: { input: 1_500, output: 800, inputPrice: 0.3e-6, outputPrice: 2.5e-6 },
  deepseek: { input: 2_000, output: 500, inputPrice: 0.15e-6, outputPrice: 0.6e-6 },
}
const callSeconds = 0.08
/** A start of the poller that finds nothing, in seconds. */
const emptyDrainSeconds = 0.3
/** The idle time with which one is always polling: the schedule starts one every 60 s. */
const idleSeconds = 75

/** Both tables, as Markdown. */
export function costTables(): string {
  return `${restTable()}\n\n${jobTable()}\n`
}

function restTable(): string {
  const names = Object.keys(columns) as Column[]
  const rows = new Map<string, Record<Column, number>>()
  const row = (title: string, cost: (column: Column) => number) => {
    rows.set(title, Object.fromEntries(names.map((name) => [name, cost(name)])) as Record<Column, number>)
  }
  const settingsOf = (column: Column) => readSettings(columns[column], { dev: false })
  const memory = settingsOf('url').DEPLOY_POLLER_MEMORY / 1024
  const starts = seconds / tickSeconds
  const busy = (perStart: number) => starts * (perStart * memory * price.lambdaGbSecond + price.lambdaCall)
  row('poller: a start a minute that finds nothing', () => busy(emptyDrainSeconds))
  row('database: PlanetScale PS-10, or the RDS instance, twice with a stand-in', (column) => {
    const settings = settingsOf(column)
    if (settings.DEPLOY_DATABASE === 'url') return price.planetScaleMonth
    const hourly = price.rdsHour[settings.DEPLOY_DATABASE_INSTANCE as keyof typeof price.rdsHour]
    return (settings.DEPLOY_DATABASE_MULTI_AZ === 'yes' ? 2 : 1) * (hours * hourly + 20 * price.rdsGbMonth)
  })
  row('RDS Proxy, 2 vCPU', (column) => (column === 'url' ? 0 : 2 * hours * price.proxyCpuHour))
  row('NAT: two instances, or two gateways, with their addresses', (column) => {
    const { nat } = deployed[column]
    const hourly = settingsOf(column).DEPLOY_NAT === 'managed' ? price.natGatewayHour : price.nanoHour
    return nat * hours * (hourly + price.addressHour)
  })
  row('bastion, with its address', (column) => deployed[column].bastions * hours * (price.nanoHour + price.addressHour))
  row('private DNS, one secret', (column) => (column === 'url' ? 0 : price.zoneMonth + price.secretMonth))
  row('alarms', (column) => deployed[column].alarms * price.alarmMonth)
  row('metrics', () => deployed.metrics * price.metricMonth)
  row('dashboard, budget, X-Ray', () => 0)
  const sum = (column: Column) => [...rows.values()].reduce((total, costs) => total + costs[column], 0)
  const sums = Object.fromEntries(names.map((name) => [name, sum(name)])) as Record<Column, number>
  const idling = busy(idleSeconds) - busy(emptyDrainSeconds)
  const line = (title: string, costs: Record<Column, number>, bold = '') =>
    `| ${bold}${title}${bold} | ${names.map((name) => `${bold}${costs[name] === 0 ? '' : money(costs[name])}${bold}`.replace('****', '')).join(' | ')} |`
  return [
    '| at rest, whatever the number of jobs | `url` | `rds` | `rds` for production: `managed`, t4g.small, a stand-in |',
    '|---|---|---|---|',
    ...[...rows].map(([title, costs]) => line(title, costs)),
    line('sum', sums, '**'),
    line(
      `sum with \`POLLER_IDLE_SECONDS=${idleSeconds}\`: a poller that polls every 2 s at all times`,
      Object.fromEntries(names.map((name) => [name, sums[name] + idling])) as Record<Column, number>,
      '**',
    ),
  ].join('\n')
}

function jobTable(): string {
  const { POLLER_CONCURRENCY: sideBySide } = pollerDefaults()
  const { DEPLOY_POLLER_MEMORY, streamSeconds } = readSettings(columns.url, { dev: false })
  const memory = DEPLOY_POLLER_MEMORY / 1024
  const calls = 1 + job.reads
  const working = job.seconds * memory * price.lambdaGbSecond
  const models = [job.gemini, job.deepseek].map(
    ({ input, output, inputPrice, outputPrice }) => input * inputPrice + output * outputPrice,
  )
  const aws: readonly (readonly [string, number])[] = [
    [`API Gateway, ${calls} calls`, calls * price.httpApiCall],
    [
      `API function, ${calls} × ${callSeconds * 1000} ms`,
      calls * (callSeconds * deployed.apiMemory * price.lambdaGbSecond + price.lambdaCall),
    ],
    [`poller, packed: ${job.seconds} s, ${sideBySide} jobs side by side`, working / sideBySide],
    ['S3: a PUT, two GETs', price.s3Put + 2 * price.s3Get],
    ['S3: 0.5 MB for a month', job.imageGb * price.s3GbMonth],
    ['logs, 4 kB', job.logGb * price.logGb],
    ['data out to the providers, 0.7 MB', job.sentGb * price.outGb],
  ]
  const more: readonly (readonly [string, number])[] = [
    ['the poller unpacked, one job at a time, instead of packed', working],
    [
      'a poller that is woken for the job alone, 1 s of start and end',
      memory * price.lambdaGbSecond + price.lambdaCall,
    ],
    ['each call that waits 25 s with `Prefer: wait`', 25 * deployed.apiMemory * price.lambdaGbSecond],
    [
      `each stream of ${streamSeconds} s, at a function URL`,
      streamSeconds * deployed.streamMemory * price.lambdaGbSecond + price.lambdaCall,
    ],
    [
      `each stream of ${streamSeconds} s, by the REST API of \`rds\``,
      streamSeconds * deployed.streamMemory * price.lambdaGbSecond + price.lambdaCall + price.restApiCall,
    ],
    ['the NAT, with `managed`: 0.7 MB', job.sentGb * price.natGb],
    ['10 kB of rows kept for a month on RDS', 10e-6 * price.rdsGbMonth],
    ['X-Ray, one call in twenty', (calls / 20) * price.traces],
  ]
  const sum = aws.reduce((total, [, cost]) => total + cost, 0)
  const all = sum + models.reduce((total, cost) => total + cost, 0)
  const perDay = [100, 10_000, 1_000_000]
  const line = (title: string, each: number, bold = '') =>
    `| ${bold}${title}${bold} | ${[each.toFixed(7), ...perDay.map((jobs) => money(each * jobs * 30))].map((text) => `${bold}${text}${bold}`).join(' | ')} |`
  return [
    '| a month of jobs | each job | 100 a day | 10,000 a day | 1,000,000 a day |',
    '|---|---|---|---|---|',
    ...aws.map(([title, each]) => line(title, each)),
    line('AWS beyond rest', sum, '**'),
    line('Gemini `gemini-3.5-flash-lite`: 1,500 tokens in, 800 out', models[0] ?? 0),
    line('DeepSeek `deepseek-flash`, off-peak: 2,000 tokens in, 500 out', models[1] ?? 0),
    line('all of it, beyond rest', all, '**'),
    ...more.map(([title, each]) => line(`*where it is so:* ${title}`, each)),
  ].join('\n')
}

function pollerDefaults() {
  return loadPollerConfig({
    DATABASE_URL: 'mysql://user@127.0.0.1/name',
    BUCKET_NAME: 'bucket',
    GEMINI_API_KEY: 'x',
    DEEPSEEK_API_KEY: 'x',
  })
}

function money(dollars: number): string {
  return dollars.toLocaleString('en-US', {
    minimumFractionDigits: dollars < 100 ? 2 : 0,
    maximumFractionDigits: dollars < 100 ? 2 : 0,
  })
}
