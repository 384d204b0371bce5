import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'

interface Created {
  readonly id: number
  readonly isSince: 0 | 1
}

/**
 * The first job that was created at a moment or later, by halving: each look reads one job, and there are as many as the
 * number of ids between the first and the last has digits in base two. No index has the times, which every creation would have to
 * write.
 *
 * The ids of a user's jobs grow with the times of their creation, which are written under the user's lock. Those of several users
 * may be the other way round where they are created at once.
 *
 * @param userId whose job; anybody's if undefined
 * @returns its id; undefined if there is none
 */
export async function firstJobSince(
  database: Database,
  userId: string | undefined,
  moment: Date,
): Promise<number | undefined> {
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
  if (first === undefined || last === undefined || last.isSince === 0) return undefined
  if (first.isSince === 1) return first.id
  // Of the ids, which others' jobs have as well: from `early` the next job is too early, from `late` it is not.
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
  return found
}
