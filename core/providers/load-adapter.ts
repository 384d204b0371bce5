import type { Shape, Values } from '../platform/config/setting.ts'
import type { Model, ModelOptions } from './model.ts'

/** The file `adapters/<name>.ts` that calls a provider. Its SDK is loaded with the first call. */
export interface Adapter {
  createModel(options: ModelOptions & { readonly settings: Values<Shape> }): Model
}

/**
 * Loads the file that calls a provider, and its SDK with it. The file is found by the provider's name and not by its entry: a
 * bundler takes along whatever an entry imports, and the API, which reads the entries, would carry every SDK.
 *
 * @param name of a registered provider
 */
export function loadAdapter(name: string): Promise<Adapter> {
  return import(`./adapters/${name}.ts`)
}
