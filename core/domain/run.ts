import type { Step } from '../../drizzle/schema.ts'
import type { ErrorCode } from './errors.ts'

/** What a run is known by: the attempt is the fencing token, so nobody can write for a run without it. */
export interface RunIdentity {
  readonly jobId: number
  readonly attempt: number
}

/** What one step took of a provider, in all its calls; tokens are null where it does not say. */
export interface Spending {
  /** Calls that were answered; one if not given. */
  readonly calls?: number
  /** As the provider names it. */
  readonly model: string
  readonly inputTokens: number | null
  /** A part of the input. */
  readonly cachedTokens: number | null
  /** Thinking included. */
  readonly outputTokens: number | null
  /** A part of the output. */
  readonly thinkingTokens: number | null
  /** In nano-dollars; null where the price is not known. */
  readonly cost: number | null
  readonly milliseconds: number
}

/** What a run has taken so far, and the step whose call was cut off, so that it may have been paid for all the same. */
export interface Spent {
  /** How long bringing the image took, in milliseconds. */
  imageMs?: number
  analysis?: Spending
  content?: Spending
  possiblyBilled?: Step
  /** What did not fit in the answer of the step under way, once it was asked again or is to be. */
  answerIssue?: string
}

/** A run of a job by one worker, from claim to settlement. */
export interface Run extends RunIdentity {
  readonly workerId: string
  readonly userId: string
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
  /** What did not fit in the last answer of this step, in a run before. */
  readonly answerIssue: string | null
  /** The trace of the call that created the job, in 32 hex digits. */
  readonly traceId: string | null
  /** The code that the job's last run failed with, in this life of it or before a redrive. */
  readonly lastErrorCode: ErrorCode | null
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
