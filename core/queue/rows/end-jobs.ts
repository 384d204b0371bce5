import type { Outcome } from '../../../drizzle/schema.ts'
import type { Queryable } from '../../database/sql.ts'
import { type BatchEntry, withFreeBatches } from '../../usage/batch-counts.ts'
import { addRuns, type EndedJob, type OwnedRun, type UsageEntry } from '../../usage/ledger.ts'
import { withFreeLedger } from '../../usage/ledger-lock.ts'
import {
  type CompletedText,
  type Endpoints,
  holdsLocks,
  type Outbox,
  openOutbox,
  writeBatchEvents,
  writeJobEvents,
} from '../../webhooks/outbox.ts'

/** A job that has ended by this transaction, or was deleted before it had. */
export type EndingJob = EndedJob & { readonly jobId: number }

/** The jobs, runs and texts that a transaction ends. */
export interface Ends {
  /** Runs whose rows show what they have used. */
  readonly runs?: readonly OwnedRun[]
  /** What runs have used whose rows the transaction has written. */
  readonly usage?: readonly UsageEntry[]
  readonly jobs?: readonly EndingJob[]
  readonly texts?: readonly CompletedText[]
  /** What else changes in the batches: jobs that are deleted, and had ended before. */
  readonly counts?: readonly BatchEntry[]
}

/**
 * Records ended jobs and runs with everything that depends on them: the webhooks of their owner, the ledger and the batches.
 * Every transaction that ends jobs or runs calls this once it has changed the jobs, and locks nothing after it.
 *
 * @param opened the outbox, if the caller has opened it because it must not wait
 * @param endpoints the webhooks of the owners, if they have just been read
 */
export async function endJobs(
  tx: Queryable,
  { runs = [], usage = [], jobs = [], texts = [], counts = [] }: Ends,
  opened?: Outbox,
  endpoints?: Endpoints,
): Promise<void> {
  const changed = [...jobs, ...texts]
  const outbox = opened ?? (changed.length === 0 ? undefined : await openOutbox(tx, changed, jobs, true, endpoints))
  if (outbox) await writeJobEvents(tx, outbox, jobs, texts)
  if (runs.length + usage.length + jobs.length + counts.length > 0) await addRuns(tx, runs, jobs, counts, usage)
  if (outbox) await writeBatchEvents(tx, outbox, jobs)
}

/** A job or run that is about to end. */
interface Ending {
  readonly userId: string
  readonly batchId: number | null
}

/**
 * Locks, in the order of `endJobs`, the rows that it writes to for jobs. A job is left out, and ends later, while another
 * connection, perhaps a dead one, holds one of them.
 *
 * @param statuses the statuses that the ledger will count
 * @param outbox of those that end, opened without waiting; undefined if none does
 * @param ends whether a job ends, rather than only its run
 */
export async function withFreeOwners<Job extends Ending>(
  tx: Queryable,
  jobs: readonly Job[],
  statuses: readonly Outcome[],
  outbox: Outbox | undefined,
  ends: (job: Job) => boolean = () => true,
): Promise<readonly Job[]> {
  const withEvents = jobs.filter((job) => !outbox || !ends(job) || holdsLocks(outbox, job))
  const users = await withFreeLedger(
    tx,
    withEvents.map(({ userId }) => userId),
    statuses,
  )
  const counted = withEvents.filter(({ userId }) => users.has(userId))
  const batches = await withFreeBatches(
    tx,
    counted.map(({ batchId }) => batchId),
  )
  return counted.filter(({ batchId }) => batches.has(batchId))
}
