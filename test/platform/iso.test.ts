import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isoOf } from '../../core/platform/iso.ts'

const all = { numRuns: 2_000 }

test('a moment is written as toISOString writes it, near or far', () => {
  const near = fc.date({ min: new Date('0900-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
  const any = fc.date({ noInvalidDate: true })
  fc.assert(
    fc.property(fc.oneof(near, any), (date) => {
      expect(isoOf(date)).toBe(date.toISOString())
    }),
    all,
  )
  for (const ms of [0, 9, 10, 99, 100, 999]) expect(isoOf(new Date(ms))).toBe(new Date(ms).toISOString())
})

test('a date that is none is an error', () => {
  expect(() => isoOf(new Date(Number.NaN))).toThrow(RangeError)
})
