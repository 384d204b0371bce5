import type { PollerConfig, Price } from '../platform/config.ts'

/**
 * Public prices for single calls, as read in November 2026: https://ai.google.dev/gemini-api/docs/pricing and
 * https://api-docs.deepseek.com/quick_start/pricing (whose peak hours leave out Chinese holidays; here they do not).
 */
const publicPrices: readonly Price[] = [
  { model: 'gemini-3.1-flash-lite', from: '2026-05-07', input: 0.25, cachedInput: 0.025, output: 1.5 },
  { model: 'gemini-3.5-flash-lite', from: '2026-07-21', input: 0.3, cachedInput: 0.03, output: 2.5 },
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
]

/** The tokens of a call as they are billed; null where they are not known. */
export interface Tokens {
  readonly inputTokens: number | null
  /** A part of the input. */
  readonly cachedTokens: number | null
  /** Thinking included. */
  readonly outputTokens: number | null
}

export interface Prices {
  /**
   * What a call costs that ends now, in whole nano-dollars, or null where no price is known, or not what it took.
   *
   * @param models the names that the model goes by; the first one that has a price counts
   */
  costOf(models: readonly string[], tokens: Tokens): number | null
}

/**
 * What is wrong with a limit on what users spend: models without a price, whose calls it would not see.
 *
 * @param now milliseconds since the epoch
 */
export function unpricedModels(
  config: Pick<PollerConfig, 'ANALYSIS_PROVIDER' | 'CONTENT_PROVIDER' | 'GEMINI_MODEL' | 'DEEPSEEK_MODEL' | 'PRICES'>,
  now: () => number,
): readonly string[] {
  const prices = createPrices(config.PRICES, now)
  const nothing = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
  const settings = new Map<string, unknown>(Object.entries(config))
  return [...new Set([config.ANALYSIS_PROVIDER, config.CONTENT_PROVIDER])].flatMap((provider) => {
    const key = `${provider.toUpperCase()}_MODEL`
    const model = settings.get(key)
    if (typeof model !== 'string' || prices.costOf([model], nothing) !== null) return []
    return `PRICES must have the model of ${key}, ${model}: USER_DOLLARS_PER_DAY cannot be kept without its price`
  })
}

/**
 * @param own prices of the operator's, which go before the public ones of the same model and day
 * @param now milliseconds since the epoch
 */
export function createPrices(own: readonly Price[], now: () => number): Prices {
  const table = [...own, ...publicPrices]
  return {
    costOf: (models, { inputTokens, cachedTokens, outputTokens }) => {
      if (inputTokens === null || cachedTokens === null || outputTokens === null) return null
      const at = new Date(now())
      const price = models.map((model) => priceOf(table, model, at)).find((found) => found !== undefined)
      if (price === undefined) return null
      const { input, cachedInput, output } = ratesAt(price, at)
      const perMillion = (inputTokens - cachedTokens) * input + cachedTokens * cachedInput + outputTokens * output
      const cost = Math.round(perMillion * 1000)
      return Number.isSafeInteger(cost) ? cost : null
    },
  }
}

/** The newest entry in force; of two names that fit the longer one. */
function priceOf(table: readonly Price[], model: string, at: Date): Price | undefined {
  const today = at.toISOString().slice(0, 10)
  return table
    .filter((price) => isVersionOf(model, price.model) && price.from <= today)
    .toSorted((a, b) => b.model.length - a.model.length || (a.from < b.from ? 1 : a.from > b.from ? -1 : 0))[0]
}

/** Whether the name adds no more than a number, a date or the like: `-lite` is another model, with a price of its own. */
function isVersionOf(name: string, model: string): boolean {
  return name.startsWith(model) && /^(-(\d+|preview|latest|emulated))*$/.test(name.slice(model.length))
}

function ratesAt({ peak, ...price }: Price, at: Date): Pick<Price, 'input' | 'cachedInput' | 'output'> {
  const hour = at.getUTCHours()
  const isWorkday = at.getUTCDay() >= 1 && at.getUTCDay() <= 5
  return isWorkday && peak?.hours.some(([from, until]) => from <= hour && hour < until) ? peak : price
}
