import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { openDatabase } from '../../core/database/client.ts'
import { VisionError } from '../../core/domain/errors.ts'
import { emptyTally } from '../../core/domain/tally.ts'
import type { Level } from '../../core/platform/log.ts'
import { createMetrics } from '../../core/platform/metrics.ts'
import { reportFailure } from '../../core/providers/availability/circuit-breaker.ts'
import { pauseByOperator } from '../../core/providers/availability/operator-pause.ts'
import { type MetricsReporterOptions, startMetricsReporter } from '../../core/worker/report/metrics-reporter.ts'
import { createStats } from '../../core/worker/report/stats.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { makeDeliveries, makeEndpoint } from '../support/database/webhooks.ts'
import { eventually } from '../support/eventually.ts'
import { readMetrics } from '../support/metrics.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const pause = { baseMs: 60_000, capMs: 60_000 }

function reporter(options: Partial<MetricsReporterOptions> = {}) {
  const lines: string[] = []
  const logged: [Level, string][] = []
  const counts = emptyTally()
  const stop = startMetricsReporter({
    database,
    metrics: createMetrics({ service: 'test', write: (line) => void lines.push(line), now: Date.now }),
    log: (level, message) => void logged.push([level, message]),
    counts,
    stats: createStats(),
    everyMs: 20,
    ...options,
  })
  const told = () => readMetrics(lines).flatMap(({ values }) => ('PollerHeartbeat' in values ? [values] : []))
  const paused = () =>
    Object.fromEntries(
      readMetrics(lines).flatMap(({ dimensions, values }) =>
        dimensions.provider === undefined ? [] : [[dimensions.provider, values.ProviderPaused]],
      ),
    )
  return { counts, stop, told, paused, logged }
}

test('a worker that drains says again and again what it has done since the last time', async () => {
  const { counts, stop, told } = reporter()
  await eventually(() => expect(told().length).toBeGreaterThanOrEqual(2))
  counts.claimed = 3
  await eventually(() => expect(told().some(({ JobsClaimed }) => JobsClaimed === 3)).toBe(true))
  counts.claimed = 5
  counts.completed = 4
  await stop()
  const sum = (name: string) => told().reduce((total, values) => total + (values[name] ?? 0), 0)
  expect([sum('JobsClaimed'), sum('JobsCompleted')]).toEqual([5, 4])
  expect(told().every(({ PollerHeartbeat }) => PollerHeartbeat === 1)).toBe(true)
  const last = told().length
  await delay(60)
  expect(told().length, 'and nothing once it has been stopped').toBe(last)
})

test('a worker tells of the webhook that has waited longest', async () => {
  const { endpointId } = await makeEndpoint(database)
  await makeDeliveries(database, '', 1)
  await database.sql("UPDATE vision_webhook_endpoints SET created_at = '2026-01-01'")
  await database.sql('UPDATE vision_webhook_deliveries SET due_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR')
  const { stop, told } = reporter({ everyMs: 60_000 })
  await stop()
  expect(told()[0]?.WebhookOldestDueSeconds).toBeGreaterThanOrEqual(3_600)
  await database.sql("UPDATE vision_webhook_endpoints SET disabled_reason = 'gone' WHERE id = ?", [endpointId])
})

test('a worker that ends at once says so once', async () => {
  const { stop, told } = reporter({ everyMs: 60_000 })
  await stop()
  expect(told()).toHaveLength(1)
})

test('without the database the worker still reports its heartbeat, and no age of the oldest job', async () => {
  const away = openDatabase('mysql://root@127.0.0.1:1/gone', { connections: 1, random: Math.random })
  const { stop, told, paused, logged } = reporter({ database: away, everyMs: 60_000 })
  await stop()
  await away.close()
  expect(told()).toMatchObject([{ PollerHeartbeat: 1 }])
  expect(told()[0]).not.toHaveProperty('OldestDueSeconds')
  expect(paused()).toEqual({})
  expect(logged).toEqual([['error', 'queue metrics not read']])
})

test('a database that never answers does not hold the end up', async () => {
  const { promise: never } = Promise.withResolvers<never>()
  const hanging = { ...database, run: () => never }
  const { stop, told } = reporter({ database: hanging, everyMs: 60_000 })
  await stop()
  expect(told()).toHaveLength(1)
})

test.each<[string, () => Promise<unknown>]>([
  ['paused', () => reportFailure(database, 'gemini', new VisionError('analysis.rate_limited'), pause)],
  ['down', () => reportFailure(database, 'gemini', new VisionError('analysis.misconfigured'), pause)],
  [
    'down and about to be probed',
    async () => {
      await reportFailure(database, 'gemini', new VisionError('analysis.misconfigured'), pause)
      await database.sql('UPDATE vision_provider_states SET backoff_until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND')
    },
  ],
  ['paused by an operator', () => database.transact((tx) => pauseByOperator(tx, 'gemini', 'ann'))],
])('every worker tells of a provider that is %s, whoever met it', async (_, trouble) => {
  await trouble()
  const { stop, paused } = reporter({ everyMs: 60_000 })
  await stop()
  expect(paused()).toEqual({ gemini: 1, deepseek: 0 })
})
