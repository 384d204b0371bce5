import type { Provider, Step } from '../../drizzle/schema.ts'
import { decimal, oneOf } from '../platform/config/setting.ts'
import { defineProvider, type ProviderEntry } from './entry.ts'
import { geminiRules } from './gemini-refusals.ts'
import { geminiThinking, thinkingFindings, thinkingTokens } from './gemini-thinking.ts'
import { commonRules } from './openai-refusals.ts'

/**
 * Every provider that can serve a step: docs/adding-a-provider.md has the recipe for another one. Prices as of November
 * 2026: https://ai.google.dev/gemini-api/docs/pricing and https://api-docs.deepseek.com/quick_start/pricing (whose peak
 * hours leave out Chinese holidays; here they do not).
 */
export const registry: readonly ProviderEntry[] = [
  defineProvider({
    name: 'gemini',
    title: 'Gemini',
    seesImages: true,
    wire: 'gemini',
    baseUrl: 'https://generativelanguage.googleapis.com',
    baseUrlNote: 'without /v1beta',
    model: 'gemini-3.5-flash-lite',
    modelNames: { pattern: /^(gemini|gemma)-[a-z0-9.-]+$/, like: 'a model of Gemini, like gemini-3.5-flash-lite' },
    // https://ai.google.dev/gemini-api/docs/models
    models: [
      { names: /^gemini-2\.0-/, outputTokens: 8_192 },
      { names: /^gemini-2\.5-(pro|flash)/, outputTokens: 65_536 },
      { names: /^gemini-3(\.[15])?-(pro|flash)/, outputTokens: 65_536 },
    ],
    prices: [
      { model: 'gemini-3.1-flash-lite', from: '2026-05-07', input: 0.25, cachedInput: 0.025, output: 1.5 },
      { model: 'gemini-3.5-flash-lite', from: '2026-07-21', input: 0.3, cachedInput: 0.03, output: 2.5 },
    ],
    rules: geminiRules,
    own: {
      TEMPERATURE: {
        setting: decimal({ min: 0, max: 2 }).optional(),
        about: '0 to 2; Gemini 3 takes none below 1 well (left to the model)',
      },
      THINKING: {
        setting: geminiThinking().optional(),
        about: 'minimal, low, medium or high from Gemini 3 on; before it tokens, -1: as it likes (left to the model)',
      },
      SAFETY: {
        setting: oneOf('off', 'none', 'few', 'some', 'most').or('none'),
        about: 'what it blocks: off, none, few, some or most (none)',
      },
      INLINE_MEGABYTES: {
        setting: decimal({ min: 1, max: 100 }).or(20),
        about: 'a request that is larger has its image uploaded first, and deleted afterwards (20)',
      },
    },
    thinkingTokens: ({ THINKING }) => thinkingTokens(THINKING),
    check: (model, { THINKING }) => thinkingFindings(model, THINKING),
  }),
  defineProvider({
    name: 'deepseek',
    title: 'DeepSeek',
    seesImages: false,
    wire: 'openai',
    baseUrl: 'https://api.deepseek.com',
    model: 'deepseek-flash',
    modelNames: { pattern: /^deepseek-[a-z0-9.-]+$/, like: 'a model of DeepSeek, like deepseek-flash' },
    // https://api-docs.deepseek.com/quick_start/pricing
    models: [
      { names: /^deepseek-(chat|coder)/, outputTokens: 8_192 },
      { names: /^deepseek-(flash|v4)/, outputTokens: 384_000 },
    ],
    prices: [
      {
        model: 'deepseek-flash',
        from: '2026-10-17',
        input: 0.15,
        cachedInput: 0.003,
        output: 0.6,
        peak: {
          hours: [
            [1, 4],
            [6, 10],
          ],
          input: 0.3,
          cachedInput: 0.006,
          output: 1.2,
        },
      },
      {
        model: 'deepseek-v4-pro',
        from: '2026-10-17',
        input: 0.66,
        cachedInput: 0.022,
        output: 1.98,
        peak: {
          hours: [
            [1, 4],
            [6, 10],
          ],
          input: 1.32,
          cachedInput: 0.044,
          output: 3.96,
        },
      },
    ],
    rules: commonRules,
    own: {},
  }),
]

const [first, ...others] = registry.map(({ name }) => name)
if (first === undefined) throw new RangeError('there is no provider')

/** The names of all of them, in display order. */
export const providerNames: readonly [string, ...string[]] = [first, ...others]

/** What can be paused: claiming as a whole, or one provider. */
export const providerScopes: readonly [string, ...string[]] = ['all', ...providerNames]

/** The provider that each step calls, and so whose circuit breaker the step's lane obeys. */
export type StepProviders = Readonly<Record<Step, Provider>>

/** The providers of the default configuration. */
export const defaultStepProviders = { analysis: 'gemini', content: 'deepseek' } as const satisfies StepProviders
