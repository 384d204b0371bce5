import { sql } from 'drizzle-orm'
import { type Status, steps } from '../../drizzle/schema.ts'
import { type Database, matchedBy, type Queryable, rowsOf } from '../db.ts'
import { describeCode } from '../errors.ts'
import { expiryMoments, readGates } from '../providers/gates.ts'

const batch = 200

/** Fails jobs that the transaction has locked and found to be past their `expires_at` while they waited. */
export async function failExpired(tx: Queryable, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  await matchedBy(
    tx,
    sql`UPDATE vision_jobs SET status = 'failed', version = version + 1, available_at = NULL,
        error_code = 'job.expired', error_message = ${describeCode('job.expired').message},
        finished_at = UTC_TIMESTAMP(3), updated_at = UTC_TIMESTAMP(3)
      WHERE id IN ${ids}`,
  )
}

/**
 * Fails up to 200 jobs of each waiting status and lane that are past their `expires_at`; a job that runs may finish. While a
 * lane is stopped or its provider down nothing in it expires.
 *
 * @param onExpired told of the owner of each, who may have room for another now
 * @returns how many
 */
export async function expireVisionJobs(
  database: Database,
  onExpired: (userId: string) => void = () => undefined,
): Promise<number> {
  const moments = expiryMoments(await database.run(readGates))
  let expired = 0
  for (const status of ['held', 'pending', 'scheduled'] satisfies Status[]) {
    for (const lane of steps) {
      const owners = await database.transact(async (tx) => {
        const due = await rowsOf<{ id: number; userId: string }>(
          tx,
          sql`SELECT id, user_id AS userId FROM vision_jobs FORCE INDEX (expiry) WHERE status = ${status} AND next_step = ${lane}
            AND expires_at <= ${moments[lane]} ORDER BY expires_at, id LIMIT ${batch} FOR UPDATE SKIP LOCKED`,
        )
        await failExpired(
          tx,
          due.map((row) => row.id),
        )
        return due.map((row) => row.userId)
      })
      for (const userId of owners) onExpired(userId)
      expired += owners.length
    }
  }
  return expired
}
