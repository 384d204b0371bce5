// node .ci/results.mjs failed REPORT             the files of a report in which something failed, a line each
// node .ci/results.mjs settled FOLDER/NAME        whether nothing failed in both runs of NAME, and the second ran
// node .ci/results.mjs count FOLDER FAILED_STEPS  what failed, by name, then one line: N passed, N failed
//
// A report is what Vitest's JSON reporter writes. NAME.again.json tells of the files of NAME.json that were run once more.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'

const read = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).testResults : [])
const fails = (file) => file.status === 'failed'
const failedTests = (file) => file.assertionResults.filter((test) => test.status === 'failed')
const where = (file, test) => `${relative('.', file.name)}${test ? ` > ${test.fullName}` : ''}`
// A file can fail without a failed test: one that does not load, or a hook after the last test.
const failures = (file) => {
  const tests = failedTests(file).map((test) => ({ name: where(file, test), why: test.failureMessages[0] }))
  return tests.length > 0 || !fails(file) ? tests : [{ name: where(file), why: file.message }]
}

const settled = (name) => {
  const [first, last] = [read(`${name}.json`), read(`${name}.again.json`)]
  const before = new Set(first.flatMap(failures).map((failure) => failure.name))
  return last.length > 0 && !last.flatMap(failures).some((failure) => before.has(failure.name))
}

const count = (folder, failedSteps) => {
  let passed = 0
  let failed = 0
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json') && !file.endsWith('.again.json'))) {
    const again = new Map(read(resolve(folder, name.replace(/json$/, 'again.json'))).map((file) => [file.name, file]))
    for (const first of read(resolve(folder, name))) {
      const last = again.get(first.name) ?? first
      passed += last.assertionResults.filter((test) => test.status === 'passed').length
      // What passes in one of the two runs is no failure of the change, and is named whichever it was.
      const [before, left] = [failures(first), failures(last)]
      const [failedBefore, failedLast] = [before, left].map((all) => new Set(all.map(({ name }) => name)))
      for (const { name, why } of before) if (!failedLast.has(name)) tell('passed only when run again', name, why)
      for (const { name, why } of left) {
        const isFailure = failedBefore.has(name)
        if (isFailure) failed++
        else passed++
        tell(isFailure ? 'failed' : 'failed only when run again', name, why)
      }
    }
  }
  // A step can fail where no test does: a type error, an error outside of every test.
  if (failed === 0) failed = failedSteps
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
}
const tell = (what, name, why) => console.log(`${what}: ${name}\n  ${firstLine(why)}`)
const firstLine = (text) => (text ?? '').split('\n')[0].slice(0, 300)

const [command, path, failedSteps] = process.argv.slice(2)
if (command === 'failed') for (const file of read(path).filter(fails)) console.log(relative('.', file.name))
else if (command === 'settled') process.exitCode = settled(path) ? 0 : 1
else count(path, Number(failedSteps))
