import { type SQL, sql } from 'drizzle-orm'
import { wanted } from '../../database/sql-text.ts'
import type { RunIdentity } from '../../domain/run.ts'

/** The rows of runs as a table expression; `a` is `vision_job_attempts`. */
export function attemptsOf(runs: readonly RunIdentity[]): SQL {
  return sql`${wantedRuns(runs)} STRAIGHT_JOIN vision_job_attempts a FORCE INDEX (job_attempt)
    ON a.job_id = wanted.job_id AND a.attempt = wanted.attempt`
}

/** Runs as a table of `job_id` and `attempt`: see `wanted`. */
export function wantedRuns(runs: readonly RunIdentity[]): SQL {
  return wanted(
    ['job_id', 'attempt'],
    runs.map(({ jobId, attempt }) => [jobId, attempt]),
  )
}
