import { expect, test } from 'vitest'
import {
  addStats,
  failedWithout,
  noStats,
  percentilesOf,
  statBounds,
  statsOf,
  statsSince,
} from '../../core/domain/run-stats.ts'

const run = (waitingMs: number, analysisMs: number, code?: string) =>
  statsOf(
    waitingMs,
    {
      imageMs: 120,
      analysis: {
        model: 'm',
        inputTokens: 1,
        cachedTokens: 0,
        outputTokens: 1,
        thinkingTokens: 0,
        cost: 7,
        milliseconds: analysisMs,
      },
    },
    code,
  )

test('percentiles of many runs are no shorter than they were, and no longer than the bound above', () => {
  let stats = noStats()
  // Exactly 1 to 100 seconds.
  for (let seconds = 1; seconds <= 100; seconds++) stats = addStats(stats, run(seconds * 1000, 10))
  expect(percentilesOf(stats.durations.waiting)).toEqual({ p50: 60_000, p95: 120_000 })
  expect(percentilesOf(stats.durations.analysis)).toEqual({ p50: 50, p95: 50 })
  expect(percentilesOf(stats.durations.content), 'nothing was measured').toBeNull()
  expect(stats.cost).toBe(700)
})

test('what takes longer than every bound is not lost', () => {
  const stats = run(10 * 86_400_000, 1)
  expect(percentilesOf(stats.durations.waiting)).toEqual({ p50: statBounds.at(-1), p95: statBounds.at(-1) })
})

test('what came since an earlier moment and that moment are the whole', () => {
  const before = addStats(run(100, 5_000, 'analysis.blocked'), failedWithout('job.expired', 3))
  const more = addStats(run(9_000, 20), failedWithout('job.expired', 1))
  const now = addStats(before, more)
  expect(now.failed).toEqual({ 'analysis.blocked': 1, 'job.expired': 4 })
  expect(statsSince(before, now).failed).toEqual({ 'job.expired': 1 })
  expect(addStats(before, statsSince(before, now))).toEqual(now)
  expect(statsSince(now, now).failed).toEqual({})
})
