// Proves that the tests of the deployment bite: makes each deliberate mistake in turn, and expects a red test.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { mutations } from './mutations.ts'
import { root } from './platform.ts'

/** The tests that look at a file of the configuration first; the others follow only if these let a mistake pass. */
const nearest: Readonly<Record<string, readonly string[]>> = {
  'alarm.ts': ['alarms'],
  'alarms.ts': ['alarms'],
  'api.ts': ['url'],
  'budget.ts': ['alarms'],
  'concurrency.ts': ['concurrency'],
  'constraints.ts': ['settings'],
  'dashboard.ts': ['alarms'],
  'database-alarms.ts': ['alarms'],
  'functions.ts': ['url'],
  'migrations.ts': ['migrations'],
  'network.ts': ['rds'],
  'poller.ts': ['url'],
  'rds.ts': ['rds'],
  'settings.ts': ['concurrency', 'stages'],
  'sst.config.ts': ['stages'],
  'storage.ts': ['url'],
  'stream.ts': ['url', 'rds'],
}
/** The time limit of one mistake's tests, in milliseconds. */
const limitMs = 600_000

const folder = mkdtempSync(join(tmpdir(), 'vision-pipeline-infra-'))
const report = join(folder, 'report.json')
const wanted = process.argv.slice(2)
const names = Object.keys(mutations).filter((name) => wanted.length === 0 || wanted.includes(name))
let survivors = 0
for (const name of names) {
  const files = nearest[basename(mutations[name]?.file ?? '')] ?? []
  const red = redTest(name, files) ?? (files.length > 0 ? redTest(name, []) : undefined)
  if (red === undefined) survivors++
  process.stdout.write(red === undefined ? `SURVIVED  ${name}\n` : `red  ${name}\n       ${red}\n`)
}
rmSync(folder, { recursive: true, force: true })
process.stdout.write(`${names.length - survivors} of ${names.length} mistakes turned a test red\n`)
process.exit(survivors === 0 && names.length > 0 ? 0 : 1)

/**
 * The first test that fails with a mistake; what fails outside of one, such as a bundle that cannot be built, does not count.
 *
 * @param files the names of the test files; all of them if empty
 */
function redTest(name: string, files: readonly string[]): string | undefined {
  rmSync(report, { force: true })
  const args = ['run', '--config', 'vitest.infra.config.ts', '--bail=1', '--reporter=json', `--outputFile=${report}`]
  spawnSync(join(root, 'node_modules/.bin/vitest'), [...args, ...files.map((file) => `test/infra/${file}.test.ts`)], {
    cwd: root,
    env: { ...process.env, INFRA_MUTATION: name },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: limitMs,
  })
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: readonly { assertionResults: readonly { status: string; fullName: string }[] }[]
    }
    return testResults.flatMap((file) => file.assertionResults).find(({ status }) => status === 'failed')?.fullName
  } catch {
    return undefined
  }
}
