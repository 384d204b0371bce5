import type { Price, Prices, Rates } from './price.ts'
import { registry } from './registry.ts'

/**
 * @param own the operator's prices, which take precedence over the registry's for the same model and day
 * @param now milliseconds since the epoch
 */
export function createPrices(own: readonly Price[], now: () => number): Prices {
  const table = [...own, ...registry.flatMap(({ prices }) => prices)]
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

/** The newest entry in force; of two matching names the longer one. */
function priceOf(table: readonly Price[], model: string, at: Date): Price | undefined {
  const today = at.toISOString().slice(0, 10)
  return table
    .filter((price) => isVersionOf(model, price.model) && price.from <= today)
    .toSorted((a, b) => b.model.length - a.model.length || (a.from < b.from ? 1 : a.from > b.from ? -1 : 0))[0]
}

/** Whether the rest of the name is only a number, a date or the like: `-lite` is another model, with another price. */
function isVersionOf(name: string, model: string): boolean {
  return name.startsWith(model) && /^(-(\d+|preview|latest|emulated))*$/.test(name.slice(model.length))
}

function ratesAt({ peak, ...price }: Price, at: Date): Rates {
  const hour = at.getUTCHours()
  const isWorkday = at.getUTCDay() >= 1 && at.getUTCDay() <= 5
  return isWorkday && peak?.hours.some(([from = 24, until = 0]) => from <= hour && hour < until) ? peak : price
}
