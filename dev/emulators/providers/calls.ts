import { type EmulatedRequest, type FaultKind, type Provider, providers } from './fault-rules.ts'

/**
 * How a call ended: `answered`, `refused` for what the request itself lacked, by the fault that was on, or `abandoned`
 * where the client went away before there was anything to send.
 */
export type Outcome = 'waiting' | 'answered' | 'refused' | 'abandoned' | Exclude<FaultKind, 'latency'>

/** One call that a provider's emulator received. */
export interface Call extends Omit<EmulatedRequest, 'text'> {
  readonly at: Date
  readonly outcome: Outcome
  /** Whether the client went away before it had the whole answer. */
  readonly aborted: boolean
}

/** How many calls of each outcome a provider received since the start, and how many the client gave up. */
export interface CallCounts {
  readonly total: number
  readonly aborted: number
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
}

/** The log of calls: the last 10,000 one by one, and counts of all. */
export interface Calls {
  /** The calls kept, oldest first. A call's outcome changes from `waiting` when it ends. */
  readonly log: readonly Call[]
  counts(): Readonly<Record<Provider, CallCounts>>
  /** Records a call that has just come in. */
  begin(request: EmulatedRequest): { end(outcome: Outcome): void; abort(): void }
}

const keep = 10_000

/** An empty log. */
export function createCalls(clock: () => Date): Calls {
  const log: { -readonly [K in keyof Call]: Call[K] }[] = []
  const counts = Object.fromEntries(
    providers.map((provider) => [provider, { total: 0, aborted: 0, outcomes: {} as Record<string, number> }]),
  ) as Record<Provider, { total: number; aborted: number; outcomes: Partial<Record<Outcome, number>> }>
  return {
    log,
    counts: () => structuredClone(counts),
    begin({ text: _, ...request }) {
      const call = { ...request, at: clock(), outcome: 'waiting' as Outcome, aborted: false }
      const count = counts[request.provider]
      const tally = (outcome: Outcome, by: number) => {
        count.outcomes[outcome] = (count.outcomes[outcome] ?? 0) + by
        if (count.outcomes[outcome] === 0) delete count.outcomes[outcome]
      }
      count.total += 1
      tally('waiting', 1)
      log.push(call)
      if (log.length > keep) log.shift()
      return {
        end(outcome) {
          tally(call.outcome, -1)
          tally(outcome, 1)
          call.outcome = outcome
        },
        abort() {
          if (call.aborted) return
          call.aborted = true
          count.aborted += 1
        },
      }
    },
  }
}
