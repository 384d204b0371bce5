import type { Step } from '../../../drizzle/schema.ts'
import type { VisionError } from '../../domain/errors.ts'
import type { RunUsage, StepContext, StepOutput, StepUsage } from '../../domain/step.ts'
import { race } from '../../platform/async.ts'
import type { Permit } from '../../providers/availability/permits.ts'
import type { RunOptions } from '../options.ts'
import { callOutcomeOf, Stopped } from './outcome.ts'

/** The state that the calls of a run share: several may be in flight. */
export interface RunState {
  readonly usage: RunUsage
  /** The permit that came with the claim, until a call takes it. */
  permit: Permit | undefined
  /** The number of calls in flight, by step: they may still be answered. */
  readonly out: Record<Step, number>
  /** How many steps have paid calls in flight. */
  paying: number
  /** Pending reports that calls have ended; saving their answers does not wait for them. */
  readonly endings: Promise<unknown>[]
}

/** A step to perform. */
export interface Performance {
  readonly step: Step
  /** Aborted when the run must stop. */
  readonly signal: AbortSignal
  readonly call: (context: StepContext) => Promise<StepOutput>
  /** Saves what was invalid in the answer, before the provider is asked again. */
  readonly saveIssue: (issue: string) => Promise<void>
  /** Called with what was invalid, whether it could be saved or not. */
  readonly onIssue: (issue: string) => void
}

/**
 * The output of a step, or its error and whether the provider's circuit was open then, in which case it is not the job's
 * fault.
 */
export type Performed = { readonly output: StepOutput } | { readonly thrown: unknown; readonly circuitOpen: boolean }

/**
 * Performs one step: acquires a permit, calls, and ends the permit with the call's outcome; calls once more if the answer
 * was invalid.
 *
 * @throws Stopped if there is no permit or no time, or the signal's reason
 */
export async function perform(
  { step, signal, call, saveIssue, onIssue }: Performance,
  state: RunState,
  options: RunOptions,
): Promise<Performed> {
  const { providers, hasTimeFor, onStep, onCall, frozenSince, now } = options
  const { usage } = state
  signal.throwIfAborted()
  if (!hasTimeFor(step)) throw new Stopped(`there is no time left for ${step}`)
  let permit: Permit | undefined = state.permit
  state.permit = undefined
  if (permit === undefined) [permit] = await providers.reserve(providers.stepProviders[step], 1)
  if (permit === undefined) throw new Stopped(`there is no permit to call the provider of ${step}`)
  const begun = now()
  let isPaying = false
  let isOut = false
  let tokens: number | undefined
  const end = async (error?: VisionError) => {
    const ending = permit
    permit = undefined
    const ofThisCall = tokens
    tokens = undefined
    return (await ending?.end({ tokens: ofThisCall, error })) ?? false
  }
  /** The call is no longer in flight: without an answer, it stays on record as possibly billed. */
  const back = () => {
    if (isOut) state.out[step]--
    isOut = false
  }
  const meter: StepContext['meter'] = {
    imageLoaded: (milliseconds) => {
      usage.imageMs = milliseconds
    },
    sent: async () => {
      signal.throwIfAborted()
      // The preparation may have taken long, especially a wait for memory.
      if (!options.mayPay()) throw new Stopped(`there is no time left to pay for ${step}`)
      if (!permit?.send()) throw new Stopped(`the permit has expired to call the provider of ${step}`)
      back()
      usage.possiblyBilled = { ...usage.possiblyBilled, [step]: (usage.possiblyBilled?.[step] ?? 0) + 1 }
      isOut = true
      state.out[step]++
      if (!isPaying) state.paying++
      isPaying = true
      onCall(true)
    },
    answered: (used) => {
      if (isOut) usage.possiblyBilled = { ...usage.possiblyBilled, [step]: (usage.possiblyBilled?.[step] ?? 1) - 1 }
      back()
      if (!used) return
      usage[step] = sumOf(usage[step], used)
      tokens =
        used.inputTokens === null || used.outputTokens === null ? undefined : used.inputTokens + used.outputTokens
    },
    again: async (issue) => {
      onIssue(issue)
      await end()
      if (!options.mayPay()) return false
      // Before the second call goes out, so that the next run knows of the issue after a crash.
      await saveIssue(issue)
      const [next] = await providers.reserve(providers.stepProviders[step], 1)
      // The run may have ended meanwhile, and nothing else would release the permit.
      if (signal.aborted) await next?.end({ cutOff: true })
      else permit = next
      return permit !== undefined
    },
    failed: (thrown) => {
      const outcome = callOutcomeOf(thrown, { aborted: false, frozen: frozenSince(begun) })
      state.endings.push(end('error' in outcome ? outcome.error : undefined))
    },
  }
  try {
    onStep(step)
    const output = await race(call({ signal, meter }), signal)
    if (permit) state.endings.push(end())
    return { output }
  } catch (thrown) {
    const outcome = callOutcomeOf(thrown, { aborted: signal.aborted, frozen: frozenSince(begun) })
    if ('stopped' in outcome) throw outcome.stopped
    return { thrown, circuitOpen: await end(outcome.error) }
  } finally {
    // A stopped run says nothing about the provider.
    const cut: Permit | undefined = permit
    permit = undefined
    if (cut) state.endings.push(cut.end({ cutOff: true }))
    if (!signal.aborted) back()
    if (isPaying) state.paying--
    if (state.paying === 0) onCall(false)
  }
}

/** The run's usage so far, without calls that may still be answered. */
export function spentSoFar({ usage, out }: RunState): RunUsage {
  const { analysis = 0, content = 0 } = usage.possiblyBilled ?? {}
  return { ...usage, possiblyBilled: { analysis: analysis - out.analysis, content: content - out.content } }
}

/** The total usage of a step's calls, under the last one's model. */
function sumOf(before: StepUsage | undefined, last: StepUsage): StepUsage {
  if (before === undefined) return { calls: 1, ...last }
  return {
    calls: (before.calls ?? 1) + 1,
    model: last.model,
    inputTokens: plus(before.inputTokens, last.inputTokens),
    cachedTokens: plus(before.cachedTokens, last.cachedTokens),
    outputTokens: plus(before.outputTokens, last.outputTokens),
    thinkingTokens: plus(before.thinkingTokens, last.thinkingTokens),
    cost: plus(before.cost, last.cost),
    milliseconds: before.milliseconds + last.milliseconds,
  }
}

/** The sum is unknown if either value is. */
const plus = (one: number | null, other: number | null) => (one === null || other === null ? null : one + other)
