import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { type Bundle, bundle, functionNames } from '../support/functions/bundle.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder with one for the bundle of every function. */
    bundles: string
    /** What each function loads when it needs it: see `Bundle`. */
    deferred: Readonly<Record<string, Bundle['deferred']>>
  }
}

/** Bundles every function once for all test files, with the migrations beside the one that applies them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-lambda-'))
  const deferred: Record<string, Bundle['deferred']> = {}
  for (const name of await functionNames()) deferred[name] = (await bundle(name, join(folder, name))).deferred
  await cp(join(import.meta.dirname, '../../drizzle/migrations'), join(folder, 'migrate/drizzle/migrations'), {
    recursive: true,
  })
  project.provide('bundles', folder)
  project.provide('deferred', deferred)
  return () => rm(folder, { recursive: true })
}
