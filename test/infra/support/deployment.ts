import { inject } from 'vitest'
import { type Deployment, type ForkInput, runConfiguration, secrets } from './run-configuration.ts'

export { type Deployment, secrets } from './run-configuration.ts'

/** Runs sst.config.ts, as it was bundled for the tests, in a process of its own; nothing is deployed. */
export async function deploy(input: Partial<ForkInput> = {}): Promise<Deployment> {
  return runConfiguration({
    stage: 'production',
    dev: false,
    env: { DEPLOY_DATABASE: 'url' },
    secrets,
    quota: 1000,
    bundle: inject('configuration'),
    ...input,
  })
}
