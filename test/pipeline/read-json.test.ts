import { expect, test } from 'vitest'
import { mostRepaired, readObjects } from '../../core/pipeline/read-json.ts'

const broken = (length: number) => `{"text": '${'a'.repeat(length - 12)}'}`

test('what is repaired of an answer is bounded, and with it what a repair may take', () => {
  expect([...readObjects(broken(mostRepaired))]).toHaveLength(1)
  expect([...readObjects(broken(mostRepaired + 1))]).toEqual([])
  // All of an answer together, however many objects it has.
  const quarter = broken(mostRepaired / 4)
  expect([...readObjects(`${quarter} `.repeat(7))]).toHaveLength(4)
})

test('what is whole is read, whatever its length', () => {
  expect([...readObjects(JSON.stringify({ text: 'a'.repeat(2 * mostRepaired) }))]).toHaveLength(1)
})

test('a run of backticks is one fence to the repair', () => {
  const [read] = [...readObjects(`{"text": ${'`'.repeat(mostRepaired - 100)}\n'a'}`)]
  const [fenced] = [...readObjects(`{"text": \`\`\`\n'a'}`)]
  expect(read).toEqual(fenced)
})
