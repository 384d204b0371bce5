import { expect, test } from 'vitest'
import { describeGates } from '../../cli/ops-text.ts'

const open = {
  name: 'all',
  state: 'open',
  stoppedAt: null,
  stoppedBy: null,
  stoppedReason: null,
  pausedMs: 0,
  pauseCode: null,
  downSince: null,
} as const
const gates = [
  { ...open },
  { ...open, name: 'deepseek', state: 'stopped', stoppedAt: '2026-11-24T03:00:00.000Z', stoppedBy: 'cli:olga' },
] as unknown as Parameters<typeof describeGates>[0]

test('who stopped it says why', () => {
  const [, stopped] = gates
  if (stopped) expect(describeGates([{ ...stopped, stoppedReason: 'their bill' }])).toMatch(/00Z: their bill$/)
})

test('whoever resumes the wrong one is told what is still stopped', () => {
  expect(describeGates(gates, true)).toMatch(/stopped by cli:olga[^\n]*\nStill stopped: resume --provider deepseek$/)
  expect(describeGates(gates)).not.toMatch(/Still stopped/)
})
