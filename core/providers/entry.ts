import type { Shape, Values } from '../platform/config/setting.ts'
import type { Price } from './price.ts'
import type { RefusalRules } from './refusals.ts'

/** What is known of some models, so that settings can be checked before anything is paid for. */
export interface KnownModels {
  readonly names: RegExp
  /** The most that an answer may have, in tokens, thinking included. */
  readonly outputTokens: number
}

/** A provider's further settings, each with its line in `.env.example`: its effect, and its default in brackets. */
type OwnSettings<Own extends Shape> = {
  readonly [Key in keyof Own]: { readonly setting: Own[Key]; readonly about: string }
}

/** What is wrong with a provider's settings: the key without the provider's name, and why. */
export type Finding = readonly [key: string, why: string]

/**
 * All that is known of a provider but how it is called. It is data: configuration, deployment, documentation and the local
 * stack read it, so that it imports nothing but data.
 */
export interface ProviderEntry<Own extends Shape = Shape> {
  /** At most 20 characters, lower case: names its state, permits and metrics and, in upper case, its settings. */
  readonly name: string
  /** As people write it. */
  readonly title: string
  /** Only such can serve the analysis. */
  readonly seesImages: boolean
  /** Its wire protocol, by which it can be emulated. */
  readonly wire: 'gemini' | 'openai'
  /** Where its public API is. */
  readonly baseUrl: string
  /** What is to be said of that address. */
  readonly baseUrlNote?: string
  /** The model, where no other is set. */
  readonly model: string
  /** How its models are named at its public API, and in words what such a name is like. */
  readonly modelNames: { readonly pattern: RegExp; readonly like: string }
  /** Those whose limits are known. */
  readonly models: readonly KnownModels[]
  /** Public prices for single calls. */
  readonly prices: readonly Price[]
  /** What its refusals mean. */
  readonly rules: RefusalRules
  /** Settings beside those that every provider has, by the part of their key that follows its name. */
  readonly own: OwnSettings<Own>
  /** The thinking tokens of a call, on top of its answer; none if not given. */
  thinkingTokens?(settings: Values<Own>): number
  /** Those of its settings that a model does not support. */
  check?(model: string, settings: Values<Own>): readonly Finding[]
}

/** An entry whose own settings keep their types. */
export function defineProvider<const Own extends Shape>(entry: ProviderEntry<Own>): ProviderEntry {
  // Its functions get what its own settings were read to: see core/platform/config/providers.ts.
  return entry as unknown as ProviderEntry
}
