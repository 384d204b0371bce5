import { type SQL, sql } from 'drizzle-orm'
import { inMilliseconds, matchedBy, type Queryable } from '../../database/sql.ts'
import type { OwnedRun } from '../../usage/ledger.ts'
import { attemptsOf } from './attempts-of.ts'
import { callsOut } from './calls-out.ts'
import type { LockedJob } from './lock-jobs.ts'
import { countWaiting } from './texts.ts'

/** How long a worker may report the usage of a run that was cut off, in milliseconds. */
const reportMs = 300_000

/**
 * Closes the runs of locked jobs, whose workers then fail their fence. Finds the rows by their whole key, which locks no
 * gap.
 *
 * @returns the runs, for the ledger
 */
export async function cutOffRuns(tx: Queryable, jobs: readonly LockedJob[]): Promise<readonly OwnedRun[]> {
  const running = jobs.filter(({ status }) => status === 'processing')
  if (running.length === 0) return []
  const waiting = await countWaiting(
    tx,
    running.map(({ jobId }) => jobId),
  )
  const calls = running.map(({ jobId }) => sql`WHEN ${jobId} THEN ${callsOut(waiting.get(jobId))}`)
  const matched = await matchedBy(
    tx,
    // Until the worker reports the outcome of its calls, which a dead one never does, they may have been billed.
    sql`UPDATE ${attemptsOf(running)} SET a.outcome = 'cancelled', a.possibly_billed = a.step,
        a.possibly_billed_calls = a.possibly_billed_calls + CASE a.job_id ${sql.join(calls, sql` `)} END,
        a.ended_at = UTC_TIMESTAMP(3) WHERE a.outcome = 'running'`,
  )
  if (matched === 0) return []
  return running.map(({ jobId, attempt, batchId, userId }) => ({ jobId, attempt, batchId, userId }))
}

/** Whether the row of a cut-off run is kept, so that its worker can report its usage. */
export function isOfWatchedRun(): SQL {
  return sql`(outcome IN ('cancelled', 'lost') AND ended_at > ${inMilliseconds(-reportMs)})`
}
