import type { Author, Status, Step, TextStatus } from '../../drizzle/schema.ts'
import { hasEnded, progressOf } from '../domain/job.ts'
import type { JobRow, JobWithOutputs, OutputRow } from '../queue/read/read.ts'
import type { TextRow } from '../queue/rows/texts.ts'

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
  /** The prompt that it was made with, and its version. */
  readonly prompt: string | null
  /** ISO 8601. */
  readonly createdAt: string
  readonly result: unknown
}

interface Content extends Output {
  /** The format, which decides the fields of the result. */
  readonly outputFormat: string
  /** The findings in it. */
  readonly findings: unknown
}

/** A text that could not be made as requested, and why. */
type MissingText = Pick<TextState, 'textId' | 'outputFormat' | 'language' | 'error'>

/** A text of a job as it was made, edited or failed. */
export interface TextState {
  /** 1, 2, … within the job. */
  readonly textId: number
  /** The format, which decides the fields of the result. */
  readonly outputFormat: string
  readonly language: string
  readonly platform: string | null
  readonly brandId: number | null
  readonly brandVersion: number | null
  readonly variant: number
  readonly status: TextStatus | 'cancelled'
  /** The current one, which the result belongs to; 0 if there is none yet. */
  readonly revision: number
  readonly approved: boolean
  readonly error: { readonly code: string; readonly message: string } | null
  readonly model: string | null
  readonly prompt: string | null
  readonly author: Author | null
  /** ISO 8601. */
  readonly createdAt: string | null
  readonly result: unknown
  readonly findings: unknown
}

/**
 * An event for a watcher: one for each version of the job, with the version as its id. The analysis event contains only
 * what belongs to the version of the analysis, so it is the same whenever it is sent.
 */
export type JobEvent =
  | ({ readonly type: 'status' | 'cancelled' } & JobState)
  | ({ readonly type: 'failed'; readonly missing: readonly MissingText[] } & JobState)
  | ({ readonly type: 'completed'; readonly content: Content | null } & JobState)
  | ({ readonly type: 'analysis'; readonly analysis: Output } & Pick<
      JobState,
      'jobId' | 'version' | 'status' | 'step' | 'progress' | 'attempt'
    >)
  | {
      readonly type: 'text'
      readonly jobId: number
      readonly version: number
      readonly progress: number
      readonly text: TextState
    }
  | { readonly type: 'deleted'; readonly jobId: number; readonly version: number }

/**
 * The events for a job's current state, oldest first, for a watcher that knows the job up to a version: its state, preceded
 * by the analysis and the texts as far as they are new. Intermediate versions are skipped.
 *
 * @param after the version in the watcher's last event; 0 if there was none
 */
export function eventsAfter(after: number, found: JobWithOutputs): readonly JobEvent[] {
  const { job, outputs } = found
  const analysis = outputs.find((output) => output.kind === 'analysis')
  const events: JobEvent[] = []
  if (analysis && analysis.version > after) events.push(analysisEvent(analysis))
  events.push(...textEvents(found).filter(({ version }) => version > after))
  const known = Math.max(after, ...events.map(({ version }) => version))
  if (job.version > known) events.push(stateEvent(found))
  return events
}

/** In the order of their versions, the latest state of each text. One that is only waiting to be made is left out. */
function textEvents({ job, texts, outputs }: JobWithOutputs) {
  const done = texts.filter(({ status }) => status !== 'waiting').toSorted((one, other) => one.version - other.version)
  return done.map((text) => {
    const textsCompleted = done.filter(
      ({ status, version }) => status === 'completed' && version <= text.version,
    ).length
    const progress = progressOf({ status: 'processing', nextStep: 'content', texts: job.texts, textsCompleted })
    const { jobId, version } = text
    return { type: 'text' as const, jobId, version, progress, text: textState(job, text, outputs) }
  })
}

function missingTexts({ job, texts, outputs }: JobWithOutputs): readonly MissingText[] {
  return texts
    .filter(({ status }) => status !== 'completed')
    .map((text) => {
      const { textId, outputFormat, language, error } = textState(job, text, outputs)
      return { textId, outputFormat, language, error }
    })
}

/** A text with its current revision. One that its job did not reach shares the outcome of the job. */
export function textState(job: JobRow, text: TextRow, outputs: readonly OutputRow[]): TextState {
  const output = outputs.find((one) => one.kind === 'content' && one.text === text.text)
  const status =
    text.status === 'waiting' && (job.status === 'failed' || job.status === 'cancelled') ? job.status : text.status
  return {
    textId: text.text,
    outputFormat: text.outputFormat,
    language: text.language,
    platform: text.platform,
    brandId: text.brandId,
    brandVersion: text.brandVersion,
    variant: text.variant,
    status,
    revision: text.revision,
    approved: text.revision > 0 && text.approvedRevision === text.revision,
    error: errorOf(text) ?? (status === 'failed' ? errorOf(job) : null),
    model: output?.model || null,
    prompt: output?.prompt ?? null,
    author: output?.author ?? null,
    createdAt: output?.createdAt.toISOString() ?? null,
    result: output?.body ?? null,
    findings: output?.findings ?? [],
  }
}

function errorOf({ errorCode, errorMessage }: Pick<JobRow, 'errorCode' | 'errorMessage'>) {
  return errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' }
}

/** The first text, once it exists. */
export function firstContent({ job, outputs }: JobWithOutputs): Content | null {
  const content = outputs.find((output) => output.kind === 'content' && output.text === 1)
  return content ? { ...viewOutput(content), outputFormat: job.outputFormat, findings: content.findings ?? [] } : null
}

/** The last event of a deleted job. */
export function deletedEvent(jobId: number, lastVersion: number): JobEvent {
  return { type: 'deleted', jobId, version: lastVersion + 1 }
}

function stateEvent(found: JobWithOutputs): JobEvent {
  const { job } = found
  const state = stateOf(job)
  switch (job.status) {
    case 'completed':
      return { type: 'completed', ...state, content: firstContent(found) }
    case 'failed':
      return { type: 'failed', ...state, missing: missingTexts(found) }
    case 'cancelled':
      return { type: 'cancelled', ...state }
    default:
      return { type: 'status', ...state }
  }
}

function analysisEvent(output: OutputRow): JobEvent {
  const { jobId, version, attempt } = output
  // The run that saves an analysis continues with the content.
  const [status, step] = ['processing', 'content'] as const
  const progress = progressOf({ status, nextStep: step, texts: 1, textsCompleted: 0 })
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
    error: errorOf(job),
  }
}

export function viewOutput({ model, prompt, createdAt, body }: OutputRow): Output {
  return { model, prompt, createdAt: createdAt.toISOString(), result: body }
}
