import type { Outcome, Step } from '../../drizzle/schema.ts'
import type { ColumnValue } from '../database/update-rows.ts'
import type { RunIdentity } from '../domain/run.ts'
import type { RunUsage } from '../domain/step.ts'
import type { EndedJob, OwnedRun } from '../usage/ledger.ts'
import type { Ending } from './attempt-row.ts'
import type { NewOutput } from './output-row.ts'
import type { MadeText, TextEnding } from './text-row.ts'

/** A job's row as it was locked, of a job that is being processed. */
export interface LockedJob {
  readonly attempt: number
  readonly step: Step
  readonly imageId: number | null
  readonly version: number
  readonly userId: string
  readonly batchId: number | null
}

/** What a run writes: data, so that what many runs write at the same time can be one transaction. See `writeRuns`. */
export interface RunChange {
  readonly run: RunIdentity
  /** What else must be so, besides that the run holds its job. */
  readonly onlyIf?: (job: LockedJob) => boolean
  readonly job: JobChange
  /** The snapshot that the job has from now on. */
  readonly image?: number
  /** The text that it made. */
  readonly made?: MadeText
  /** What becomes of texts that it did not make. */
  readonly endings?: readonly TextEnding[]
  /** Whether those must have been waiting: the change was made before if not. */
  readonly endingsOnce?: boolean
  readonly output?: NewOutput
  /** What the run's own row gets. */
  readonly attempt?: { readonly spent: RunUsage } & Partial<Ending> & { readonly step?: Step }
  /** The run ends with this: it goes into the ledger, with what of its job has ended. */
  readonly ended?: { readonly run: OwnedRun; readonly jobs: readonly EndedJob[] }
  /** By what it is known that this very run has made the change before; it may be made again if not given. */
  readonly evidence?: Evidence
}

/** What happens to the row of a job. */
export interface JobChange {
  /** What is done to each job alike. */
  readonly kind: JobChangeKind
  /** What is set to a value of its own, by the column. */
  readonly columns?: Readonly<Record<string, ColumnValue>>
  /** By how many the version goes up; 0 for what no client can see. */
  readonly versions: number
  /** How many of the versions came after that of the text or the output. */
  readonly after?: number
}

export type JobChangeKind = 'noted' | 'analysed' | 'text saved' | 'last text saved' | 'completed' | 'settled'

/** What can be seen of a change that has taken effect. */
export type Evidence =
  | { readonly output: { readonly kind: Step; readonly text: number; readonly revision: number } }
  | { readonly outcome: Outcome }
  | { readonly failedText: number }
  | { readonly image: number }
