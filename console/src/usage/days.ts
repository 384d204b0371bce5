import type { components } from '../../../client/src/openapi.ts'

type UsageRow = components['schemas']['UsageRow']

/** What a model was paid on each day. */
export interface Series {
  readonly model: string
  /** In US dollars, one for each day. */
  readonly costs: readonly number[]
  readonly total: number
  /** Calls that have no known price: the costs leave them out. */
  readonly unpriced: number
}

export interface Costs {
  /** `2026-11-23`, UTC, the oldest first. */
  readonly days: readonly string[]
  /** The dearest first; at most `mostSeries`, the last of which may be all others. */
  readonly series: readonly Series[]
  /** Of each day, in US dollars. */
  readonly totals: readonly number[]
}

/** As many as have a texture of their own. */
export const mostSeries = 4
const others = 'Other models'
const dayMs = 86_400_000

/** The costs of each model by day, each day from the first to the last. */
export function costsOf(usage: readonly UsageRow[], from: string, to: string): Costs {
  const first = Date.parse(from)
  const length = Math.max(0, Math.round((Date.parse(to) - first) / dayMs) + 1)
  const days = Array.from({ length }, (_, at) => new Date(first + at * dayMs).toISOString().slice(0, 10))
  const at = new Map(days.map((day, index) => [day, index]))
  const models = new Map<string, { costs: number[]; unpriced: number }>()
  for (const { day, model, costUsd, unpricedCalls } of usage) {
    const index = at.get(day)
    if (model === null || index === undefined) continue
    const of = models.get(model) ?? { costs: days.map(() => 0), unpriced: 0 }
    of.costs[index] = (of.costs[index] ?? 0) + (costUsd ?? 0)
    of.unpriced += unpricedCalls
    models.set(model, of)
  }
  const all = [...models]
    .map(([model, { costs, unpriced }]): Series => ({ model, costs, unpriced, total: sum(costs) }))
    .sort((a, b) => b.total - a.total || (a.model < b.model ? -1 : 1))
  return { days, series: few(all), totals: days.map((_, index) => sum(all.map(({ costs }) => costs[index] ?? 0))) }
}

function few(all: readonly Series[]): readonly Series[] {
  if (all.length <= mostSeries) return all
  const rest = all.slice(mostSeries - 1)
  const costs = rest[0]?.costs.map((_, index) => sum(rest.map(({ costs }) => costs[index] ?? 0))) ?? []
  const unpriced = sum(rest.map((one) => one.unpriced))
  return [...all.slice(0, mostSeries - 1), { model: others, costs, unpriced, total: sum(costs) }]
}

/** The top of an axis: the next of 1, 2 or 5 times a power of ten. */
export function axisTop(most: number): number {
  if (most <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(most))
  const step = [1, 2, 5, 10].find((of) => most <= of * power * (1 + 1e-9)) ?? 10
  return step * power
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
