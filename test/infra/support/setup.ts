import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { TestProject } from 'vitest/node'
import { bundleConfiguration } from './bundle.ts'
import { preparePlatform } from './platform.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The path of the bundled sst.config.ts. */
    configuration: string
  }
}

/** Prepares SST's components once, and bundles the configuration, with a deliberate mistake if INFRA_MUTATION names one. */
export default async function setup(project: TestProject): Promise<() => void> {
  await preparePlatform()
  const bundle = await bundleConfiguration(process.env.INFRA_MUTATION)
  project.provide('configuration', bundle)
  return () => rmSync(dirname(bundle), { recursive: true, force: true })
}
