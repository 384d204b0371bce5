import { expect, test } from 'vitest'
import { wordDiff } from '../../console/src/job/word-diff.ts'

const told = (before: string, after: string, language = 'en') =>
  wordDiff(before, after, language)
    .map(({ kind, text }) => (kind === 'same' ? text : kind === 'removed' ? `[-${text}-]` : `[+${text}+]`))
    .join('')

test.each([
  ['A blue vase.', 'A blue vase.', 'A blue vase.'],
  ['A blue vase.', 'A tall blue vase.', 'A [+tall +]blue vase.'],
  ['A blue vase on a table.', 'A red vase on a sill.', 'A [-blue-][+red+] vase on a [-table-][+sill+].'],
  ['', 'New.', '[+New.+]'],
  ['Old.', '', '[-Old.-]'],
])('%j and %j differ by words', (before, after, diff) => expect(told(before, after)).toBe(diff))

test('words of a script without spaces are words too', () => {
  expect(told('夜明けの青い花瓶。', '夜明けの赤い花瓶。', 'ja')).toBe('夜明けの[-青い-][+赤い+]花瓶。')
})

test('both texts come out of it, whatever they are, and long ones are compared as a whole', () => {
  const long = (word: string) => Array.from({ length: 1_500 }, (_, at) => `${word}${at}`).join(' ')
  for (const [before, after] of [
    ['a b c d e', 'e d c b a'],
    [long('x'), long('y')],
  ] as const) {
    const parts = wordDiff(before, after, 'en')
    const of = (left: 'removed' | 'added') => parts.map(({ kind, text }) => (kind === left ? '' : text)).join('')
    expect(of('added')).toBe(before)
    expect(of('removed')).toBe(after)
  }
  expect(wordDiff(long('x'), long('y'), 'en')).toHaveLength(2)
})
