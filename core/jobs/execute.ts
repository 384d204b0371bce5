import { setTimeout as delay } from 'node:timers/promises'
import type { Status, Step } from '../../drizzle/schema.ts'
import type { Database } from '../db.ts'
import { asVisionError, VisionError } from '../errors.ts'
import { type BackoffOptions, backoff } from './backoff.ts'
import { getVisionJobOutput, getVisionJobState } from './read.ts'
import { LeaseLost, type Reason, type Run, type Spending, type Spent } from './run.ts'
import {
  completeVisionJob,
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  type StepOutput,
  saveAnalysis,
} from './settle.ts'

/** How a step tells what it takes of its provider, as soon as it knows. */
export interface Meter {
  /**
   * The call goes out now; until it is answered it may have been paid for.
   *
   * @throws Stopped if there is no time left for it, and then it must not go out
   */
  sent(): void
  /** The provider answered: with its count of what it took, or with a refusal that costs nothing. */
  answered(spending?: Spending): void
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
  /** Aborted with `LeaseLost` or `Stopped` as the reason. */
  readonly signal: AbortSignal
  /** Whether the worker has the time that a step may take. */
  readonly hasTimeFor: (step: Step) => boolean
  /** Whether it has the time that the step's paid call may take, asked when it is about to be paid. */
  readonly hasTimeToPay: () => boolean
  readonly retry: BackoffOptions
  /** How long a database that does not answer is asked again to save what was paid for, in milliseconds. */
  readonly patienceMs: number
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

/** A provider that is not to be had is left alone for about so long at first, in milliseconds; doubled at most so often. */
export const providerPauseMs = 30_000
const providerDoublings = 4
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
  const progress = { step: run.step }
  try {
    await runSteps(run, options, spent, progress)
    return { ended: 'completed' }
  } catch (caught) {
    // Once aborted, the reason is what happened, whatever the step made of it.
    const error = signal.aborted && !(caught instanceof LeaseLost) ? signal.reason : caught
    try {
      return await persist(() => settle(run, error, options, spent, progress.step), options)
    } catch (settleError) {
      if (!(settleError instanceof LeaseLost)) throw settleError
      await recordSpending(database, run, spent)
      return { ended: 'lost', now: (await getVisionJobState(database, run.jobId)) ?? 'deleted' }
    }
  }
}

async function runSteps(run: Run, options: ExecuteOptions, spent: Spent, progress: { step: Step }): Promise<void> {
  const { database, steps, signal, hasTimeFor, hasTimeToPay, onStep } = options
  const begin = (step: Step): StepContext => {
    signal.throwIfAborted()
    if (!hasTimeFor(step)) throw new Stopped(`there is no time left for ${step}`)
    onStep(step)
    return { signal, meter: meterOf(step, spent, hasTimeToPay) }
  }
  let analysis: unknown
  if (run.step === 'analysis') {
    const output = await untilAborted(steps.analysis(run, begin('analysis')), signal)
    await persist(() => saveAnalysis(database, run, output, spent), options)
    progress.step = 'content'
    analysis = output.body
  } else {
    analysis = await getVisionJobOutput(database, run.jobId, 'analysis')
  }
  const content = await untilAborted(steps.content(run, analysis, begin('content')), signal)
  await persist(() => completeVisionJob(database, run, content, spent), options)
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

/** An answer was paid for: the database's being away for a moment must not throw it away. */
async function persist<T>(save: () => Promise<T>, { patienceMs, now, signal }: ExecuteOptions): Promise<T> {
  const until = now() + patienceMs
  for (;;) {
    try {
      return await save()
    } catch (error) {
      const away = error instanceof VisionError && error.code === 'database.unavailable'
      if (!away || signal.aborted || now() >= until) throw error
      await delay(1_000)
    }
  }
}

/** Whose trouble it was decides what becomes of the job. */
async function settle(
  run: Run,
  thrown: unknown,
  { database, retry }: ExecuteOptions,
  spent: Spent,
  step: Step,
): Promise<Execution> {
  if (thrown instanceof LeaseLost) throw thrown
  if (thrown instanceof Stopped) {
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
  if (error.blame === 'provider') {
    const doublings = error.retryAfterMs === undefined ? Math.min(run.attempt - 1, providerDoublings) : 0
    const pause = providerPauseMs * 2 ** doublings * (1 + retry.random())
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

function meterOf(step: Step, spent: Spent, hasTimeToPay: () => boolean): Meter {
  return {
    sent: () => {
      // What came before may have taken long, a wait for memory above all.
      if (!hasTimeToPay()) throw new Stopped(`there is no time left to pay for ${step}`)
      spent.possiblyBilled = step
    },
    answered: (spending) => {
      delete spent.possiblyBilled
      if (spending) spent[step] = spending
    },
  }
}
