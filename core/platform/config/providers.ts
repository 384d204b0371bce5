import type { Step } from '../../../drizzle/schema.ts'
import { callTokens, roomAfterCutOff } from '../../domain/call-tokens.ts'
import type { ProviderEntry } from '../../providers/entry.ts'
import type { ProviderLimits } from '../../providers/limits.ts'
import type { Price } from '../../providers/price.ts'
import { createPrices } from '../../providers/prices.ts'
import { registry } from '../../providers/registry.ts'
import {
  accessKey,
  got,
  type Setting,
  type Shape,
  setting,
  text,
  WrongSetting,
  webUrl,
  wholeNumber,
} from './setting.ts'

// Not from the schema, which loads all of drizzle: a deployment does not need that.
const steps = Object.keys(callTokens) as Step[]

/** How a provider is called, as it is configured. */
export interface ProviderConfig {
  /** Undefined if not set: no step can be served then. */
  readonly apiKey: string | undefined
  readonly baseUrl: string
  readonly model: string
  readonly limits: ProviderLimits
  /** Its own settings, by the part of their key after its name. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** The key of a provider's setting: `GEMINI_MODEL`. */
export function keyOf(provider: string, key: string): string {
  return `${provider.toUpperCase()}_${key}`
}

/** The settings of a provider by the part of their key after its name, each with its line in `.env.example`. */
export function settingsOf(
  entry: ProviderEntry,
): Readonly<Record<string, { setting: Setting<unknown>; about: string }>> {
  const limit = wholeNumber().optional()
  return {
    API_KEY: { setting: accessKey().optional(), about: `pays for what ${entry.title} does` },
    BASE_URL: {
      setting: webUrl().or(entry.baseUrl),
      about: `where its API is${entry.baseUrlNote ? `, ${entry.baseUrlNote}` : ''} (${entry.baseUrl})`,
    },
    MODEL: { setting: text().or(entry.model), about: `the model that is called (${entry.model})` },
    ...entry.own,
    REQUESTS_PER_MINUTE: {
      setting: limit,
      about: 'of all workers together, as the plan with the provider has it (not limited)',
    },
    REQUESTS_IN_FLIGHT: { setting: limit, about: 'at once (not limited)' },
    TOKENS_PER_MINUTE: {
      setting: limit,
      about: 'prompts and answers together, at least what one call may take (not limited)',
    },
  }
}

/** The settings of every provider, by their keys. */
export const providerKeys: Shape = Object.fromEntries(
  registry.flatMap((entry) =>
    Object.entries(settingsOf(entry)).map(([key, { setting: one }]) => [keyOf(entry.name, key), one]),
  ),
)

/** The provider of a step: a registered one, and for the analysis one that takes images. */
export function providerOfStep(step: Step): Setting<string> {
  return setting((name) => {
    const entry = registry.find((one) => one.name === name)
    const able = registry.filter(({ seesImages }) => seesImages || step !== 'analysis')
    if (entry && able.includes(entry)) return name
    const why = entry ? `: ${name} sees no images` : got(name)
    throw new WrongSetting(`must be one of ${able.map((one) => one.name).join(', ')}${why}`)
  })
}

type Values = Readonly<Record<string, unknown>>

/** The configuration of every provider, by name. */
export function providersIn(values: Values): Readonly<Record<string, ProviderConfig>> {
  return Object.fromEntries(registry.map((entry) => [entry.name, configOf(entry, values)]))
}

function configOf(entry: ProviderEntry, values: Values): ProviderConfig {
  const settingValue = (key: string) => values[keyOf(entry.name, key)]
  const own = Object.keys(entry.own).map((key) => [key, settingValue(key)])
  return {
    apiKey: settingValue('API_KEY') as string | undefined,
    baseUrl: String(settingValue('BASE_URL') ?? entry.baseUrl),
    model: String(settingValue('MODEL') ?? entry.model),
    limits: {
      requestsPerMinute: settingValue('REQUESTS_PER_MINUTE') as number | undefined,
      requestsInFlight: settingValue('REQUESTS_IN_FLIGHT') as number | undefined,
      tokensPerMinute: settingValue('TOKENS_PER_MINUTE') as number | undefined,
    },
    settings: Object.fromEntries(own.filter(([, value]) => value !== undefined)),
  }
}

/** Errors in the providers' configuration, and warnings about what could not be checked. */
export interface ProviderFindings {
  readonly wrong: readonly (readonly [key: string, why: string])[]
  /** One sentence each. */
  readonly warnings: readonly string[]
}

export interface Served {
  /** The provider of each step; undefined where that setting itself is invalid. */
  readonly by: Readonly<Record<Step, string | undefined>>
  /** The parsed settings. */
  readonly values: Values
  readonly prices: readonly Price[]
  /** Whether users have a budget, which needs the price of every call. */
  readonly limitsSpend: boolean
  /** Milliseconds since the epoch: prices apply from a day on. */
  readonly now: () => number
}

/** Checks the providers of the steps: their keys, models, limits and prices. An unknown model passes, with a warning. */
export function checkProviders({ by, values, prices, limitsSpend, now }: Served): ProviderFindings {
  const { costOf } = createPrices(prices, now)
  const isPriced = (model: string) => costOf([model], { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }) !== null
  const wrong: (readonly [string, string])[] = []
  const warnings: string[] = []
  const unpriced: string[] = []
  for (const entry of registry) {
    const served = steps.filter((step) => by[step] === entry.name)
    if (served.length === 0) continue
    const config = configOf(entry, values)
    const findings = findingsOf(entry, config, served)
    wrong.push(...findings.map(([key, why]) => [keyOf(entry.name, key), why] as const))
    const { model } = config
    const named = `${keyOf(entry.name, 'MODEL')}, ${model}`
    if (!isPriced(model)) unpriced.push(named)
    if (!entry.models.some(({ names }) => names.test(model))) {
      warnings.push(`Nothing is known of the model of ${named}: its limits are assumed to suffice.`)
    }
  }
  if (unpriced.length > 0 && limitsSpend) {
    const models = unpriced.join(', and ')
    wrong.push(['PRICES', `must have the model of ${models}: USER_DOLLARS_PER_DAY cannot be kept without its price`])
  } else {
    warnings.push(
      ...unpriced.map(
        (named) => `The price of the model of ${named}, is not known: its calls count as unpriced. PRICES can have it.`,
      ),
    )
  }
  return { wrong, warnings }
}

function findingsOf(entry: ProviderEntry, config: ProviderConfig, served: readonly Step[]) {
  const { model, baseUrl, limits, settings } = config
  const found: (readonly [key: string, why: string])[] = []
  if (config.apiKey === undefined) found.push(['API_KEY', `is missing: needed by the provider of a step`])
  // Proxies, and other hosts of the same models, choose their own names.
  if (sameOrigin(baseUrl, entry.baseUrl) && !entry.modelNames.pattern.test(model)) {
    found.push(['MODEL', `must be ${entry.modelNames.like}${got(model)}`])
  }
  found.push(...(entry.check?.(model, settings) ?? []))
  const thinking = entry.thinkingTokens?.(settings) ?? 0
  const known = entry.models.find(({ names }) => names.test(model))
  const most = Math.max(...served.map((step) => mostOutput(step, thinking)))
  if (known && most > known.outputTokens) {
    const instead = thinking > 0 ? `, or less in ${keyOf(entry.name, 'THINKING')}` : ''
    found.push([
      'MODEL',
      `must be a model that may answer with ${most} tokens${instead}: ${model} ends at ${known.outputTokens}`,
    ])
  }
  const { tokensPerMinute } = limits
  const needed = Math.max(...served.map((step) => callTokens[step].input + callTokens[step].output + thinking))
  if (tokensPerMinute !== undefined && tokensPerMinute < needed) {
    found.push(['TOKENS_PER_MINUTE', `must be ${needed} or more, what one call may take (got: ${tokensPerMinute})`])
  }
  return found
}

/** The most tokens of a call: after an answer that was cut off, its limit is raised and its thinking reduced to the least. */
function mostOutput(step: Step, thinking: number): number {
  const { output } = callTokens[step]
  return Math.max(output + thinking, output * roomAfterCutOff)
}

function sameOrigin(one: string, other: string): boolean {
  return new URL(one).origin === new URL(other).origin
}
