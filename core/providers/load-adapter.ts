import type { Shape, Values } from '../platform/config/setting.ts'
import type { Model, ModelOptions } from './model.ts'

/** The file `adapters/<name>.ts` that calls a provider. Its SDK is loaded with the first call. */
export interface Adapter {
  createModel(options: ModelOptions & { readonly settings: Values<Shape> }): Model
}

/**
 * Loads a provider's adapter with its SDK. The file is found by the provider's name and not by its entry: bundlers include
 * whatever an entry imports, and the API, which reads the entries, would contain every SDK.
 *
 * @param name of a registered provider
 */
export function loadAdapter(name: string): Promise<Adapter> {
  return import(`./adapters/${name}.ts`)
}
