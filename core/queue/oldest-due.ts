import { type SQL, sql } from 'drizzle-orm'
import { type Step, steps } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'

/**
 * How long the oldest job that might run has waited for a worker, in seconds of the database's clock; 0 if none waits.
 *
 * No index has the jobs in the order of their waiting, and one for this alone would cost every change of a job a write.
 * So the answer is the longest wait among those where the oldest must be sought: in each lane its head and the 100 jobs
 * that expire first, and the scheduled job that is overdue the longest. It is never too much, and exact where nothing was
 * retried or given back.
 */
export async function oldestDueSeconds(database: Database): Promise<number> {
  const overdue = sql`(SELECT available_at AS since FROM vision_jobs FORCE INDEX (due)
    WHERE status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3) ORDER BY available_at, id LIMIT 1)`
  const places = sql.join([overdue, ...steps.flatMap(oldestIn)], sql` UNION ALL `)
  const [row] = await database.run((on) =>
    rowsOf<{ seconds: string | number }>(
      on,
      sql`SELECT GREATEST(0, COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(since), UTC_TIMESTAMP(3)) / 1000000, 0)) AS seconds
        FROM (${places}) waiting`,
    ),
  )
  return Number(row?.seconds ?? 0)
}

/** A pending job has not changed since it came to wait. */
function oldestIn(lane: Step): readonly SQL[] {
  const pending = sql`status = 'pending' AND next_step = ${lane}`
  return [
    sql`(SELECT updated_at FROM vision_jobs FORCE INDEX (claim) WHERE ${pending} ORDER BY start_tag, id LIMIT 1)`,
    sql`(SELECT updated_at FROM vision_jobs FORCE INDEX (expiry) WHERE ${pending} ORDER BY expires_at, id LIMIT 100)`,
  ]
}
