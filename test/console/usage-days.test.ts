import { expect, test } from 'vitest'
import type { components } from '../../client/src/openapi.ts'
import { axisTop, costsOf, mostSeries } from '../../console/src/usage/days.ts'

type Row = components['schemas']['UsageRow']

const row = (day: string, model: string | null, costUsd: number | null, unpricedCalls = 0): Row => ({
  day,
  status: 'completed',
  model,
  jobs: 1,
  runs: 1,
  calls: 1,
  possiblyBilled: 0,
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  thinkingTokens: 0,
  costUsd,
  unpricedCalls,
  waitingMs: 0,
  imageMs: 0,
  analysisMs: 0,
  contentMs: 0,
})

test('each day from the first to the last has the cost of each model, the dearest first, over all statuses', () => {
  const costs = costsOf(
    [
      row('2026-02-27', 'gemini', 1),
      { ...row('2026-02-27', 'gemini', 0.5), status: 'failed' },
      row('2026-03-01', 'deepseek', 4),
      row('2026-03-01', 'gemini', null, 3),
      row('2026-03-01', null, null),
    ],
    '2026-02-27',
    '2026-03-01',
  )
  expect(costs).toEqual({
    days: ['2026-02-27', '2026-02-28', '2026-03-01'],
    series: [
      { model: 'deepseek', costs: [0, 0, 4], total: 4, unpriced: 0 },
      { model: 'gemini', costs: [1.5, 0, 0], total: 1.5, unpriced: 3 },
    ],
    totals: [1.5, 0, 4],
  })
})

test('what has no texture of its own is one series, and no cost is lost', () => {
  const models = ['a', 'b', 'c', 'd', 'e', 'f']
  const rows = models.map((model, at) => row('2026-03-01', model, at + 1))
  const { series, totals } = costsOf(rows, '2026-03-01', '2026-03-01')
  expect(series.map(({ model, total }) => [model, total])).toEqual([
    ['f', 6],
    ['e', 5],
    ['d', 4],
    ['Other models', 6],
  ])
  expect(series).toHaveLength(mostSeries)
  expect(totals).toEqual([21])
})

test.each([
  [0, 1],
  [0.0004, 0.0005],
  [0.05, 0.05],
  [0.051, 0.1],
  [3, 5],
  [5.01, 10],
  [100, 100],
])('an axis for %f ends at %f', (most, top) => expect(axisTop(most)).toBeCloseTo(top, 10))
