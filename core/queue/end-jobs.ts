import type { Queryable } from '../database/sql.ts'
import { addRuns, type EndedJob, type OwnedRun } from '../usage/ledger.ts'
import { type CompletedText, type Outbox, openOutbox, tellOfBatches, tellOfJobs } from '../webhooks/outbox.ts'

/** A job that has ended by this transaction, or was deleted before it had. */
export type EndingJob = EndedJob & { readonly jobId: number }

/** The jobs, runs and texts that a transaction ends. */
export interface Ends {
  readonly runs?: readonly OwnedRun[]
  readonly jobs?: readonly EndingJob[]
  readonly texts?: readonly CompletedText[]
}

/**
 * Records ended jobs and runs with everything that depends on them: the webhooks of their owner, the ledger and the batches.
 * Every transaction that ends jobs or runs calls this once it has changed the jobs, and locks nothing after it.
 *
 * @param opened the outbox, if the caller has opened it because it must not wait
 */
export async function endJobs(
  tx: Queryable,
  { runs = [], jobs = [], texts = [] }: Ends,
  opened?: Outbox,
): Promise<void> {
  const told = [...jobs, ...texts]
  const outbox = opened ?? (told.length === 0 ? undefined : await openOutbox(tx, told, jobs))
  if (outbox) await tellOfJobs(tx, outbox, jobs, texts)
  if (runs.length + jobs.length > 0) await addRuns(tx, runs, jobs)
  if (outbox) await tellOfBatches(tx, outbox, jobs)
}
