import type { Facts, Step } from '../../drizzle/schema.ts'
import type { ErrorCode } from './errors.ts'

/** The identity of a run: the attempt is the fencing token of every write for it. */
export interface RunIdentity {
  readonly jobId: number
  readonly attempt: number
}

/** A run of a job by one worker, from claim to settlement. */
export interface Run extends RunIdentity {
  readonly workerId: string
  readonly userId: string
  /** The batch of the job; null for none. */
  readonly batchId: number | null
  /** The next step: `content` means that the analysis is saved. */
  readonly step: Step
  readonly failures: number
  readonly crashes: number
  readonly maxRetries: number
  /** How long the job was pending before this claim, in milliseconds. */
  readonly waitingMs: number
  readonly imageUrl: string
  /** The snapshot of the image, once it exists. */
  readonly imageId: number | null
  readonly analysisPurpose: string
  readonly outputFormat: string
  readonly language: string
  /** The network of a post. */
  readonly platform: string | null
  /** Facts that the image does not show. */
  readonly facts: Facts | null
  /** The brand version that the job's texts are written for; both null for none. */
  readonly brandId: number | null
  readonly brandVersion: number | null
  /** What was invalid in the last answer of the analysis, in an earlier run. */
  readonly answerIssue: string | null
  /** The trace of the call that created the job, in 32 hex digits. */
  readonly traceId: string | null
  /** The error code of the job's last run, before a redrive as well. */
  readonly lastErrorCode: ErrorCode | null
}

/** A run that makes one of its job's texts: its writes are for this text. */
export interface TextRun extends Run {
  /** 1, 2, … within the job. */
  readonly text: number
  /** The revision to make. */
  readonly revision: number
  /** Its number among identical requests, and how many those are. */
  readonly variant: { readonly number: number; readonly of: number }
  /** For a new revision: its owner's instruction, and the current text. */
  readonly revising: { readonly instruction: string | null; readonly current: unknown } | undefined
}

/** The error in the form that clients and the attempt's row get. */
export interface Reason {
  readonly code: ErrorCode
  readonly message: string
  readonly detail?: string | undefined
}

/** The run no longer holds the job: its lease expired, or the job was cancelled, deleted or settled by another run. */
export class LeaseLost extends Error {
  constructor(run: RunIdentity) {
    super(`job ${run.jobId}, attempt ${run.attempt}: the lease is lost`)
    this.name = 'LeaseLost'
  }
}

/** No renewal has succeeded for as long as a lease lasts: the run may still hold its job, or another run may. */
export class LeaseUncertain extends Error {
  constructor(run: RunIdentity) {
    super(`job ${run.jobId}, attempt ${run.attempt}: the lease could not be renewed`)
    this.name = 'LeaseUncertain'
  }
}
