import type { Status, Step } from '../../../drizzle/schema.ts'
import type { VisionError } from '../../domain/errors.ts'
import { LeaseLost, type Run } from '../../domain/run.ts'
import type { RunUsage } from '../../domain/step.ts'
import { getVisionJobOutput, getVisionJobState } from '../../queue/read/read.ts'
import {
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
  saveAnswerIssue,
} from '../../queue/settle/settle.ts'
import type { RunOptions } from '../options.ts'
import { makeTexts } from './make-texts.ts'
import { outcomeOf } from './outcome.ts'
import { perform, type RunState, spentSoFar } from './perform.ts'
import { persist } from './persist.ts'
import type { TextsOutcome } from './track-texts.ts'

/** How a run ended, in the worker's counters. */
export type Ended = 'completed' | 'retried' | 'failed' | 'released' | 'lost'

/** How a run ended, with the error unless it completed. */
export interface Execution {
  readonly ended: Ended
  readonly error?: VisionError
  /** The status that a lost job has by now, or `deleted`. */
  readonly jobStatus?: Status | 'deleted'
  /** Its usage. */
  readonly spent: RunUsage
}

type Settled = Omit<Execution, 'spent'>

/**
 * Runs a job from the step that it has reached, and settles the run in every case.
 *
 * @throws only if the database refuses the settlement; the lease then expires and the job is reclaimed
 */
export async function execute(run: Run, options: RunOptions): Promise<Execution> {
  const { database, signal } = options
  const state: RunState = {
    usage: {},
    permit: options.permit,
    out: { analysis: 0, content: 0 },
    paying: 0,
    endings: [],
  }
  const progress: Progress = { step: run.step, circuitOpen: false }
  const settling = { options, state, progress }
  try {
    const went = await runSteps(run, options, state, progress).catch((caught: unknown) => {
      // Once aborted, the reason of the signal counts, whatever the step threw.
      const error = signal.aborted && !(caught instanceof LeaseLost) ? signal.reason : caught
      return { outcome: outcomeOf(error, run, { ...options, ...progress }), texts: [] }
    })
    if (went === 'completed') return { ended: 'completed', spent: state.usage }
    try {
      return { ...(await persist(() => settle(run, went, settling), options)), spent: state.usage }
    } catch (settleError) {
      if (!(settleError instanceof LeaseLost)) throw settleError
      await persist(() => recordSpending(database, run, state.usage), options)
      const jobStatus = (await getVisionJobState(database, run.jobId)) ?? 'deleted'
      return { ended: 'lost', jobStatus, spent: state.usage }
    }
  } finally {
    if (state.permit) state.endings.push(state.permit.end({ cutOff: true }))
    await Promise.all(state.endings)
  }
}

/** The progress of a run. */
interface Progress {
  step: Step
  /** The provider's circuit was open when the analysis failed, so the failure is not the job's fault. */
  circuitOpen: boolean
}

async function runSteps(run: Run, options: RunOptions, state: RunState, progress: Progress): Promise<TextsOutcome> {
  const { database, steps, signal } = options
  const { usage } = state
  if (run.step === 'content') {
    return makeTexts(run, await getVisionJobOutput(database, run.jobId, 'analysis'), state, options)
  }
  const performed = await perform(
    {
      step: 'analysis',
      signal,
      call: (context) => steps.analysis(run, context),
      saveIssue: (issue) => saveAnswerIssue(database, run, issue, spentSoFar(state)),
      onIssue: (issue) => {
        usage.answerIssue = issue
      },
    },
    state,
    options,
  )
  if ('thrown' in performed) {
    progress.circuitOpen = performed.circuitOpen
    throw performed.thrown
  }
  const { output } = performed
  await persist(() => saveAnalysis(database, run, output, spentSoFar(state)), options)
  delete usage.answerIssue
  progress.step = 'content'
  return makeTexts(run, output.body, state, options)
}

interface Settling {
  readonly options: RunOptions
  readonly state: RunState
  readonly progress: Progress
}

/** Applies the outcome. */
async function settle(
  run: Run,
  { outcome, texts }: Exclude<TextsOutcome, 'completed'>,
  { options: { database }, state: { usage }, progress }: Settling,
): Promise<Settled> {
  if (outcome.kind === 'lost') throw new LeaseLost(run)
  const { error } = outcome
  if (outcome.kind === 'released') {
    await releaseVisionJob(database, run, progress.step, usage, texts)
    return { ended: 'released', ...(error && { error }) }
  }
  if (outcome.kind === 'failed') {
    await failVisionJob(database, run, outcome.error, usage, texts)
    return { ended: 'failed', error: outcome.error }
  }
  const costsRetry = outcome.kind === 'retried'
  await retryVisionJob(database, run, outcome.error, usage, { delayMs: outcome.delayMs, costsRetry }, texts)
  return { ended: costsRetry ? 'retried' : 'released', error: outcome.error }
}
