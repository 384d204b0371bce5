import type { Database } from '../../core/database/client.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import { noBackoff, noCap } from './database/jobs.ts'
import { accessTo } from './providers/access.ts'

let workers = 0

/** A worker that ends once the queue is empty, retries at once and has no limits; with an id of its own unless one is given. */
export function workerOptions(database: Database, steps: Steps, changes: Partial<WorkerOptions> = {}): WorkerOptions {
  const workerId = changes.workerId ?? `worker-${++workers}`
  return {
    database,
    steps,
    providers: accessTo(database, { workerId }),
    workerId,
    concurrency: 5,
    inFlightPerUser: noCap,
    leaseMs: 60_000,
    renewMs: 20_000,
    idleMs: 0,
    stepMs: { analysis: 1_000, content: 1_000 },
    callMs: 1_000,
    retry: noBackoff,
    providerWaitMs: 1_000,
    log: () => undefined,
    now: () => performance.now(),
    ...changes,
  }
}

/** The time of a drain that is to end by itself. */
export const inAMinute = () => ({ deadline: performance.now() + 60_000 })
