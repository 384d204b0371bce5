import type { Shape, Values } from '../platform/config/setting.ts'
import type { Price } from './price.ts'
import type { RefusalRules } from './refusals.ts'

/** Known limits of some models, so that settings can be checked before anything is paid for. */
export interface KnownModels {
  readonly names: RegExp
  /** The most tokens of an answer, thinking included. */
  readonly outputTokens: number
}

/** A provider's further settings, each with its line in `.env.example`: its effect, and its default in brackets. */
type OwnSettings<Own extends Shape> = {
  readonly [Key in keyof Own]: { readonly setting: Own[Key]; readonly about: string }
}

/** A problem with a provider's settings: the key without the provider's name, and the reason. */
export type Finding = readonly [key: string, why: string]

/**
 * All that is known of a provider, except how it is called. It is data, read by configuration, deployment, documentation
 * and the local stack, so it imports nothing but data.
 */
export interface ProviderEntry<Own extends Shape = Shape> {
  /** At most 20 characters, lower case: names its state, permits and metrics and, in upper case, its settings. */
  readonly name: string
  /** The name for people. */
  readonly title: string
  /** Only such a provider can serve the analysis. */
  readonly seesImages: boolean
  /** Its wire protocol, which decides how it is emulated. */
  readonly wire: 'gemini' | 'openai'
  /** The base URL of its public API. */
  readonly baseUrl: string
  /** A note on that URL. */
  readonly baseUrlNote?: string
  /** The default model. */
  readonly model: string
  /** The pattern of model names at its public API, and a description of it. */
  readonly modelNames: { readonly pattern: RegExp; readonly like: string }
  /** The models with known limits. */
  readonly models: readonly KnownModels[]
  /** Public prices for single calls. */
  readonly prices: readonly Price[]
  /** How its refusals are classified. */
  readonly rules: RefusalRules
  /** Settings beyond those of every provider, by the part of their key after its name. */
  readonly own: OwnSettings<Own>
  /** The thinking tokens of a call, on top of its answer; none if not given. */
  thinkingTokens?(settings: Values<Own>): number
  /** The settings that a model does not support. */
  check?(model: string, settings: Values<Own>): readonly Finding[]
}

/** Defines an entry whose own settings keep their types. */
export function defineProvider<const Own extends Shape>(entry: ProviderEntry<Own>): ProviderEntry {
  // Its functions get the parsed values of its own settings: see core/platform/config/providers.ts.
  return entry as unknown as ProviderEntry
}
