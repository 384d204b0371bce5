import type { Price, Rates } from '../../providers/price.ts'
import { type Setting, setting, WrongSetting } from './setting.ts'

/** Prices as JSON: `[{ "model": "…", "from": "2026-11-24", "input": 0.3, "cachedInput": 0.03, "output": 2.5 }]`. */
export function prices(): Setting<readonly Price[]> {
  return setting((text) => {
    const list = parsed(text)
    if (!Array.isArray(list)) throw wrong('it is an object or a single value')
    return list.map((entry, index) => priceIn(entry, `entry ${index + 1}`))
  })
}

function wrong(why: string): WrongSetting {
  return new WrongSetting(`must be a list of prices in JSON: ${why}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrong('it is no JSON')
  }
}

const rateKeys = ['input', 'cachedInput', 'output'] as const

function priceIn(entry: unknown, where: string): Price {
  const { model, from, peak, ...rates } = fieldsOf(entry, where, ['model', 'from', 'peak', ...rateKeys])
  if (typeof model !== 'string' || model.length < 1 || model.length > 120)
    throw wrong(`${where}: model must be a name of up to 120 characters`)
  if (typeof from !== 'string' || !isDay(from)) throw wrong(`${where}: from must be a day like 2026-11-24`)
  const price = { model, from, ...ratesIn(rates, where) }
  if (peak === undefined) return price
  const { hours, ...dearer } = fieldsOf(peak, `${where}, peak`, ['hours', ...rateKeys])
  if (!Array.isArray(hours) || hours.length === 0 || !hours.every(isPairOfHours))
    throw wrong(`${where}, peak: hours must be pairs of whole hours, like [[1, 4]]`)
  return { ...price, peak: { hours, ...ratesIn(dearer, `${where}, peak`) } }
}

function ratesIn(given: Readonly<Record<string, unknown>>, where: string): Rates {
  const rate = (key: (typeof rateKeys)[number]) => {
    const { [key]: value } = given
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
    throw wrong(`${where}: ${key} ${value === undefined ? 'is missing' : 'must be a number of 0 or more'}`)
  }
  return { input: rate('input'), cachedInput: rate('cachedInput'), output: rate('output') }
}

function fieldsOf(value: unknown, where: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(`${where} must be an object`)
  const other = Object.keys(value).find((key) => !known.includes(key))
  if (other !== undefined) throw wrong(`${where} has no ${other.slice(0, 30)}: its fields are ${known.join(', ')}`)
  return { ...value }
}

function isDay(text: string): boolean {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined
  return at !== undefined && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)
}

function isPairOfHours(pair: unknown): boolean {
  if (!Array.isArray(pair) || pair.length !== 2) return false
  const [from, until] = pair
  return Number.isInteger(from) && from >= 0 && from <= 23 && Number.isInteger(until) && until >= 1 && until <= 24
}
