import { type SQL, sql } from 'drizzle-orm'

/**
 * The most paid calls of a run that can be in flight, as SQL on its row `a` in `vision_job_attempts`: one for the analysis;
 * for the texts, the number still to be made, up to the run's concurrency. An upper bound for billing where the true number
 * is unknown.
 *
 * @param waiting how many texts are to be made
 */
export function callsOut(waiting = 1): SQL {
  return sql`IF(a.step = 'analysis', 1, LEAST(a.calls_at_once, ${Math.max(1, waiting)}))`
}
