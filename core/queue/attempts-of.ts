import { type SQL, sql } from 'drizzle-orm'
import type { RunIdentity } from '../domain/run.ts'

/**
 * The rows of runs, as the tables of a statement; `a` is `vision_job_attempts`. A join and no list, since a server would rather
 * scan a small table than look a list up, whatever index it is told to use, and lock, or wait for, every row on the way.
 */
export function attemptsOf(runs: readonly RunIdentity[]): SQL {
  const rows = runs.map(({ jobId, attempt }, index) =>
    index === 0 ? sql`SELECT ${jobId} AS job_id, ${attempt} AS attempt` : sql`SELECT ${jobId}, ${attempt}`,
  )
  return sql`(${sql.join(rows, sql` UNION ALL `)}) wanted STRAIGHT_JOIN vision_job_attempts a FORCE INDEX (job_attempt)
    ON a.job_id = wanted.job_id AND a.attempt = wanted.attempt`
}
