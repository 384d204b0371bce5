import { describe, expect, test } from 'vitest'
import type { Price } from '../../core/providers/price.ts'
import { createPrices } from '../../core/providers/prices.ts'

const million = { inputTokens: 1_000_000, cachedTokens: 0, outputTokens: 0 }
const on = (day: string, own: readonly Price[] = []) => createPrices(own, () => Date.parse(day))
const dollars = (amount: number) => amount * 1e9
const price = (changes: Partial<Price>): Price => ({
  model: 'a-model',
  from: '2026-01-01',
  input: 1,
  cachedInput: 0.1,
  output: 10,
  ...changes,
})

describe('a price', () => {
  test('is of whole nano-dollars: what was cached costs its own rate, and thinking is a part of the output', () => {
    const { costOf } = on('2026-11-22')
    expect(costOf(['gemini-3.5-flash-lite'], { inputTokens: 1210, cachedTokens: 0, outputTokens: 380 })).toBe(1_313_000)
    expect(costOf(['gemini-3.5-flash-lite'], { inputTokens: 1210, cachedTokens: 1000, outputTokens: 0 })).toBe(93_000)
    expect(costOf(['deepseek-flash'], { inputTokens: 690, cachedTokens: 448, outputTokens: 240 })).toBe(181_644)
    const odd = on('2026-11-22', [price({ input: 0.0028 })])
    expect(odd.costOf(['a-model'], { inputTokens: 1, cachedTokens: 0, outputTokens: 0 })).toBe(3)
  })

  test('holds from its day on, until a later one does', () => {
    const own = [price({ from: '2026-06-01', input: 2 }), price({ from: '2026-03-01', input: 1 })]
    const at = (moment: string) => on(moment, own).costOf(['a-model'], million)
    expect(at('2026-02-28T23:59:59.999Z')).toBeNull()
    expect(at('2026-03-01T00:00:00Z')).toBe(dollars(1))
    expect(at('2026-05-31T23:59:59.999Z')).toBe(dollars(1))
    expect(at('2026-06-01T00:00:00Z')).toBe(dollars(2))
  })

  test('is another one at peak hours, on weekdays', () => {
    const at = (moment: string) => on(moment).costOf(['deepseek-flash'], million)
    // A Tuesday and a Sunday.
    expect(at('2026-11-24T00:59:59.999Z')).toBe(dollars(0.15))
    expect(at('2026-11-24T01:00:00Z')).toBe(dollars(0.3))
    expect(at('2026-11-24T03:59:59.999Z')).toBe(dollars(0.3))
    expect(at('2026-11-24T04:00:00Z')).toBe(dollars(0.15))
    expect(at('2026-11-24T09:00:00Z')).toBe(dollars(0.3))
    expect(at('2026-11-22T02:00:00Z')).toBe(dollars(0.15))
  })

  test('of the operator’s goes before the public one of the same day, and a newer public one before it', () => {
    const own = [price({ model: 'gemini-3.5-flash-lite', from: '2026-07-21', input: 5 })]
    expect(on('2026-11-24', own).costOf(['gemini-3.5-flash-lite'], million)).toBe(dollars(5))
    const old = [price({ model: 'gemini-3.5-flash-lite', from: '2026-07-20', input: 5 })]
    expect(on('2026-11-24', old).costOf(['gemini-3.5-flash-lite'], million)).toBe(dollars(0.3))
  })

  test('is of a model and of its versions, and of no other that is named alike', () => {
    const { costOf } = on('2026-11-22', [price({ model: 'gemini-9-flash' })])
    for (const name of [
      'gemini-9-flash',
      'gemini-9-flash-001',
      'gemini-9-flash-preview-09-2026',
      'gemini-9-flash-emulated',
    ]) {
      expect(costOf([name], million), name).toBe(dollars(1))
    }
    for (const name of ['gemini-9-flash-lite', 'gemini-9', 'gemini-9-flashy', 'constructor', '']) {
      expect(costOf([name], million), name).toBeNull()
    }
  })

  test('is found by the name that was asked for where the one that answered has none', () => {
    const { costOf } = on('2026-11-22')
    expect(costOf(['an-inner-name', 'deepseek-flash'], million)).toBe(dollars(0.15))
    expect(costOf(['deepseek-v4-pro', 'deepseek-flash'], million)).toBe(dollars(0.66))
  })
})
