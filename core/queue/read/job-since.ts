import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { rowsOf } from '../../database/sql.ts'

/** Where a moment stands among jobs. */
interface Split {
  /** The first job that was created then or later; undefined if there is none yet. */
  readonly first: number | undefined
  /** The jobs with smaller ids were created before, and no job that is created from now on is among them. */
  readonly end: number
}

interface Created {
  readonly id: number
  readonly isSince: 0 | 1
}

/** The first job that was created at a moment or later: see `splitJobsAt`. @returns its id; undefined if there is none */
export async function firstJobSince(
  database: Database,
  userId: string | undefined,
  moment: Date,
): Promise<number | undefined> {
  return (await splitJobsAt(database, userId, moment)).first
}

/**
 * Finds the first job that was created at a moment or later, by binary search over the ids: each probe reads one job, and the
 * number of probes is the binary logarithm of the id range. No index has the times, since every creation would have to
 * write it.
 *
 * The ids of one user's jobs grow with their times of creation, which are written under the user's lock. Those of several
 * users may be out of order where they are created concurrently.
 *
 * @param userId the owner; all users if undefined
 */
export async function splitJobsAt(database: Database, userId: string | undefined, moment: Date): Promise<Split> {
  const [index, owned] = userId === undefined ? ['PRIMARY', sql`TRUE`] : ['history', sql`user_id = ${userId}`]
  const time = moment.toISOString().replace('T', ' ').replace('Z', '')
  const look = async (order: 'ASC' | 'DESC', from: number): Promise<Created | undefined> => {
    const [row] = await database.run((on) =>
      rowsOf<Created>(
        on,
        sql`SELECT id, created_at >= ${time} AS isSince FROM vision_jobs FORCE INDEX (${sql.raw(index)})
          WHERE ${owned} AND id >= ${from} ORDER BY id ${sql.raw(order)} LIMIT 1`,
      ),
    )
    return row
  }
  const [first, last] = [await look('ASC', 0), await look('DESC', 0)]
  if (first === undefined || last === undefined) return { first: undefined, end: 0 }
  if (last.isSince === 0) return { first: undefined, end: last.id + 1 }
  if (first.isSince === 1) return { first: first.id, end: first.id }
  // Ids of other users' jobs count as well: from `early` on the next job is too early, from `late` on it is not.
  let [early, late, found] = [first.id, last.id, last.id]
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2)
    const job = await look('ASC', middle)
    if (job === undefined || job.isSince === 1) {
      late = middle
      found = job?.id ?? found
    } else {
      early = job.id
    }
  }
  return { first: found, end: found }
}
