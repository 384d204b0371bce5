import type { Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import type { RunningTally } from '../domain/tally.ts'
import type { Log } from '../platform/log.ts'
import type { ProviderAccess } from '../providers/permits.ts'
import type { BackoffOptions } from '../queue/backoff.ts'
import type { Bell } from './bell.ts'
import type { Steps } from './execute-options.ts'
import type { Waker } from './wake.ts'

export interface WorkerOptions {
  readonly database: Database
  readonly steps: Steps
  readonly providers: ProviderAccess
  /** Names the worker in leases and attempts; its own for each drain. */
  readonly workerId: string
  /** Where it can be followed, for the operator: a log stream; the host's name if left out. */
  readonly host?: string | undefined
  /** The most jobs in flight. */
  readonly concurrency: number
  /** How many texts of a job are made at once, at most; one if not given. */
  readonly textsAtOnce?: number | undefined
  /** How many of a user's jobs may be in flight, in all workers together. */
  readonly inFlightPerUser: number
  /** What the calls of one user may cost in a day, in nano-dollars; not limited if left out. */
  readonly costPerDay?: number | undefined
  /** How long a lease lasts, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** How often leases are renewed, in milliseconds: at most half of `leaseMs`. */
  readonly renewMs: number
  /** How long after its start an idle worker goes on polling, in milliseconds; 0 drains and exits. */
  readonly idleMs: number
  /** How often it polls while there is nothing to do, in milliseconds; every 2 seconds if not given. */
  readonly pollMs?: number | undefined
  /** How long each step may take, in milliseconds: none is begun with less time left. */
  readonly stepMs: Readonly<Record<Step, number>>
  /** How long the paid call of a step may take, in milliseconds: none goes out with less time left. */
  readonly callMs: number
  readonly retry: BackoffOptions
  /** How long a job waits at first, at least, whose provider is not available, in milliseconds; and a lane without its bucket. */
  readonly providerWaitMs: number
  /** Wakes further workers when this one is full and more jobs wait; without it, whoever needs them must. */
  readonly waker?: Pick<Waker, 'wake' | 'rest'> | undefined
  /** Rung where jobs are created in this process. */
  readonly bell?: Pick<Bell, 'next' | 'attach'> | undefined
  /** What it was woken as, if it was. */
  readonly wakeId?: string | undefined
  readonly log: Log
  /** Counted up as things happen, for the metrics reporter. */
  readonly counts?: RunningTally
  /** Milliseconds, of any clock that only goes forward. */
  readonly now: () => number
  /** Milliseconds of the wall's clock, by which the worker knows that its whole machine stood still; not watched if left out. */
  readonly wall?: (() => number) | undefined
}

export interface DrainOptions {
  /** When the worker is killed, by `now`; it has settled everything before. */
  readonly deadline: number
  /** Aborted when the worker must stop early: it releases its jobs. */
  readonly signal?: AbortSignal
}
