import type * as z from 'zod'
import type { EmulatedRequest, FaultInput, FaultRule, Provider } from './fault-rules.ts'
import { triggerOf } from './triggers.ts'

/** A fault that is on, as it is listed. */
export interface ActiveFault extends Omit<z.input<typeof FaultInput>, 'times'> {
  readonly id: number
  /** How often it will still happen. */
  readonly left: number | 'unlimited'
}

/** What the faults make of one request: how long it waits first, and what then goes wrong, if anything. */
export interface Verdict {
  readonly latencyMs: number
  readonly fault?: FaultRule | undefined
}

/** The faults that are on. */
export interface Faults {
  /** @returns the number by which the fault is listed */
  add(rule: FaultRule): number
  /** Switches faults off: those of one provider, or all. */
  clear(provider?: Provider): void
  list(): readonly ActiveFault[]
  /**
   * Decides about one request, and counts what happens to it. Latencies add up; of the others, the one that was added
   * first among those that match happens, or else what the purpose of the job triggers.
   */
  decide(request: EmulatedRequest): Verdict
}

/**
 * An empty list of faults.
 *
 * @param random a number from 0 (included) to 1, for faults with a rate
 */
export function createFaults(random: () => number): Faults {
  let rules: { id: number; rule: FaultRule; left: number }[] = []
  let lastId = 0

  const happens = (rule: FaultRule, request: EmulatedRequest) =>
    rule.provider === request.provider &&
    (typeof rule.match === 'function' ? rule.match(request) : request.text.includes(rule.match ?? '')) &&
    (rule.rate === undefined || random() < rule.rate)

  return {
    add(rule) {
      const times = rule.times ?? (rule.rate === undefined ? 1 : Number.POSITIVE_INFINITY)
      lastId += 1
      rules.push({ id: lastId, rule, left: times === 'unlimited' ? Number.POSITIVE_INFINITY : times })
      return lastId
    },
    clear(provider) {
      rules = rules.filter(({ rule }) => provider !== undefined && rule.provider !== provider)
    },
    list() {
      return rules.map(({ id, left, rule: { times: _, match, ...rule } }) => ({
        id,
        ...rule,
        ...(match === undefined ? {} : { match: typeof match === 'string' ? match : '(a predicate)' }),
        left: left === Number.POSITIVE_INFINITY ? 'unlimited' : left,
      }))
    },
    decide(request) {
      let latencyMs = 0
      let fault: FaultRule | undefined
      for (const entry of rules) {
        if (entry.rule.kind !== 'latency' && fault) continue
        if (!happens(entry.rule, request)) continue
        entry.left -= 1
        latencyMs += entry.rule.latencyMs ?? 0
        if (entry.rule.kind !== 'latency') fault = entry.rule
      }
      rules = rules.filter(({ left }) => left > 0)
      const trigger = triggerOf(request)
      return { latencyMs: latencyMs + trigger.latencyMs, fault: fault ?? trigger.fault }
    },
  }
}
