import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mutated } from './support/mutated.ts'
import { mutations } from './support/mutations.ts'
import { root } from './support/platform.ts'

// That each turns a test red is shown by npm run test:infra:mutations, which takes many minutes.
test.each(Object.entries(mutations))('there is still a place for the mistake: %s', (name, { file }) => {
  const source = readFileSync(join(root, file), 'utf8')
  expect(mutated(name, file, source)).not.toBe(source)
})
