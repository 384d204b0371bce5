import type { Status, Step } from '../../drizzle/schema.ts'
import { hasEnded, progressOf } from '../domain/job.ts'
import type { JobRow, JobWithOutputs, OutputRow } from '../queue/read.ts'

/** The state of a job at one of its versions. */
interface JobState {
  readonly jobId: number
  readonly version: number
  readonly status: Status
  /** The step that runs or is next; null once the job has ended. */
  readonly step: Step | null
  /** In per cent. */
  readonly progress: number
  readonly attempt: number
  readonly failures: number
  /** ISO 8601; null unless scheduled. */
  readonly nextTryAt: string | null
  readonly error: { readonly code: string; readonly message: string } | null
}

interface Output {
  readonly model: string
  /** The instructions that it was made by, with their version. */
  readonly prompt: string | null
  /** ISO 8601. */
  readonly createdAt: string
  readonly result: unknown
}

interface Content extends Output {
  /** Which fields the result has. */
  readonly outputFormat: string
  /** What was found in it. */
  readonly findings: unknown
}

/**
 * An event for a watcher: one for each version of the job, and the version is the event's id. The analysis event contains
 * only what is known of the version that the analysis came with, so that it is the same whenever it is sent.
 */
export type JobEvent =
  | ({ readonly type: 'status' | 'failed' | 'cancelled' } & JobState)
  | ({ readonly type: 'completed'; readonly content: Content | null } & JobState)
  | ({ readonly type: 'analysis'; readonly analysis: Output } & Pick<
      JobState,
      'jobId' | 'version' | 'status' | 'step' | 'progress' | 'attempt'
    >)
  | { readonly type: 'deleted'; readonly jobId: number; readonly version: number }

/**
 * The events of a job as it is, oldest first, for a watcher that knows it up to a version: its state, and before that the
 * analysis, if it is new to the watcher. Versions in between are skipped.
 *
 * @param after the version in the watcher's last event; 0 if there was none
 */
export function eventsAfter(after: number, { job, outputs }: JobWithOutputs): readonly JobEvent[] {
  const analysis = outputs.find((output) => output.kind === 'analysis')
  const events: JobEvent[] = []
  if (analysis && analysis.version > after) events.push(analysisEvent(analysis))
  if (job.version > after && job.version !== analysis?.version) events.push(stateEvent(job, outputs))
  return events
}

/** The last event of a job that is gone. */
export function deletedEvent(jobId: number, lastVersion: number): JobEvent {
  return { type: 'deleted', jobId, version: lastVersion + 1 }
}

function stateEvent(job: JobRow, outputs: readonly OutputRow[]): JobEvent {
  const state = stateOf(job)
  const content = outputs.find((output) => output.kind === 'content')
  switch (job.status) {
    case 'completed':
      return {
        type: 'completed',
        ...state,
        content: content
          ? { ...viewOutput(content), outputFormat: job.outputFormat, findings: content.findings ?? [] }
          : null,
      }
    case 'failed':
    case 'cancelled':
      return { type: job.status, ...state }
    default:
      return { type: 'status', ...state }
  }
}

function analysisEvent(output: OutputRow): JobEvent {
  const { jobId, version, attempt } = output
  // The run that saves an analysis goes on with the content.
  const [status, step] = ['processing', 'content'] as const
  const progress = progressOf({ status, nextStep: step })
  return { type: 'analysis', jobId, version, status, step, progress, attempt, analysis: viewOutput(output) }
}

function stateOf(job: JobRow): JobState {
  return {
    jobId: job.id,
    version: job.version,
    status: job.status,
    step: hasEnded(job) ? null : job.nextStep,
    progress: progressOf(job),
    attempt: job.attempt,
    failures: job.failures,
    nextTryAt: job.status === 'scheduled' ? (job.availableAt?.toISOString() ?? null) : null,
    error: job.errorCode === null ? null : { code: job.errorCode, message: job.errorMessage ?? '' },
  }
}

function viewOutput({ model, prompt, createdAt, body }: OutputRow): Output {
  return { model, prompt, createdAt: createdAt.toISOString(), result: body }
}
