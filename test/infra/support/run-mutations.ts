// Proves that the tests of the deployment bite: makes each deliberate mistake in turn, and expects a red test: the one that the
// mistake names, if it does, whose message is shown.
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
  const { file, red: wantedRed } = mutations[name] ?? { file: '' }
  const files = wantedRed === undefined ? (nearest[basename(file)] ?? []) : []
  const red = redTest(name, files, wantedRed) ?? (files.length > 0 ? redTest(name, []) : undefined)
  if (red === undefined) survivors++
  process.stdout.write(red === undefined ? `SURVIVED  ${name}\n` : `red  ${name}\n       ${red}\n`)
}
rmSync(folder, { recursive: true, force: true })
process.stdout.write(`${names.length - survivors} of ${names.length} mistakes turned a test red\n`)
process.exit(survivors === 0 && names.length > 0 ? 0 : 1)

interface Assertion {
  readonly status: string
  readonly fullName: string
  readonly failureMessages?: readonly string[]
}

/**
 * The first test that fails with a mistake; what fails outside of one, such as a bundle that cannot be built, does not count.
 *
 * @param files the names of the test files; all of them if empty
 * @param only a part of the name of the test that may fail; all of them if left out
 */
function redTest(name: string, files: readonly string[], only?: string): string | undefined {
  rmSync(report, { force: true })
  const pattern = only === undefined ? [] : ['-t', only.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)]
  const args = [
    'run',
    ...pattern,
    '--config',
    'vitest.infra.config.ts',
    '--bail=1',
    '--reporter=json',
    `--outputFile=${report}`,
  ]
  spawnSync(join(root, 'node_modules/.bin/vitest'), [...args, ...files.map((file) => `test/infra/${file}.test.ts`)], {
    cwd: root,
    env: { ...process.env, INFRA_MUTATION: name },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: limitMs,
  })
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: readonly { assertionResults: readonly Assertion[] }[]
    }
    const failed = testResults.flatMap((file) => file.assertionResults).find(({ status }) => status === 'failed')
    return (
      failed &&
      `${failed.fullName}\n       ${failed.failureMessages?.[0]
        ?.split('\n')
        .filter((line) => !/^\s+at /.test(line))
        .slice(0, 12)
        .join('\n       ')}`
    )
  } catch {
    return undefined
  }
}
