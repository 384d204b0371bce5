import type { Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import type { Run, TextRun } from '../domain/run.ts'
import type { StepContext, StepOutput } from '../domain/step.ts'
import type { Permit, ProviderAccess } from '../providers/permits.ts'
import type { BackoffOptions } from '../queue/backoff.ts'

/** The two steps, handed to the worker, which decides when to run them. */
export interface Steps {
  analysis(run: Run, context: StepContext): Promise<StepOutput>
  /** One text of the job. */
  content(run: TextRun, analysis: unknown, context: StepContext): Promise<StepOutput>
}

export interface ExecuteOptions {
  readonly database: Database
  readonly steps: Steps
  readonly providers: ProviderAccess
  /** The permit to call the provider of the run's first step; released if it is not used. */
  readonly permit: Permit
  /** Aborted with `LeaseLost`, `LeaseUncertain` or `Stopped` as the reason. */
  readonly signal: AbortSignal
  /** Whether the worker has the time that a step may take. */
  readonly hasTimeFor: (step: Step) => boolean
  /** Whether it has the time that the step's paid call may take, and its lease for sure, asked when it is about to be paid. */
  readonly mayPay: () => boolean
  /** How many texts are made at once, at most; one if not given. */
  readonly textsAtOnce?: number | undefined
  /** Told when a paid call goes out, and when none is out any more. */
  readonly onCall: (isOut: boolean) => void
  /** Whether the worker stood still at any moment since then, by `now`. */
  readonly frozenSince: (moment: number) => boolean
  readonly retry: BackoffOptions
  /** How long a job waits at first, at least, whose provider is not available, in milliseconds. */
  readonly providerWaitMs: number
  /** Whether there is time to retry saving a paid result while the database is in trouble. */
  readonly mayWait: () => boolean
  /** Milliseconds, of any clock that only goes forward. */
  readonly now: () => number
  /** Told of each step as it begins. */
  readonly onStep: (step: Step) => void
}
