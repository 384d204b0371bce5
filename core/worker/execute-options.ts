import type { Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import type { Run, TextRun } from '../domain/run.ts'
import type { StepContext, StepOutput } from '../domain/step.ts'
import type { Permit, ProviderAccess } from '../providers/permits.ts'
import type { BackoffOptions } from '../queue/backoff.ts'

/** The two steps, which the worker runs. */
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
  /** Whether it has the time for the step's paid call and certainly holds the lease; called just before the call goes out. */
  readonly mayPay: () => boolean
  /** The most texts that are made concurrently; one if left out. */
  readonly textsAtOnce?: number | undefined
  /** Called when a paid call goes out, and when none is in flight any more. */
  readonly onCall: (isOut: boolean) => void
  /** Whether the process was frozen at any time since then, by `now`. */
  readonly frozenSince: (moment: number) => boolean
  readonly retry: BackoffOptions
  /** The least first wait of a job whose provider is unavailable, in milliseconds. */
  readonly providerWaitMs: number
  /** Whether there is time to retry the save of a paid result while the database is unavailable. */
  readonly mayWait: () => boolean
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  /** Called as each step begins. */
  readonly onStep: (step: Step) => void
}
