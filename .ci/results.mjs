// node .ci/results.mjs failed REPORT             the files of a report in which something failed, a line each
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

const count = (folder, failedSteps) => {
  let passed = 0
  let failed = 0
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json') && !file.endsWith('.again.json'))) {
    const again = new Map(read(resolve(folder, name.replace(/json$/, 'again.json'))).map((file) => [file.name, file]))
    for (const first of read(resolve(folder, name))) {
      const last = again.get(first.name) ?? first
      passed += last.assertionResults.filter((test) => test.status === 'passed').length
      const left = failures(last)
      failed += left.length
      const names = new Set(left.map((failure) => failure.name))
      for (const failure of failures(first)) {
        if (!names.has(failure.name))
          console.log(`passed only when run again: ${failure.name}\n  ${firstLine(failure.why)}`)
      }
      for (const failure of left) console.log(`failed: ${failure.name}\n  ${firstLine(failure.why)}`)
    }
  }
  // A step can fail where no test does: a type error, an error outside of every test.
  if (failed === 0) failed = failedSteps
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
}
const firstLine = (text) => (text ?? '').split('\n')[0].slice(0, 300)

const [command, path, failedSteps] = process.argv.slice(2)
if (command === 'failed') for (const file of read(path).filter(fails)) console.log(relative('.', file.name))
else count(path, Number(failedSteps))
