import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { rowsOf } from '../../database/sql.ts'

/**
 * The time that workers have spent on jobs: the sum of each job's runs, a running one up to now, in milliseconds of the
 * database's clock. A job without runs is left out.
 */
export async function getRunningTimes(
  database: Database,
  jobIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  if (jobIds.length === 0) return new Map()
  const rows = await database.run((on) =>
    rowsOf<{ jobId: number; runningMs: number }>(
      on,
      // Whole numbers: the sum alone would be returned as the text of a DECIMAL.
      sql`SELECT job_id AS jobId,
          CAST(SUM(TIMESTAMPDIFF(MICROSECOND, started_at, COALESCE(ended_at, UTC_TIMESTAMP(3)))) DIV 1000 AS SIGNED)
            AS runningMs
        FROM vision_job_attempts WHERE job_id IN ${jobIds} GROUP BY job_id`,
    ),
  )
  return new Map(rows.map(({ jobId, runningMs }) => [jobId, runningMs]))
}
