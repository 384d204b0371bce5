// npm test and npm run test:long: runs the tests that need no minutes of their own, or those that do (tagged `long`). Where files are
// named, all of their tests run.
import { globSync, readFileSync } from 'node:fs'

const long = process.argv[2] === 'long'
const given = process.argv.slice(long ? 3 : 2)
const named = given.some((argument) => /(^|\/)test\b|\.test\.ts$/.test(argument))
const chosen = given.some((argument) => argument.startsWith('--tags-filter'))

/** Files that have long tests: to load all others would take longer than it looks. */
function longFiles() {
  const root = new URL('../../', import.meta.url)
  return globSync('test/**/*.ts', { cwd: root })
    .filter((file) => /@module-tag long|tags: 'long'/.test(readFileSync(new URL(file, root), 'utf8')))
    .map((file) => (file.startsWith('test/console/journeys/') ? 'test/console/journeys.test.ts' : file))
}

const filter = long ? ['--tags-filter=long', ...new Set(longFiles())] : ['--tags-filter=!long']
process.argv.splice(2, process.argv.length, 'run', ...(named || chosen ? [] : filter), ...given)
await import('../../node_modules/vitest/vitest.mjs')
