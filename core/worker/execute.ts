import { setTimeout as delay } from 'node:timers/promises'
import type { Status, Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { asVisionError, VisionError } from '../domain/errors.ts'
import { LeaseLost, LeaseUncertain, type Reason, type Run, type Spending, type Spent } from '../domain/run.ts'
import { providerOf } from '../providers/circuit-breaker.ts'
import { kindOf } from '../providers/kinds.ts'
import type { Permit, ProviderAccess } from '../providers/permits.ts'
import { type BackoffOptions, backoff } from '../queue/backoff.ts'
import { getVisionJobOutput, getVisionJobState } from '../queue/read.ts'
import {
  completeVisionJob,
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  type StepOutput,
  saveAnalysis,
  saveAnswerIssue,
} from '../queue/settle.ts'

/** How a step tells what it takes of its provider, as soon as it knows. */
export interface Meter {
  /** The image was brought, or was not: how long that took, in milliseconds. */
  imageLoaded(milliseconds: number): void
  /**
   * To be awaited at the last moment before the call goes out; until it is answered it may have been paid for.
   *
   * @throws Stopped if it must not go out: there is no time left for it, or no leave
   */
  sent(): Promise<void>
  /** The provider answered: with its count of what it took, or with a refusal that costs nothing. */
  answered(spending?: Spending): void
  /**
   * The paid answer did not fit. Ends its call, and says whether there is leave and time for one more in this run; if not, a
   * later run is told of the issue. Paid answers that do not fit are thus two at most, also where the worker dies in between.
   *
   * @param issue what did not fit, in our own words
   */
  again(issue: string): Promise<boolean>
  /** The further call failed, and the step does without its answer: all workers are told how it ended all the same. */
  failed(error: unknown): void
}

export interface StepContext {
  /** Aborted when the run must stop: its reason is what the step rejects with. */
  readonly signal: AbortSignal
  readonly meter: Meter
}

/** The two steps, handed to the worker: it knows when to run them, they know what they do. */
export interface Steps {
  analysis(run: Run, context: StepContext): Promise<StepOutput>
  content(run: Run, analysis: unknown, context: StepContext): Promise<StepOutput>
}

/** The worker must stop: its deadline is near, or it is being shut down. What it has not finished goes back. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

/** How a run ended, as the worker counts it. */
export type Ended = 'completed' | 'retried' | 'failed' | 'released' | 'lost'

export interface ExecuteOptions {
  readonly database: Database
  readonly steps: Steps
  readonly providers: ProviderAccess
  /** Leave to call the provider of the run's first step; given back if it is not used. */
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
  /** How long a job waits at first, at least, whose provider is not to be had, in milliseconds. */
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

/** The wait of a job whose provider is not to be had doubles with its attempts, at most so often. */
const providerDoublings = 4
/** How long a database in trouble is left alone before something is saved again, in milliseconds. */
const saveAgainMs = 1_000
/** No job waits longer than it lives by default, whatever a provider asks for, in milliseconds. */
const longestWaitMs = 86_400_000

/**
 * Runs a job from the step that it has come to and settles the run, whatever happens.
 *
 * @throws only when the database does not take the settlement; the lease then expires and the job is reclaimed
 */
export async function execute(run: Run, options: ExecuteOptions): Promise<Execution> {
  const { database, signal } = options
  const spent: Spent = {}
  const progress: Progress = { step: run.step, permit: options.permit, ending: undefined, down: false }
  try {
    await runSteps(run, options, spent, progress)
    return { ended: 'completed' }
  } catch (caught) {
    // Once aborted, the reason is what happened, whatever the step made of it.
    const error = signal.aborted && !(caught instanceof LeaseLost) ? signal.reason : caught
    try {
      return await persist(() => settle(run, error, options, spent, progress), options)
    } catch (settleError) {
      if (!(settleError instanceof LeaseLost)) throw settleError
      await persist(() => recordSpending(database, run, spent), options)
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
  /** Leave for the call of this step, until the step has ended. */
  permit: Permit | undefined
  /** The note that a call has ended well, which the saving of its answer does not wait for. */
  ending: Promise<unknown> | undefined
  /** The provider was down when the step failed, so that the failure is not the job's. */
  down: boolean
}

async function runSteps(run: Run, options: ExecuteOptions, spent: Spent, progress: Progress): Promise<void> {
  const { database, steps, providers, signal, hasTimeFor, onStep, onCall, frozenSince, now } = options

  const perform = async (step: Step, call: (context: StepContext) => Promise<StepOutput>): Promise<StepOutput> => {
    signal.throwIfAborted()
    if (!hasTimeFor(step)) throw new Stopped(`there is no time left for ${step}`)
    const [permit] = progress.permit ? [progress.permit] : await providers.reserve(providerOf[step], 1)
    if (permit === undefined) throw new Stopped(`there is no leave to call the provider of ${step}`)
    progress.permit = permit
    onStep(step)
    const begun = now()
    let counted = 0
    const end = async (error?: VisionError) => {
      const ending = progress.permit
      progress.permit = undefined
      const tokens = tokensOf(spent[step])
      const ofThisCall = tokens === undefined ? undefined : tokens - counted
      counted = tokens ?? 0
      return (await ending?.end({ tokens: ofThisCall, error })) ?? false
    }
    const again = async (issue: string): Promise<boolean> => {
      spent.answerIssue = issue
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
      const failure = asVisionError(thrown)
      progress.ending = end(isSilence(failure) && frozenSince(begun) ? undefined : failure)
    }
    try {
      const meter = meterOf(step, spent, progress, { again, failed }, options)
      const output = await untilAborted(call({ signal, meter }), signal)
      if (progress.permit) progress.ending = end()
      return output
    } catch (error) {
      if (signal.aborted || error instanceof Stopped) throw error
      const failure = asVisionError(error)
      // It may have been answered long ago, while nobody listened.
      if (isSilence(failure) && frozenSince(begun)) throw new Stopped(`the worker stood still during ${step}`)
      progress.down = await end(failure)
      throw error
    } finally {
      onCall(false)
    }
  }

  let analysis: unknown
  if (run.step === 'analysis') {
    const output = await perform('analysis', (context) => steps.analysis(run, context))
    await persist(() => saveAnalysis(database, run, output, spent), options)
    delete spent.answerIssue
    progress.step = 'content'
    analysis = output.body
  } else {
    analysis = await getVisionJobOutput(database, run.jobId, 'analysis')
  }
  const content = await perform('content', (context) => steps.content(run, analysis, context))
  await persist(() => completeVisionJob(database, run, content, spent), options)
}

/** Whether nothing came, or nothing whole: of a provider, or of the server of an image. */
function isSilence({ code, blame }: VisionError): boolean {
  return (
    ['timed_out', 'unavailable'].includes(kindOf(code) ?? '') || (code.startsWith('image.') && blame === 'retryable')
  )
}

function tokensOf(spending: Spending | undefined): number | undefined {
  if (!spending || spending.inputTokens === null || spending.outputTokens === null) return undefined
  return spending.inputTokens + spending.outputTokens
}

/** Does not wait for a step that is slow to notice that it must stop. */
async function untilAborted<T>(step: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([step, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
    // Whichever of the two lost the race must not surface as an unhandled rejection.
    step.catch(() => undefined)
  }
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

/** Whose trouble it was decides what becomes of the job. */
async function settle(
  run: Run,
  thrown: unknown,
  { database, retry, providerWaitMs }: ExecuteOptions,
  spent: Spent,
  { step, down }: Progress,
): Promise<Execution> {
  if (thrown instanceof LeaseLost) throw thrown
  // A lease that is uncertain is ours until the fence says otherwise.
  if (thrown instanceof Stopped || thrown instanceof LeaseUncertain) {
    await releaseVisionJob(database, run, step, spent)
    return { ended: 'released' }
  }
  const error = asVisionError(thrown)
  // The database's trouble is not the job's, and it may be over by now.
  if (error.code === 'database.unavailable') {
    await releaseVisionJob(database, run, step, spent)
    return { ended: 'released', error }
  }
  const reason: Reason = { code: error.code, message: error.message, detail: error.detail }
  // What fails while the provider is down, as the call that probes it may, is an outage and no fault of the job.
  if (error.blame === 'provider' || (down && error.blame === 'retryable')) {
    const doublings = error.retryAfterMs === undefined ? Math.min(run.attempt - 1, providerDoublings) : 0
    const pause = providerWaitMs * 2 ** doublings * (1 + retry.random())
    const delayMs = Math.min(Math.max(pause, error.retryAfterMs ?? 0), longestWaitMs)
    await retryVisionJob(database, run, reason, spent, { delayMs, costsRetry: false })
    return { ended: 'released', error }
  }
  if (error.blame === 'retryable' && run.failures < run.maxRetries) {
    const asked = Math.min(error.retryAfterMs ?? 0, longestWaitMs)
    const delayMs = Math.max(backoff(run.failures + 1, retry), asked)
    await retryVisionJob(database, run, reason, spent, { delayMs, costsRetry: true })
    return { ended: 'retried', error }
  }
  await failVisionJob(database, run, reason, spent)
  return { ended: 'failed', error }
}

/** What the calls of a step have taken together, by the last one's model. */
function sumOf(before: Spending | undefined, last: Spending): Spending {
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
  spent: Spent,
  progress: Progress,
  more: Pick<Meter, 'again' | 'failed'>,
  { signal, mayPay, onCall }: ExecuteOptions,
): Meter {
  return {
    imageLoaded: (milliseconds) => {
      spent.imageMs = milliseconds
    },
    sent: async () => {
      signal.throwIfAborted()
      // What came before may have taken long, a wait for memory above all.
      if (!mayPay()) throw new Stopped(`there is no time left to pay for ${step}`)
      if (!progress.permit?.send()) throw new Stopped(`there is no leave any more to call the provider of ${step}`)
      spent.possiblyBilled = step
      onCall(true)
    },
    answered: (spending) => {
      delete spent.possiblyBilled
      if (spending) spent[step] = sumOf(spent[step], spending)
    },
    ...more,
  }
}
