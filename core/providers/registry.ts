import { type Provider, type Step, steps } from '../../drizzle/schema.ts'
import { ConfigError, type PollerConfig } from '../platform/config.ts'
import { createDeepSeek } from './deepseek.ts'
import { createGemini } from './gemini.ts'
import type { Model, ModelOptions } from './model.ts'
import type { ProviderLimits } from './rate-limit.ts'

/** What every adapter gets, whichever provider it is for. */
export type CommonOptions = Pick<ModelOptions, 'prices' | 'timeoutMs' | 'now'>

/** A provider: what docs/adding-a-provider.md says of another one is all that there is to it. */
export interface ProviderEntry {
  /** At most 20 characters, lower case: names its gate, its permits, its metrics and, in upper case, its settings. */
  readonly name: string
  /** Only such can serve the analysis. */
  readonly seesImages: boolean
  limits(config: PollerConfig): ProviderLimits
  create(config: PollerConfig, common: CommonOptions): Model
}

/** Every provider that a step may be served by. */
export const registry: readonly ProviderEntry[] = [
  {
    name: 'gemini',
    seesImages: true,
    limits: (config) => ({
      requestsPerMinute: config.GEMINI_REQUESTS_PER_MINUTE,
      requestsInFlight: config.GEMINI_REQUESTS_IN_FLIGHT,
      tokensPerMinute: config.GEMINI_TOKENS_PER_MINUTE,
    }),
    create: (config, common) =>
      createGemini({
        ...common,
        apiKey: config.GEMINI_API_KEY ?? '',
        baseUrl: config.GEMINI_BASE_URL,
        model: config.GEMINI_MODEL,
        temperature: config.GEMINI_TEMPERATURE,
        thinking: config.GEMINI_THINKING,
        safety: config.GEMINI_SAFETY,
        inlineBytes: config.GEMINI_INLINE_MEGABYTES * 1_000_000,
      }),
  },
  {
    name: 'deepseek',
    seesImages: false,
    limits: (config) => ({
      requestsPerMinute: config.DEEPSEEK_REQUESTS_PER_MINUTE,
      requestsInFlight: config.DEEPSEEK_REQUESTS_IN_FLIGHT,
      tokensPerMinute: config.DEEPSEEK_TOKENS_PER_MINUTE,
    }),
    create: (config, common) =>
      createDeepSeek({
        ...common,
        apiKey: config.DEEPSEEK_API_KEY ?? '',
        baseUrl: config.DEEPSEEK_BASE_URL,
        model: config.DEEPSEEK_MODEL,
      }),
  },
]

/** Who serves which step, and how. */
export interface Serving {
  readonly providerOf: Readonly<Record<Step, Provider>>
  readonly models: Readonly<Record<Step, Model>>
  readonly limits: Readonly<Record<Provider, ProviderLimits>>
}

/**
 * Puts the providers together that the configuration names.
 *
 * @throws ConfigError a step's provider is not there, or sees no images where it must
 */
export function servingBy(
  config: PollerConfig,
  common: CommonOptions,
  entries: readonly ProviderEntry[] = registry,
): Serving {
  const names = { analysis: config.ANALYSIS_PROVIDER, content: config.CONTENT_PROVIDER }
  const of = (step: Step): ProviderEntry => {
    const key = `${step.toUpperCase()}_PROVIDER`
    const entry = entries.find(({ name }) => name === names[step])
    if (!entry) throw new ConfigError(`${key} must be one of ${entries.map(({ name }) => name).join(', ')}`)
    if (step === 'analysis' && !entry.seesImages) throw new ConfigError(`${key}: ${entry.name} sees no images`)
    return entry
  }
  const serving = Object.fromEntries(steps.map((step) => [step, of(step)])) as Record<Step, ProviderEntry>
  return {
    providerOf: names as Record<Step, Provider>,
    models: {
      analysis: serving.analysis.create(config, common),
      content: serving.content.create(config, common),
    },
    limits: Object.fromEntries(entries.map((entry) => [entry.name, entry.limits(config)])) as Record<
      Provider,
      ProviderLimits
    >,
  }
}
