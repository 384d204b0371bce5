import type { SQL } from 'drizzle-orm'
import { SqlText } from '../../database/sql-text.ts'
import type { RunIdentity } from '../../domain/run.ts'

/**
 * The rows of runs as a table expression; `a` is `vision_job_attempts`. A join instead of a list: given a list, the server
 * may scan a small table despite the index hint, and lock, or wait for, every row that it passes.
 */
export function attemptsOf(runs: readonly RunIdentity[]): SQL {
  const rows = runs.map(({ jobId, attempt }) => [jobId, attempt])
  return new SqlText()
    .rows(['job_id', 'attempt'], rows)
    .add(` wanted STRAIGHT_JOIN vision_job_attempts a FORCE INDEX (job_attempt)
    ON a.job_id = wanted.job_id AND a.attempt = wanted.attempt`)
    .done()
}
