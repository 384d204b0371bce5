// Prints every resource that a stage would be made of, offline, and what of it differs from the committed snapshot of a
// production with its defaults. npm run infra:plan -- --stage x [--account-concurrency 10] [--diff] [--update]
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import { deployKeys, settableKeys } from '../../../infra/settings.ts'
import { bundleConfiguration } from './bundle.ts'
import { costsFile, withCosts } from './cost-tables.ts'
import { planDifference, planOf, snapshotOf } from './plan.ts'
import { preparePlatform, root } from './platform.ts'
import { type ForkInput, runConfiguration, secrets } from './run-configuration.ts'

const { values } = parseArgs({
  options: {
    stage: { type: 'string' },
    'account-concurrency': { type: 'string', default: '1000' },
    diff: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) {
  process.stdout.write('npm run infra:plan -- --stage production [--account-concurrency 10] [--diff], or --update\n')
  process.exit(0)
}

await preparePlatform()
const bundle = await bundleConfiguration()
try {
  process.exitCode = await (values.update ? update() : print(values.stage ?? ''))
} finally {
  rmSync(dirname(bundle), { recursive: true, force: true })
}

async function planFor(stage: string, env: Record<string, string>, quota: number): Promise<string | undefined> {
  const input: ForkInput = { stage, dev: false, env, secrets, quota, bundle }
  const { errors, resources, ...rest } = await runConfiguration(input)
  for (const error of errors) process.stderr.write(`${error}\n`)
  return errors.length > 0 ? undefined : planOf({ errors, resources, ...rest }, stage)
}

async function print(stage: string): Promise<number> {
  if (!/^[A-Za-z0-9-]+$/.test(stage)) {
    process.stderr.write('Name the stage: npm run infra:plan -- --stage production\n')
    return 2
  }
  const env = settingsOf(stage)
  const plan = await planFor(stage, env, Number(values['account-concurrency']))
  if (plan === undefined) return 1
  if (!values.diff) process.stdout.write(`${plan}\n`)
  const file = snapshotOf(env.DEPLOY_DATABASE ?? '')
  const lines = planDifference(readFileSync(file, 'utf8'), plan)
  const what = `a production with its defaults (${file.slice(root.length + 1)})`
  process.stdout.write(lines.length > 0 ? `Other than ${what}:\n${lines.join('\n')}\n` : `The same as ${what}.\n`)
  return 0
}

async function update(): Promise<number> {
  for (const database of ['url', 'rds']) {
    const plan = await planFor('production', { DEPLOY_DATABASE: database }, 1000)
    if (plan === undefined) return 1
    writeFileSync(snapshotOf(database), plan)
  }
  writeFileSync(costsFile, withCosts(readFileSync(costsFile, 'utf8')))
  return 0
}

/** As SST finds them: .env, over it .env.<stage>, over it the shell. */
function settingsOf(stage: string): Record<string, string> {
  const files = ['.env', `.env.${stage}`].map((name) => join(root, name)).filter((file) => existsSync(file))
  const given = Object.assign({}, ...files.map((file) => parseEnv(readFileSync(file, 'utf8'))), process.env)
  const known = [...deployKeys, ...settableKeys]
  return Object.fromEntries(known.flatMap((key) => (given[key] ? [[key, String(given[key])]] : [])))
}
