import type { components } from './openapi.ts'

type Schemas = components['schemas']

/** A job as `create`, `get` and `wait` return it. */
export type Job = Schemas['Job']
/** What a job is created with. */
export type CreateJob = Schemas['CreateJob']
/** A text that is wanted: its format, language, network, brand and how many variants. */
export type WantedText = Schemas['WantedText']
/** A text of a job, told apart by its `outputFormat`. */
export type Text = Schemas['Text']
export type JobStatus = Schemas['Status']
/** An event of a job's stream, told apart by its `type`. */
export type JobEvent = Schemas['JobEvent']
export type Batch = Schemas['Batch']
/** The outcomes of jobs that were added to a batch. */
export type AddedJobs = Schemas['AddedJobs']
/** A job of a batch as a row: a field for each field of each text. */
export type ResultRow = Schemas['ResultRow']
/** Which jobs of yours, as in the history: all that is named must fit. */
export type JobFilter = Schemas['JobFilter']
/** The outcome of a change of many jobs. */
export type ChangedJobs = Pick<Schemas['MatchingChange'], 'jobs' | 'unchanged' | 'refused' | 'more'>
/** The stable code of an error, of a call or of a job: see docs/errors.md. */
export type ErrorCode = Schemas['ErrorCode']
/** What is wrong with a field of the input. */
export interface FieldProblem {
  /** Where in the input: a JSON pointer. */
  readonly pointer: string
  /** Stable. */
  readonly code: string
  readonly detail: string
  /** The job that has the idempotency key, where another request used it. */
  readonly jobId?: number
}

/** Whether a job has ended: nothing more happens to it unless it is retried. */
export function hasEnded({ status }: Pick<Job, 'status'>): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled'
}
