import { type SQL, sql } from 'drizzle-orm'
import { type Step, steps } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { rowsOf } from '../../database/sql.ts'

/**
 * How long the oldest runnable job has waited for a worker, in seconds of the database's clock; 0 if none waits.
 *
 * No index has the jobs in the order of their waiting times, and one for this alone would cost every change of a job a
 * write. So the answer is the longest wait among the candidates: the head of each lane, the 100 jobs of each lane that
 * expire first, and the most overdue scheduled job. It is never too high, and exact unless jobs were retried or released.
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

/** A pending job has not changed since it entered the lane. */
function oldestIn(lane: Step): readonly SQL[] {
  const pending = sql`waiting_as = 'pending' AND lane = ${lane}`
  return [
    sql`(SELECT updated_at FROM vision_jobs FORCE INDEX (claim) WHERE ${pending} ORDER BY start_tag, id LIMIT 1)`,
    sql`(SELECT updated_at FROM vision_jobs FORCE INDEX (expiry) WHERE ${pending} ORDER BY expires_at, id LIMIT 100)`,
  ]
}
