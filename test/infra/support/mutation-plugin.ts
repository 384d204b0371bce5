import { relative } from 'node:path'
import { mutated } from './mutated.ts'
import { mutations } from './mutations.ts'

const root = new URL('../../..', import.meta.url).pathname

/**
 * A plugin of Vite that makes a deliberate mistake in what tests import of the configuration themselves, as it is made in the bundle
 * that is deployed.
 *
 * @param mutation its name: see mutations.ts
 */
export function mistakenImports(mutation: string | undefined) {
  return {
    name: 'a deliberate mistake',
    enforce: 'pre' as const,
    transform(source: string, id: string): string | undefined {
      const file = relative(root, id.split('?')[0] ?? id)
      return mutation !== undefined && mutations[mutation]?.file === file ? mutated(mutation, file, source) : undefined
    },
  }
}
