import { expect, test } from 'vitest'
import { type Form, tablesOf } from '../../bench/support/flat-tables.ts'

const sizes = [1_000, 100_000, 2_000_000]
const form = (text: string, reads: readonly number[], times: readonly number[], runs = 1): Form => ({
  text,
  at: sizes.map((_, index) => ({ reads: reads[index] ?? 0, times: Array(runs).fill(times[index]) })),
})

test('a form whose p50 grows is counted, one that takes next to nothing is counted apart, and a p99 needs two hundred runs', () => {
  const { text, grown } = tablesOf(
    [
      form('steady', [5, 5, 5], [1, 1, 1.4]),
      form('slower | `than` before', [5, 5, 5], [1, 2, 4], 200),
      form('tiny', [1, 1, 1], [0.1, 0.1, 0.29]),
    ],
    sizes,
    9,
  )
  expect(grown).toEqual([])
  expect(text).toContain('3 of the 9 forms')
  expect(text).toContain(
    '- p50: 3 forms; 1 take less than 0.3 ms at 2,000,000; of the other 2, 1 are within 1.5 times of 1,000, 1 are not.',
  )
  expect(text).toMatch(/- p99.*: 1 forms; 0 take less than 0.3 ms at 2,000,000; of the other 1, 0 are within/)
  expect(text).toContain(
    '| `slower \\| than before` | 200 | 4.00 | 1.00, 2.00, 4.00 | 5, 5, 5 |\n| `steady` | 1 | 1.40 |',
  )
})

test('a form that reads up to a bound is told from one that reads ever more', () => {
  const { text, grown } = tablesOf(
    [form('bounded', [900, 4_000, 4_000], [1, 4, 4]), form('unbounded', [900, 4_000, 9_000], [1, 4, 9])],
    sizes,
    2,
  )
  expect(grown).toEqual(['900, 4000, 9000: unbounded'])
  expect(text).toContain('0 read as many rows at any; 1 read more at 2,000,000 than at 1,000, up to a bound')
  expect(text).toContain('1 read more at 2,000,000 than at 100,000')
  expect(text.split('Those that read up to a bound:')[1]).toContain('bounded')
})

test('a form that did not run at each size is left out, and counted', () => {
  const rare: Form = { text: 'rare', at: sizes.map((_, index) => ({ reads: 0, times: index === 0 ? [1] : [] })) }
  const { text } = tablesOf([rare, form('steady', [5, 5, 5], [1, 1, 1])], sizes, 2)
  expect(text).toContain('1 of the 2 forms')
  expect(text).toContain('Not at each size, by chance: 1 forms.')
})

test('what forms differ by that touch no table is told beside', () => {
  const { text } = tablesOf(
    [form('SELECT id FROM vision_jobs', [1, 1, 1], [1, 1, 3]), form('BEGIN', [0, 0, 0], [1, 1, 2], 200)],
    sizes,
    2,
  )
  expect(text).toContain(
    '- Noise: of the 1 forms that touch no table (`BEGIN`, `SELECT VERSION()`) the largest ratio of p50 is 2.00, of p99 2.00.',
  )
  expect(text).toContain('- All runs of these forms together: p50 1.00, 1.00, 2.00 ms, p99 1.00, 1.00, 2.00 ms.')
})
