import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inject } from 'vitest'
import { type Deployment, type ForkInput, runConfiguration, secrets } from './run-configuration.ts'

export { type Deployment, secrets } from './run-configuration.ts'

/**
 * Runs sst.config.ts, as it was bundled for the tests, in a process of its own; nothing is deployed. What one test file has
 * run, another reads from beside the bundle: a run takes seconds, and the same input makes the same resources.
 */
export async function deploy(input: Partial<ForkInput> = {}): Promise<Deployment> {
  const bundle = inject('configuration')
  const whole: ForkInput = {
    stage: 'production',
    dev: false,
    env: { DEPLOY_DATABASE: 'url' },
    secrets,
    quota: 1000,
    bundle,
    ...input,
  }
  const name = createHash('sha256').update(JSON.stringify(whole)).digest('hex')
  const file = join(dirname(bundle), `${name}.json`)
  if (!existsSync(file)) {
    const deployed = JSON.stringify(await runConfiguration(whole))
    const mine = `${file}.${process.pid}`
    writeFileSync(mine, deployed)
    renameSync(mine, file)
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Deployment
}
