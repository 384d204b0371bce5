import { join } from 'node:path'
import { inject } from 'vitest'
import { type FunctionProcess, startFunction } from '../support/functions/process.ts'

/** A function as it runs when it is deployed. */
export type Deployed = FunctionProcess

/** Starts a function of functions/: see `startFunction`. */
export function deploy(name: string, settings: Readonly<Record<string, string>>): Promise<Deployed> {
  return startFunction(join(inject('bundles'), name), name, settings)
}
