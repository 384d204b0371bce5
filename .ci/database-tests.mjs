// Names the test files that use the run's database server, one a line: they, or what they import of test/, ask for it.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const tests = resolve(import.meta.dirname, '../test')
const asks = /inject\('databaseServer'\)/
const imported = /(?:from|import) '(\.[^']+)'/g

/** @type {Map<string, boolean>} by file */
const known = new Map()

/** @param {string} file @returns {boolean} */
function usesServer(file) {
  const found = known.get(file)
  if (found !== undefined) return found
  // What imports it in a circle adds nothing.
  known.set(file, false)
  const text = readFileSync(file, 'utf8')
  const uses =
    asks.test(text) ||
    [...text.matchAll(imported)]
      .map(([, path = '']) => join(dirname(file), path))
      .filter((path) => path.startsWith(tests) && path.endsWith('.ts'))
      .some(usesServer)
  known.set(file, uses)
  return uses
}

for (const name of readdirSync(tests, { recursive: true, encoding: 'utf8' }).toSorted()) {
  if (name.endsWith('.test.ts') && usesServer(join(tests, name))) console.log(`test/${name}`)
}
