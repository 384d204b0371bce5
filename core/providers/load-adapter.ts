import type { Adapter } from './entry.ts'

/**
 * Loads the file that calls a provider, and its SDK with it. The file is found by the provider's name and not by its entry: a
 * bundler takes along whatever an entry imports, and the API, which reads the entries, would carry every SDK.
 *
 * @param name of a registered provider
 */
export function loadAdapter(name: string): Promise<Adapter> {
  return import(`./adapters/${name}.ts`)
}
