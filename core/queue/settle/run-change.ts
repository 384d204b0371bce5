import type { Outcome, Step } from '../../../drizzle/schema.ts'
import type { ColumnValue } from '../../database/update-rows.ts'
import type { RunIdentity } from '../../domain/run.ts'
import type { RunUsage } from '../../domain/step.ts'
import type { EndedJob } from '../../usage/ledger.ts'
import type { EndedRun, Ending } from '../rows/attempt-row.ts'
import type { NewOutput } from '../rows/output-row.ts'
import type { MadeText, TextEnding } from '../rows/text-row.ts'

/** The row of a processing job, as it was locked. */
export interface LockedJob {
  readonly attempt: number
  readonly step: Step
  readonly imageId: number | null
  readonly version: number
  readonly userId: string
  readonly batchId: number | null
  /** The moment of the lock by the database's clock, as its text: when what the change ends has ended. */
  readonly at: string
}

/** A write of a run as data, so that concurrent writes of many runs can share a transaction. See `writeRuns`. */
export interface RunChange {
  readonly run: RunIdentity
  /** Further conditions, besides that the run holds its job. */
  readonly onlyIf?: (job: LockedJob) => boolean
  readonly job: JobChange
  /** The job's snapshot from now on. */
  readonly image?: number
  /** The text that it made. */
  readonly made?: MadeText
  /** The outcomes of texts that were not made. */
  readonly endings?: readonly TextEnding[]
  /** Whether those texts must be waiting: if not, the change was made before. */
  readonly endingsOnce?: boolean
  readonly output?: NewOutput
  /** The changes of the run's own row. */
  readonly attempt?: { readonly spent: RunUsage } & Partial<Ending> & { readonly step?: Step }
  /** The change ends the run: it is entered into the ledger, with the job if that ends too. */
  readonly ended?: { readonly run: EndedRun; readonly jobs: readonly EndedJob[] }
  /** The evidence that this run has made the change before; without it, the change may be made again. */
  readonly evidence?: Evidence
}

/** The change of a job's row. */
export interface JobChange {
  /** Applied to each job alike. */
  readonly kind: JobChangeKind
  /** Values of this job alone, by column. */
  readonly columns?: Readonly<Record<string, ColumnValue>>
  /** The increment of the version; 0 for changes that no client can see. */
  readonly versions: number
  /** How many of those increments come after the version of the text or output. */
  readonly after?: number
}

export type JobChangeKind = 'noted' | 'analysed' | 'text saved' | 'last text saved' | 'completed' | 'settled'

/** The visible traces of a change that has taken effect. */
export type Evidence =
  | { readonly output: { readonly kind: Step; readonly text: number; readonly revision: number } }
  | { readonly outcome: Outcome }
  | { readonly failedText: number }
  | { readonly image: number }
