import { type SQL, sql } from 'drizzle-orm'
import type { Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, rowsOf } from '../database/sql.ts'
import { describeCode } from '../errors.ts'
import { type BackoffOptions, backoff } from './backoff.ts'
import type { RunIdentity } from './run.ts'
import { addRuns } from './usage.ts'

/** A job whose workers have died this often fails: by then it has been run alone several times. */
export const crashesUntilFailed = 6

interface Row {
  readonly id: number
  readonly userId: string
  readonly attempt: number
  readonly crashes: number
  readonly step: Step
  readonly traceId: string | null
}

/** A run whose worker died. */
export interface LostRun extends RunIdentity {
  readonly userId: string
  readonly traceId: string | null
  /** It was the last time: the job has failed. */
  readonly failed: boolean
}

/** Must match the lease index: see `claimQuery`. */
export function reclaimQuery(limit: number): SQL {
  return sql`SELECT id, user_id AS userId, attempt, crashes, next_step AS step, trace_id AS traceId
    FROM vision_jobs FORCE INDEX (lease)
    WHERE status = 'processing' AND lease_expires_at <= UTC_TIMESTAMP(3)
    ORDER BY lease_expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
}

/**
 * Takes back up to 100 jobs whose lease has expired, their workers having died: they count a crash, not a failure, and
 * are scheduled again, or fail at the sixth crash. Never folded into the claim, which would scan for it.
 *
 * @param onLost told of each run that was lost, once the database has it
 * @returns how many
 */
export async function reclaimVisionJobs(
  database: Database,
  options: BackoffOptions,
  onLost: (run: LostRun) => void = () => undefined,
): Promise<number> {
  const lost = await database.transact(async (tx) => {
    const lost = await rowsOf<Row>(tx, reclaimQuery(100))
    for (const { id, attempt, crashes, step } of lost) {
      const final = isLast(crashes)
      const next = final
        ? sql`status = 'failed', finished_at = UTC_TIMESTAMP(3)`
        : sql`status = 'scheduled', available_at = ${inMilliseconds(backoff(crashes + 1, options))}`
      const { message } = describeCode('worker.lost')
      await matchedBy(
        tx,
        sql`UPDATE vision_jobs SET ${next}, crashes = ${crashes + 1}, version = version + 1, worker_id = NULL,
            lease_expires_at = NULL, error_code = 'worker.lost',
            error_message = ${final ? `${message} It was the last of ${crashesUntilFailed} times.` : message},
            updated_at = UTC_TIMESTAMP(3)
          WHERE id = ${id}`,
      )
      // The dead worker may have had an answer that it could not save any more.
      await matchedBy(
        tx,
        sql`UPDATE vision_job_attempts SET outcome = 'lost', error_code = 'worker.lost', error_message = ${message},
            possibly_billed = ${step}, ended_at = UTC_TIMESTAMP(3)
          WHERE job_id = ${id} AND attempt = ${attempt}`,
      )
    }
    await addRuns(
      tx,
      lost.map(({ id, attempt, userId }) => ({ jobId: id, attempt, userId })),
      lost.filter(({ crashes }) => isLast(crashes)).map(({ userId }) => ({ userId, status: 'failed' })),
    )
    return lost
  })
  for (const { id, attempt, userId, crashes, traceId } of lost) {
    onLost({ jobId: id, attempt, userId, traceId, failed: isLast(crashes) })
  }
  return lost.length
}

function isLast(crashesBefore: number): boolean {
  return crashesBefore + 1 >= crashesUntilFailed
}
