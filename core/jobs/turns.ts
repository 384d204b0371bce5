import { sql } from 'drizzle-orm'
import type { Step } from '../../drizzle/schema.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'

/**
 * The turn of a user's next job in a lane (start-time fair queueing): one more than the user's last waiting turn, and
 * never less than the turn now being served. However many jobs one user has waiting, another's single job is served
 * after about one of them. Both reads end at the first row of their index and lock nothing.
 */
export async function nextTurn(on: Queryable, userId: string, lane: Step): Promise<number> {
  const [row] = await rowsOf<{ turn: number }>(
    on,
    sql`SELECT GREATEST(
      COALESCE((SELECT turn FROM vision_jobs FORCE INDEX (claim)
        WHERE status = 'pending' AND next_step = ${lane} ORDER BY turn, id LIMIT 1), 0),
      COALESCE((SELECT turn + 1 FROM vision_jobs FORCE INDEX (owner)
        WHERE user_id = ${userId} AND status = 'pending' AND next_step = ${lane} ORDER BY turn DESC LIMIT 1), 0)) AS turn`,
  )
  return Number(row?.turn ?? 0)
}

/** The turn now being served in a lane: what a job that is given back enters at. */
export async function servedTurn(on: Queryable, lane: Step): Promise<number> {
  const [row] = await rowsOf<{ turn: number }>(
    on,
    sql`SELECT turn FROM vision_jobs FORCE INDEX (claim)
      WHERE status = 'pending' AND next_step = ${lane} ORDER BY turn, id LIMIT 1`,
  )
  return Number(row?.turn ?? 0)
}
