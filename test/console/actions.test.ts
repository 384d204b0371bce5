import { expect, test } from 'vitest'
import { describeAction, markedIn } from '../../console/src/operations/actions.ts'

test.each([
  ['pause', { provider: 'gemini', reason: 'Slow' }, 'paused Gemini: Slow'],
  ['pause', { reason: null }, 'paused all claiming'],
  ['resume', { provider: 'deepseek' }, 'resumed DeepSeek'],
  ['redrive', { filter: { code: 'analysis.blocked', userId: null } }, 'redrove code analysis.blocked'],
  ['limits', { user: 'ann', limits: { jobsPerDay: 5 } }, 'limits user ann, jobsPerDay 5'],
])('an operator’s %s is told in words', (action, parameters, words) => {
  expect(describeAction({ action, parameters, dryRun: false } as never)).toBe(words)
  expect(describeAction({ action, parameters, dryRun: true } as never)).toBe(`${words}, only tried`)
})

test('what changed the course of a day is marked at its place, and what did not is left out', () => {
  const of = (at: string, action: string, dryRun = false) => ({ at, action, actor: 'olivia', parameters: {}, dryRun })
  const actions = [
    of('2026-11-27T12:00:00Z', 'resume'),
    of('2026-11-27T06:00:00Z', 'pause'),
    of('2026-11-27T06:00:00Z', 'redrive', true),
    of('2026-11-27T07:00:00Z', 'keys'),
    of('2026-11-26T23:59:00Z', 'pause'),
  ]
  const day = [Date.parse('2026-11-27T00:00:00Z'), Date.parse('2026-11-28T00:00:00Z')] as const
  expect(markedIn(actions as never, ...day).map(({ place, what }) => [place, what])).toEqual([
    [0.25, 'olivia paused all claiming'],
    [0.5, 'olivia resumed all claiming'],
  ])
})
