import { type Step, steps } from '../../drizzle/schema.ts'
import { once } from '../platform/async.ts'
import type { PollerConfig } from '../platform/config/poller.ts'
import type { ProviderConfig } from '../platform/config/providers.ts'
import type { ProviderEntry } from './entry.ts'
import type { ProviderLimits } from './limits.ts'
import { loadAdapter } from './load-adapter.ts'
import type { Model, ModelOptions } from './model.ts'
import { registry, type StepProviders } from './registry.ts'

/** The options that every adapter gets. */
export type CommonOptions = Pick<ModelOptions, 'prices' | 'timeoutMs' | 'now'>

/** A model that is loaded with its first call, unless it was before. */
export interface LoadedModel extends Model {
  prepare(): Promise<void>
}

/** The providers that serve the steps, ready to be called. */
export interface Serving {
  readonly stepProviders: StepProviders
  readonly models: Readonly<Record<Step, LoadedModel>>
  /** By the provider's name. */
  readonly limits: Readonly<Record<string, ProviderLimits>>
}

/** Creates the models of the configured providers. */
export function servingBy(
  config: Pick<PollerConfig, 'ANALYSIS_PROVIDER' | 'CONTENT_PROVIDER' | 'providers'>,
  common: CommonOptions,
): Serving {
  const stepProviders = { analysis: config.ANALYSIS_PROVIDER, content: config.CONTENT_PROVIDER }
  const modelOf = (step: Step): LoadedModel => {
    const entry = registry.find(({ name }) => name === stepProviders[step])
    const own = config.providers[stepProviders[step]]
    if (!entry || !own) throw new RangeError(`${step} is served by ${stepProviders[step]}, which is not registered`)
    return createModelOf(entry, own, common)
  }
  return {
    stepProviders,
    models: Object.fromEntries(steps.map((step) => [step, modelOf(step)])) as Record<Step, LoadedModel>,
    limits: Object.fromEntries(Object.entries(config.providers).map(([name, { limits }]) => [name, limits])),
  }
}

/** A provider's model. Its adapter, and so its SDK, is loaded with the first call. */
export function createModelOf(entry: ProviderEntry, config: ProviderConfig, common: CommonOptions): LoadedModel {
  const model = once(async () => {
    const { createModel } = await loadAdapter(entry.name)
    const { apiKey = '', baseUrl, model: name, settings } = config
    return createModel({ ...common, apiKey, baseUrl, model: name, rules: entry.rules, settings })
  })
  return {
    prepare: async () => void (await model()),
    ask: async (request, context) => (await model()).ask(request, context),
  }
}
