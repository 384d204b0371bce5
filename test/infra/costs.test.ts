import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createMetrics } from '../../core/platform/metrics.ts'
import { columns, costTables, deployed } from '../../infra/costs.ts'
import { readMetrics } from '../support/metrics.ts'
import { costsFile, withCosts } from './support/cost-tables.ts'
import { deploy } from './support/deployment.ts'
import { all, functionOf } from './support/look.ts'

test('the tables of docs/deploying.md are those that the numbers give', () => {
  const text = readFileSync(costsFile, 'utf8')
  // If you changed a number: npm run infra:plan -- --update
  expect(text).toBe(withCosts(text))
})

test.each(['url', 'rds', 'production'] as const)(
  'the resources that cost something are counted: %s',
  async (column) => {
    const deployment = await deploy({ env: { ...columns[column] } })
    expect(deployment.errors).toEqual([])
    const instances = all(deployment, 'aws:ec2/instance:Instance')
    const gateways = all(deployment, 'aws:ec2/natGateway:NatGateway')
    const bastions = instances.filter(({ name }) => name === 'NetworkBastionInstance')
    expect({
      alarms: all(deployment, 'aws:cloudwatch/metricAlarm:MetricAlarm').length,
      nat: instances.length - bastions.length + gateways.length,
      bastions: bastions.length,
    }).toEqual(deployed[column])
    expect(functionOf(deployment, 'ApiHandler').memorySize).toBe(1024 * deployed.apiMemory)
    expect(functionOf(deployment, 'Stream').memorySize).toBe(1024 * deployed.streamMemory)
    // Three dashboards of an account are free.
    expect(all(deployment, 'aws:cloudwatch/dashboard:Dashboard')).toHaveLength(1)
  },
)

test('functions and alarms cost at most two dollars a month at rest, beside a database of another’s', () => {
  const row = (title: string) => {
    const line = costTables()
      .split('\n')
      .find((one) => one.startsWith(`| ${title}`))
    return Number(line?.split('|')[2])
  }
  expect(row('poller: a start a minute') + row('alarms')).toBeLessThanOrEqual(2)
})

test('the series are counted that the functions write', () => {
  const lines: string[] = []
  const metrics = createMetrics({ service: 's', write: (line) => lines.push(line), now: Date.now })
  const done = { claimed: 0, completed: 0, retried: 0, failed: 0, released: 0, lost: 0, reclaimed: 0, expired: 0 }
  metrics.report(done, 5)
  metrics.webhooksWaited(0)
  metrics.providerPaused('gemini', true)
  metrics.providerPaused('deepseek', true)
  metrics.apiCall(200, 12)
  metrics.jobsCreated(1)
  metrics.flush()
  const series = readMetrics(lines).flatMap(({ dimensions, values }) =>
    Object.keys(values).map((name) => JSON.stringify([name, dimensions])),
  )
  expect(new Set(series).size).toBe(deployed.metrics)
})

test('a job that shares the poller costs it a part, and one that waits or streams costs more than the rest of AWS', () => {
  const each = (title: string) => {
    const line = costTables()
      .split('\n')
      .find((one) => one.includes(title))
    return Number(line?.split('|')[2]?.replaceAll('*', ''))
  }
  expect(each('unpacked') / each('poller, packed')).toBeCloseTo(50, 0)
  for (const title of ['waits 25 s', 'at a function URL']) expect(each(title)).toBeGreaterThan(each('AWS beyond rest'))
})
