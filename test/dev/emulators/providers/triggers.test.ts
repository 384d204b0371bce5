import { expect, test } from 'vitest'
import { createFaults } from '../../../../dev/emulators/providers/faults.ts'
import { triggerOf } from '../../../../dev/emulators/providers/triggers.ts'

const prompt = (purpose: string, rest = '') => `Instructions. <purpose>${JSON.stringify(purpose)}</purpose> ${rest}`

test.each([
  ['Sell it [emulate blocked]', 'gemini', 'blocked'],
  ['Sell it [emulate failed]', 'gemini', 'malformed'],
  ['[emulate blocked text] Sell it', 'deepseek', 'blocked'],
  [`${'Sell it. '.repeat(200)}[emulate failed text]`, 'deepseek', 'malformed'],
] as const)('%s is a fault of %s alone', (purpose, provider, kind) => {
  const other = provider === 'gemini' ? 'deepseek' : 'gemini'
  expect(triggerOf({ provider, text: prompt(purpose) })).toMatchObject({ latencyMs: 0, fault: { provider, kind } })
  expect(triggerOf({ provider: other, text: prompt(purpose) })).toEqual({ latencyMs: 0, fault: undefined })
})

test('slow adds time and no fault', () => {
  expect(triggerOf({ provider: 'gemini', text: prompt('[emulate slow]') })).toEqual({
    latencyMs: 5_000,
    fault: undefined,
  })
  expect(triggerOf({ provider: 'deepseek', text: prompt('[emulate slow text]') })).toEqual({
    latencyMs: 5_000,
    fault: undefined,
  })
})

test('only the purpose triggers, and only what is documented', () => {
  const none = { latencyMs: 0, fault: undefined }
  expect(triggerOf({ provider: 'gemini', text: prompt('Sell it', '<facts>[emulate blocked]</facts>') })).toEqual(none)
  for (const purpose of ['[emulate]', '[emulate hang]', 'emulate blocked', '[Emulate blocked]']) {
    expect(triggerOf({ provider: 'gemini', text: prompt(purpose) })).toEqual(none)
  }
})

test('a fault that was switched on comes first, and times add up', () => {
  const faults = createFaults(() => 0)
  faults.add({ provider: 'gemini', kind: 'unavailable', latencyMs: 10 })
  const request = { provider: 'gemini', model: 'any', text: prompt('[emulate blocked]') } as const
  expect(faults.decide(request)).toMatchObject({ latencyMs: 10, fault: { kind: 'unavailable' } })
  expect(faults.decide(request)).toMatchObject({ latencyMs: 0, fault: { kind: 'blocked' } })
})
