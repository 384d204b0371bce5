import { expect, test } from 'vitest'
import { describeClaiming, describeStatus } from '../../cli/ops-text.ts'
import { exampleStatus } from '../../core/api/admin/examples.ts'

const closed = {
  circuit: 'closed',
  openMs: 0,
  openCode: null,
  downSince: null,
  consecutiveFailures: 0,
  pausedByOperator: null,
} as const
const paused = { by: 'cli:olga', at: '2026-11-24T03:00:00.000Z', reason: null }
const claims = { pausedByOperator: null }
const providers = [
  { ...closed, provider: 'gemini' },
  { ...closed, provider: 'deepseek', pausedByOperator: paused },
]

test('who paused it says why', () => {
  const pausedByOperator = { ...paused, reason: 'their bill' }
  const text = describeClaiming({ claims, providers: [{ ...closed, provider: 'deepseek', pausedByOperator }] })
  expect(text).toMatch(/00Z: their bill$/)
})

test('resuming the wrong one says what is still paused', () => {
  expect(describeClaiming({ claims, providers }, true)).toMatch(
    /paused by cli:olga[^\n]*\nStill paused: npm run ops -- resume --provider deepseek$/,
  )
  expect(describeClaiming({ claims, providers })).not.toMatch(/Still paused/)
  expect(describeClaiming({ claims: { pausedByOperator: paused }, providers: [] }, true)).toMatch(
    /\nStill paused: npm run ops -- resume$/,
  )
})

test('the circuit is told in the words of a circuit breaker, with its cause', () => {
  const down = { openCode: 'content.unavailable', downSince: '2026-11-24T03:00:00.000Z' }
  const lines = describeClaiming({
    claims,
    providers: [
      { ...closed, provider: 'gemini', circuit: 'open', openMs: 12_000, openCode: 'analysis.rate_limited' },
      { ...closed, provider: 'deepseek', circuit: 'half_open', ...down },
    ],
  }).split('\n')
  expect(lines.map((line) => line.replaceAll(/ {2,}/g, '|'))).toEqual([
    'claiming|state',
    'all|running',
    'gemini|open for 12 s (analysis.rate_limited)',
    'deepseek|half-open (content.unavailable), down since 2026-11-24T03:00:00.000Z',
  ])
})

test('the status says how webhooks are', () => {
  expect(describeStatus(exampleStatus)).toContain(
    'webhooks: 14 to deliver (12 to failing endpoints), the oldest due waits for 0 s; endpoints: 40 enabled (2 failing), 1 disabled',
  )
  const more = { count: 1_000, atLeast: true }
  const text = describeStatus({
    ...exampleStatus,
    webhooks: { ...exampleStatus.webhooks, waiting: more, oldestDueSeconds: 0 },
  })
  expect(text).toContain('webhooks: 1,000 or more to deliver (12 to failing endpoints), the oldest due none;')
})
