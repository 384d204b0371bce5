// Proves that the tests of the deployment bite: makes each deliberate mistake in turn, and expects a red test.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mutations } from './mutations.ts'
import { root } from './platform.ts'

const folder = mkdtempSync(join(tmpdir(), 'vision-pipeline-infra-'))
const report = join(folder, 'report.json')
const wanted = process.argv.slice(2)
const names = Object.keys(mutations).filter((name) => wanted.length === 0 || wanted.includes(name))
let survivors = 0
for (const name of names) {
  rmSync(report, { force: true })
  const args = ['run', '--config', 'vitest.infra.config.ts', '--bail=1', '--reporter=json', `--outputFile=${report}`]
  const env = { ...process.env, INFRA_MUTATION: name }
  const { stderr } = spawnSync(join(root, 'node_modules/.bin/vitest'), args, { cwd: root, env, encoding: 'utf8' })
  const red = redTest()
  if (red === undefined) survivors++
  process.stdout.write(`${red === undefined ? `SURVIVED  ${name}\n${stderr}` : `red  ${name}\n       ${red}`}\n`)
}
rmSync(folder, { recursive: true, force: true })
process.stdout.write(`${names.length - survivors} of ${names.length} mistakes turned a test red\n`)
process.exit(survivors === 0 && names.length > 0 ? 0 : 1)

/** The first failed test; what fails outside of one, such as a bundle that cannot be built, does not count. */
function redTest(): string | undefined {
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: readonly { assertionResults: readonly { status: string; fullName: string }[] }[]
    }
    return testResults.flatMap((file) => file.assertionResults).find(({ status }) => status === 'failed')?.fullName
  } catch {
    return undefined
  }
}
