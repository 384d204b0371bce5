import type { Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import type { Run, TextRun } from '../domain/run.ts'
import type { StepContext, StepOutput } from '../domain/step.ts'
import type { RunningTally } from '../domain/tally.ts'
import type { Log } from '../platform/log.ts'
import type { Permit, ProviderAccess } from '../providers/availability/permits.ts'
import type { BackoffOptions } from '../queue/claim/backoff.ts'
import type { StatsOfWorker } from './report/stats.ts'
import type { Bell } from './wake/bell.ts'
import type { Waker } from './wake/wake.ts'

/** The two steps, which the worker runs. */
export interface Steps {
  /** Loads what the steps are made of: called when jobs have been claimed, so that none of them waits for it. */
  prepare?(): void
  analysis(run: Run, context: StepContext): Promise<StepOutput>
  /** One text of the job. */
  content(run: TextRun, analysis: unknown, context: StepContext): Promise<StepOutput>
}

export interface WorkerOptions {
  readonly database: Database
  readonly steps: Steps
  readonly providers: ProviderAccess
  /** Names the worker in leases and attempts; different for each drain. */
  readonly workerId: string
  /** Where an operator can follow it: a log stream; the host name if left out. */
  readonly host?: string | undefined
  /** The most runs in flight. */
  readonly concurrency: number
  /** The most texts of a job that are made concurrently; one if left out. */
  readonly textsAtOnce?: number | undefined
  /** The most jobs of a user in flight, over all workers. */
  readonly inFlightPerUser: number
  /** The daily budget of a user, in nano-dollars; unlimited if left out. */
  readonly costPerDay?: number | undefined
  /** How long a lease lasts, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** How often leases are renewed, in milliseconds: at most half of `leaseMs`. */
  readonly renewMs: number
  /** How long after its start an idle worker keeps polling, in milliseconds; 0 drains and exits. */
  readonly idleMs: number
  /** The poll interval of an idle worker, in milliseconds; 2 seconds if left out. */
  readonly pollMs?: number | undefined
  /** The longest duration of each step, in milliseconds: a step does not start with less time left. */
  readonly stepMs: Readonly<Record<Step, number>>
  /** The longest duration of a step's paid call, in milliseconds: no call goes out with less time left. */
  readonly callMs: number
  readonly retry: BackoffOptions
  /**
   * The least first wait of a job whose provider is unavailable, in milliseconds; also the pause of a lane without its
   * bucket.
   */
  readonly providerWaitMs: number
  /** Wakes further workers when this one is full and more jobs wait; without it, whoever needs them must. */
  readonly waker?: Pick<Waker, 'wake' | 'rest'> | undefined
  /** Rung where jobs are created in this process. */
  readonly bell?: Pick<Bell, 'next' | 'attach'> | undefined
  /** What it was woken as, if it was. */
  readonly wakeId?: string | undefined
  readonly log: Log
  /** Counters that are updated as things happen, for the metrics reporter. */
  readonly counts?: RunningTally
  /** The same of its runs, with the codes that jobs failed of. */
  readonly stats?: StatsOfWorker | undefined
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  /** Milliseconds of the wall clock, which shows whether the machine was frozen; not checked if left out. */
  readonly wall?: (() => number) | undefined
}

export interface DrainOptions {
  /** When the worker is killed, by `now`; all runs are settled before. */
  readonly deadline: number
  /** Aborted when the worker must stop early: it releases its jobs. */
  readonly signal?: AbortSignal
}

type SharedOptions = Pick<
  WorkerOptions,
  'database' | 'steps' | 'providers' | 'textsAtOnce' | 'retry' | 'providerWaitMs' | 'now'
>

/** What one run needs: the worker's options, and the worker's state while the run lasts. */
export interface RunOptions extends SharedOptions {
  /** The permit to call the provider of the run's first step; released if it is not used. */
  readonly permit: Permit
  /** Aborted with `LeaseLost`, `LeaseUncertain` or `Stopped` as the reason. */
  readonly signal: AbortSignal
  /** Whether the worker has the time that a step may take. */
  readonly hasTimeFor: (step: Step) => boolean
  /** Whether it has the time for the step's paid call and certainly holds the lease; called just before the call goes out. */
  readonly mayPay: () => boolean
  /** Called when a paid call goes out, and when none is in flight any more. */
  readonly onCall: (isOut: boolean) => void
  /** Whether the process was frozen at any time since then, by `now`. */
  readonly frozenSince: (moment: number) => boolean
  /** Whether there is time to retry the save of a paid result while the database is unavailable. */
  readonly mayWait: () => boolean
  /** Called as each step begins. */
  readonly onStep: (step: Step) => void
}
