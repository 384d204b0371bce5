import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asDate } from '../../drizzle/schema.ts'

test('the text of a column is the moment that it says in UTC, with milliseconds and without', () => {
  const date = fc.date({ min: new Date('1000-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  fc.assert(
    fc.property(date, (at) => {
      const text = at.toISOString().replace('T', ' ').replace('Z', '')
      expect(asDate(text)).toEqual(at)
      expect(asDate(text.slice(0, 19))).toEqual(new Date(at.getTime() - (((at.getTime() % 1_000) + 1_000) % 1_000)))
    }),
    { numRuns: 2_000 },
  )
  expect(asDate('2026-02-28 23:59:59.123456')).toEqual(new Date('2026-02-28T23:59:59.123Z'))
})

test('the date of zeros is an invalid date', () => {
  for (const text of ['0000-00-00 00:00:00.000', '0000-00-00 00:00:00']) expect(asDate(text).getTime()).toBeNaN()
})
