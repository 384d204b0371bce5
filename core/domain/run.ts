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
  /** The step that is next: `content` means that the analysis is saved. */
  readonly step: Step
  readonly failures: number
  readonly crashes: number
  readonly maxRetries: number
  /** How long the job was pending before this claim, in milliseconds. */
  readonly waitingMs: number
  readonly imageUrl: string
  /** The snapshot of the image, once there is one. */
  readonly imageId: number | null
  readonly analysisPurpose: string
  readonly outputFormat: string
  readonly language: string
  /** The network that a post is for. */
  readonly platform: string | null
  /** Facts that the image does not show. */
  readonly facts: Facts | null
  /** The version of a brand that the job's texts are written for; both null for none. */
  readonly brandId: number | null
  readonly brandVersion: number | null
  /** What did not fit in the last answer of the analysis, in a run before. */
  readonly answerIssue: string | null
  /** The trace of the call that created the job, in 32 hex digits. */
  readonly traceId: string | null
  /** The code that the job's last run failed with, in this life of it or before a redrive. */
  readonly lastErrorCode: ErrorCode | null
}

/** A run that makes one of its job's texts: its writes are for this text. */
export interface TextRun extends Run {
  /** 1, 2, … within the job. */
  readonly text: number
  /** The revision that is to be made. */
  readonly revision: number
  /** Which of how many texts that are wanted alike. */
  readonly variant: { readonly number: number; readonly of: number }
  /** Of a text that is made anew: what its owner asks for, and the text as it is. */
  readonly revising: { readonly instruction: string | null; readonly current: unknown } | undefined
}

/** The error as clients and the attempt's row have it. */
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

/** No renewal has succeeded for as long as a lease lasts: the run may hold its job still, or others may run it by now. */
export class LeaseUncertain extends Error {
  constructor(run: RunIdentity) {
    super(`job ${run.jobId}, attempt ${run.attempt}: the lease could not be renewed`)
    this.name = 'LeaseUncertain'
  }
}
