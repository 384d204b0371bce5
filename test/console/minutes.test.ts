import { expect, test } from 'vitest'
import { courseOf, type Minute, mostOf, pathOf } from '../../console/src/operations/minutes.ts'

const now = Date.parse('2026-11-27T12:04:30Z')

function minute(at: string, of: Partial<Minute>): Minute {
  return {
    minute: `2026-11-27T${at}:00.000Z`,
    workers: 1,
    claimed: 0,
    completed: 0,
    retried: 0,
    failed: 0,
    expired: 0,
    reclaimed: 0,
    failures: {},
    costUsd: 0,
    waitingMs: null,
    imageMs: null,
    analysisMs: null,
    contentMs: null,
    ...of,
  }
}

test('each minute of a span has its place, the current one last, and one without reports says that nothing was done', () => {
  const minutes = [
    minute('11:59', { completed: 9 }),
    minute('12:01', { completed: 6, retried: 1, failed: 1, waitingMs: { p50: 200, p95: 900 }, costUsd: 0.02 }),
    minute('12:03', {}),
    minute('12:04', { reclaimed: 2 }),
  ]
  const { starts, ...values } = courseOf(minutes, now, 5)
  expect(starts.map((start) => new Date(start).toISOString().slice(11, 16))).toEqual([
    '12:00',
    '12:01',
    '12:02',
    '12:03',
    '12:04',
  ])
  expect(values).toEqual({
    throughput: [0, 6, 0, 0, 0],
    failureRate: [null, 0.25, null, null, 1],
    waiting: [null, 900, null, null, null],
    cost: [0, 0.02, 0, 0, 0],
  })
})

test('a line breaks where nothing is known, and a value alone stands on the ground', () => {
  expect(pathOf([4, 2, null, 0, null, 1, 1], 4)).toBe('M0 4L16.67 52M50 100V100M83.33 76L100 76')
  expect(pathOf([null, 2, null], 4)).toBe('M50 52V100')
  expect(pathOf([null, null], 0)).toBe('')
  expect(pathOf([0, 0], 0)).toBe('M0 100L100 100')
})

test('the most of nothing is nothing', () => {
  expect(mostOf([null, 3, 7, null])).toBe(7)
  expect(mostOf([null])).toBe(0)
})
