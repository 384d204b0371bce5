import { type SQL, sql } from 'drizzle-orm'

/**
 * How many paid calls of a run can be out, as SQL on its row `a` in `vision_job_attempts`: one for the analysis; of the texts as
 * many as are to be made, and as the run makes at once. What may be billed is counted by it where nobody can tell any more.
 *
 * @param waiting how many texts are to be made
 */
export function callsOut(waiting = 1): SQL {
  return sql`IF(a.step = 'analysis', 1, LEAST(a.calls_at_once, ${Math.max(1, waiting)}))`
}
