import { sql } from 'drizzle-orm'
import { type Status, steps } from '../../drizzle/schema.ts'
import { type Database, matchedBy, type Queryable, rowsOf } from '../db.ts'
import { describeCode } from '../errors.ts'
import { expiryMoments, readGates } from '../providers/gates.ts'
import { addRuns } from './usage.ts'

const batch = 200

/** A job that waits, and whose it is. */
interface WaitingJob {
  readonly id: number
  readonly userId: string
}

/** Fails jobs that the transaction has locked and found to be past their `expires_at` while they waited. */
export async function failExpired(tx: Queryable, jobs: readonly WaitingJob[]): Promise<void> {
  if (jobs.length === 0) return
  await matchedBy(
    tx,
    sql`UPDATE vision_jobs SET status = 'failed', version = version + 1, available_at = NULL,
        error_code = 'job.expired', error_message = ${describeCode('job.expired').message},
        finished_at = UTC_TIMESTAMP(3), updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${jobs.map(({ id }) => id)}`,
  )
  await addRuns(
    tx,
    [],
    jobs.map(({ userId }) => ({ userId, status: 'failed' })),
  )
}

/**
 * Fails up to 200 jobs of each waiting status and lane that are past their `expires_at`; a job that runs may finish. While a
 * lane is stopped or its provider down nothing in it expires.
 *
 * @returns how many
 */
export async function expireVisionJobs(database: Database): Promise<number> {
  const moments = expiryMoments(await database.run(readGates))
  let expired = 0
  for (const status of ['pending', 'scheduled'] satisfies Status[]) {
    for (const lane of steps) {
      expired += await database.transact(async (tx) => {
        const due = await rowsOf<WaitingJob>(
          tx,
          sql`SELECT id, user_id AS userId FROM vision_jobs FORCE INDEX (expiry) WHERE status = ${status} AND next_step = ${lane}
            AND expires_at <= ${moments[lane]} ORDER BY expires_at, id LIMIT ${batch} FOR UPDATE SKIP LOCKED`,
        )
        await failExpired(tx, due)
        return due.length
      })
    }
  }
  return expired
}
