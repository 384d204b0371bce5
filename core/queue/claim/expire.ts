import { sql } from 'drizzle-orm'
import { type Step, steps, waitingStatuses } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { describeCode } from '../../domain/errors.ts'
import { readProviderStates } from '../../providers/availability/provider-state.ts'
import { defaultStepProviders, type StepProviders } from '../../providers/registry.ts'
import { openOutbox } from '../../webhooks/outbox.ts'
import { endJobs, withFreeOwners } from '../rows/end-jobs.ts'
import { expiryMoments } from './expiry-moments.ts'

const batch = 200

/** A waiting job with its owner and batch. */
interface WaitingJob {
  readonly id: number
  readonly userId: string
  readonly batchId: number | null
  readonly nextStep: Step
}

/**
 * Fails jobs that the transaction has locked, and that expired while they waited. A job is left for later while another
 * connection, perhaps a dead one, holds its user's ledger rows: see `withFreeOwners`.
 *
 * @returns those that have failed
 */
export async function failExpired<Job extends WaitingJob>(
  tx: Queryable,
  jobs: readonly Job[],
): Promise<readonly Job[]> {
  if (jobs.length === 0) return []
  const outbox = await openOutbox(tx, jobs, jobs, false)
  const expired = await withFreeOwners(tx, jobs, ['failed'], outbox)
  if (expired.length === 0) return []
  await matchedBy(
    tx,
    sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET status = 'failed', version = version + 1, available_at = NULL,
        error_code = 'job.expired', error_message = ${describeCode('job.expired').message},
        finished_at = UTC_TIMESTAMP(3), updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${expired.map(({ id }) => id)}`,
  )
  const ended = expired.map(({ id, userId, batchId, nextStep }) => ({
    userId,
    batchId,
    jobId: Number(id),
    step: nextStep,
    status: 'failed' as const,
    code: 'job.expired',
  }))
  await endJobs(tx, { jobs: ended }, outbox)
  return expired
}

/**
 * Fails up to 200 expired jobs of each waiting status and lane; a running job may finish. Nothing expires in a lane that is
 * paused or whose provider is down. The number of statements does not depend on the number of jobs.
 *
 * @param onExpired called with the owner of each, who may have a free place now
 * @param stepProviders the providers whose outages stop the jobs' clocks
 * @returns how many
 */
export async function expireVisionJobs(
  database: Database,
  onExpired: (userId: string) => void = () => undefined,
  stepProviders: StepProviders = defaultStepProviders,
): Promise<number> {
  const moments = expiryMoments(await database.run(readProviderStates), stepProviders)
  // A plain read, then by the primary key: locking along this index could deadlock with a claim along its own.
  const heads = waitingStatuses.flatMap((status) =>
    steps.map(
      (lane) =>
        sql`(SELECT id FROM vision_jobs FORCE INDEX (expiry)
          WHERE waiting_as = ${status} AND lane = ${lane} AND expires_at <= ${moments[lane]}
          ORDER BY expires_at, id LIMIT ${batch})`,
    ),
  )
  const due = await database.run((on) =>
    rowsOf<{ id: number }>(on, sql`SELECT id FROM (${sql.join(heads, sql` UNION ALL `)}) due`),
  )
  if (due.length === 0) return 0
  const owners = await database.transact(async (tx) => {
    const isDue = steps.map((lane) => sql`(next_step = ${lane} AND expires_at <= ${moments[lane]})`)
    const locked = await rowsOf<WaitingJob>(
      tx,
      sql`SELECT id, user_id AS userId, batch_id AS batchId, next_step AS nextStep FROM vision_jobs FORCE INDEX (PRIMARY)
        WHERE id IN ${due.map(({ id }) => id)} AND status IN ${[...waitingStatuses]} AND (${sql.join(isDue, sql` OR `)})
        FOR UPDATE SKIP LOCKED`,
    )
    return (await failExpired(tx, locked)).map(({ userId }) => userId)
  })
  for (const userId of owners) onExpired(userId)
  return owners.length
}
