import { setTimeout as delay } from 'node:timers/promises'
import type { Status, Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { VisionError } from '../domain/errors.ts'
import { LeaseLost, type Reason, type Run } from '../domain/run.ts'
import type { Meter, RunUsage, StepContext, StepOutput, StepUsage } from '../domain/step.ts'
import { race } from '../platform/async.ts'
import { providerOf } from '../providers/circuit-breaker.ts'
import type { Permit, ProviderAccess } from '../providers/permits.ts'
import type { BackoffOptions } from '../queue/backoff.ts'
import { getVisionJobOutput, getVisionJobState } from '../queue/read.ts'
import {
  completeVisionJob,
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
  saveAnswerIssue,
} from '../queue/settle.ts'
import { callOutcomeOf, outcomeOf, Stopped } from './outcome.ts'

/** The two steps, handed to the worker: it knows when to run them, they know what they do. */
export interface Steps {
  analysis(run: Run, context: StepContext): Promise<StepOutput>
  content(run: Run, analysis: unknown, context: StepContext): Promise<StepOutput>
}

/** How a run ended, as the worker counts it. */
export type Ended = 'completed' | 'retried' | 'failed' | 'released' | 'lost'

export interface ExecuteOptions {
  readonly database: Database
  readonly steps: Steps
  readonly providers: ProviderAccess
  /** The permit to call the provider of the run's first step; released if it is not used. */
  readonly permit: Permit
  /** Aborted with `LeaseLost`, `LeaseUncertain` or `Stopped` as the reason. */
  readonly signal: AbortSignal
  /** Whether the worker has the time that a step may take. */
  readonly hasTimeFor: (step: Step) => boolean
  /** Whether it has the time that the step's paid call may take, and its lease for sure, asked when it is about to be paid. */
  readonly mayPay: () => boolean
  /** Told when a paid call goes out, and when it has ended. */
  readonly onCall: (isOut: boolean) => void
  /** Whether the worker stood still at any moment since then, by `now`. */
  readonly frozenSince: (moment: number) => boolean
  readonly retry: BackoffOptions
  /** How long a job waits at first, at least, whose provider is not available, in milliseconds. */
  readonly providerWaitMs: number
  /** Whether there is time to ask a database that is in trouble again to save what was paid for. */
  readonly mayWait: () => boolean
  /** Milliseconds, of any clock that only goes forward. */
  readonly now: () => number
  /** Told of each step as it begins. */
  readonly onStep: (step: Step) => void
}

/** How a run ended, and why if it did not end well. */
export interface Execution {
  readonly ended: Ended
  readonly error?: VisionError
  /** What a lost job is now: a status, or `deleted`. */
  readonly now?: Status | 'deleted'
}

/** How long a database in trouble is left alone before something is saved again, in milliseconds. */
const saveAgainMs = 1_000
/**
 * Runs a job from the step that it has come to and settles the run, whatever happens.
 *
 * @throws only when the database does not take the settlement; the lease then expires and the job is reclaimed
 */
export async function execute(run: Run, options: ExecuteOptions): Promise<Execution> {
  const { database, signal } = options
  const usage: RunUsage = {}
  const progress: Progress = { step: run.step, permit: options.permit, ending: undefined, circuitOpen: false }
  try {
    await runSteps(run, options, usage, progress)
    return { ended: 'completed' }
  } catch (caught) {
    // Once aborted, the reason is what happened, whatever the step made of it.
    const error = signal.aborted && !(caught instanceof LeaseLost) ? signal.reason : caught
    try {
      return await persist(() => settle(run, error, options, usage, progress), options)
    } catch (settleError) {
      if (!(settleError instanceof LeaseLost)) throw settleError
      await persist(() => recordSpending(database, run, usage), options)
      return { ended: 'lost', now: (await getVisionJobState(database, run.jobId)) ?? 'deleted' }
    }
  } finally {
    await progress.permit?.end({ cutOff: true })
    await progress.ending
  }
}

/** How far a run has come. */
interface Progress {
  step: Step
  /** The permit for the call of this step, until the step has ended. */
  permit: Permit | undefined
  /** The note that a call has ended well, which the saving of its answer does not wait for. */
  ending: Promise<unknown> | undefined
  /** The provider's circuit was open when the step failed, so that the failure is not the job's. */
  circuitOpen: boolean
}

async function runSteps(run: Run, options: ExecuteOptions, usage: RunUsage, progress: Progress): Promise<void> {
  const { database, steps, providers, signal, hasTimeFor, onStep, onCall, frozenSince, now } = options

  const perform = async (step: Step, call: (context: StepContext) => Promise<StepOutput>): Promise<StepOutput> => {
    signal.throwIfAborted()
    if (!hasTimeFor(step)) throw new Stopped(`there is no time left for ${step}`)
    const [permit] = progress.permit ? [progress.permit] : await providers.reserve(providerOf[step], 1)
    if (permit === undefined) throw new Stopped(`there is no permit to call the provider of ${step}`)
    progress.permit = permit
    onStep(step)
    const begun = now()
    let counted = 0
    const end = async (error?: VisionError) => {
      const ending = progress.permit
      progress.permit = undefined
      const tokens = tokensOf(usage[step])
      const ofThisCall = tokens === undefined ? undefined : tokens - counted
      counted = tokens ?? 0
      return (await ending?.end({ tokens: ofThisCall, error })) ?? false
    }
    const again = async (issue: string): Promise<boolean> => {
      usage.answerIssue = issue
      await end()
      if (!options.mayPay()) return false
      // Before the further call goes out, so that whoever takes this job up after a crash knows that it was asked for.
      await saveAnswerIssue(database, run, issue)
      const [next] = await providers.reserve(providerOf[step], 1)
      // Meanwhile the run may have ended, and nobody would give it back.
      if (signal.aborted) await next?.end({ cutOff: true })
      else progress.permit = next
      return progress.permit !== undefined
    }
    const failed = (thrown: unknown) => {
      const outcome = callOutcomeOf(thrown, { aborted: false, frozen: frozenSince(begun) })
      progress.ending = end('error' in outcome ? outcome.error : undefined)
    }
    try {
      const meter = meterOf(step, usage, progress, { again, failed }, options)
      const output = await race(call({ signal, meter }), signal)
      if (progress.permit) progress.ending = end()
      return output
    } catch (error) {
      const outcome = callOutcomeOf(error, { aborted: signal.aborted, frozen: frozenSince(begun) })
      if ('stopped' in outcome) throw outcome.stopped
      progress.circuitOpen = await end(outcome.error)
      throw error
    } finally {
      onCall(false)
    }
  }

  let analysis: unknown
  if (run.step === 'analysis') {
    const output = await perform('analysis', (context) => steps.analysis(run, context))
    await persist(() => saveAnalysis(database, run, output, usage), options)
    delete usage.answerIssue
    progress.step = 'content'
    analysis = output.body
  } else {
    analysis = await getVisionJobOutput(database, run.jobId, 'analysis')
  }
  const content = await perform('content', (context) => steps.content(run, analysis, context))
  await persist(() => completeVisionJob(database, run, content, usage), options)
}

function tokensOf(used: StepUsage | undefined): number | undefined {
  if (!used || used.inputTokens === null || used.outputTokens === null) return undefined
  return used.inputTokens + used.outputTokens
}

/**
 * Saves, and again for as long as there is time: an answer that was paid for is not thrown away because the database is in
 * trouble. Whoever took the job meanwhile is found by the fence.
 *
 * @throws VisionError `database.unavailable` when the time is over
 */
async function persist<T>(save: () => Promise<T>, { mayWait, signal }: ExecuteOptions): Promise<T> {
  for (;;) {
    try {
      return await save()
    } catch (error) {
      const away = error instanceof VisionError && error.code === 'database.unavailable'
      if (!away || signal.reason instanceof LeaseLost || !mayWait()) throw error
      await delay(saveAgainMs)
    }
  }
}

/** Does what the outcome says. */
async function settle(
  run: Run,
  thrown: unknown,
  { database, retry, providerWaitMs }: ExecuteOptions,
  usage: RunUsage,
  { step, circuitOpen }: Progress,
): Promise<Execution> {
  const outcome = outcomeOf(thrown, run, { circuitOpen, retry, providerWaitMs })
  if (outcome.kind === 'lost') throw thrown
  const { error } = outcome
  if (outcome.kind === 'released') {
    await releaseVisionJob(database, run, step, usage)
    return { ended: 'released', ...(error && { error }) }
  }
  const { code, message, detail } = outcome.error
  const reason: Reason = { code, message, detail }
  if (outcome.kind === 'failed') {
    await failVisionJob(database, run, reason, usage)
    return { ended: 'failed', error: outcome.error }
  }
  const costsRetry = outcome.kind === 'retried'
  await retryVisionJob(database, run, reason, usage, { delayMs: outcome.delayMs, costsRetry })
  return { ended: costsRetry ? 'retried' : 'released', error: outcome.error }
}

/** What the calls of a step have used together, by the last one's model. */
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

/** What is not known of one call is not known of both. */
const plus = (one: number | null, other: number | null) => (one === null || other === null ? null : one + other)

function meterOf(
  step: Step,
  usage: RunUsage,
  progress: Progress,
  more: Pick<Meter, 'again' | 'failed'>,
  { signal, mayPay, onCall }: ExecuteOptions,
): Meter {
  return {
    imageLoaded: (milliseconds) => {
      usage.imageMs = milliseconds
    },
    sent: async () => {
      signal.throwIfAborted()
      // What came before may have taken long, a wait for memory above all.
      if (!mayPay()) throw new Stopped(`there is no time left to pay for ${step}`)
      if (!progress.permit?.send()) throw new Stopped(`the permit has expired to call the provider of ${step}`)
      usage.possiblyBilled = step
      onCall(true)
    },
    answered: (used) => {
      delete usage.possiblyBilled
      if (used) usage[step] = sumOf(usage[step], used)
    },
    ...more,
  }
}
