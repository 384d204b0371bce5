import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { bundle, functionNames } from '../support/functions/bundle.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder with the bundle of every function, and the migrations. */
    bundles: string
  }
}

/** Bundles every function once for all test files, with the migrations beside them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-lambda-'))
  for (const name of await functionNames()) await bundle(name, folder)
  await cp(join(import.meta.dirname, '../../drizzle/migrations'), join(folder, 'drizzle/migrations'), {
    recursive: true,
  })
  project.provide('bundles', folder)
  return () => rm(folder, { recursive: true })
}
