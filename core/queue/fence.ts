import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, type Queryable } from '../database/sql.ts'
import { LeaseLost, type RunIdentity } from '../domain/run.ts'

/** Every write of a run carries this: nothing matches once the job is another run's, or nobody's. */
export const held = ({ jobId, attempt }: RunIdentity): SQL =>
  sql`id = ${jobId} AND status = 'processing' AND attempt = ${attempt}`

/**
 * The fenced UPDATE of the job, then the rest, in one transaction. What this very run has done before is done: its
 * COMMIT may have taken effect after the answer was given up.
 *
 * @param rest false where it finds done what it was to do: nothing is changed then
 * @param landed whether this run has done it before
 * @throws LeaseLost if the run no longer holds the job
 */
export async function fenced(
  database: Database,
  run: RunIdentity,
  changes: SQL,
  rest: (tx: Queryable) => Promise<false | unknown>,
  landed: (on: Queryable) => Promise<boolean>,
  fence = held(run),
): Promise<void> {
  const done = new Error('done before')
  try {
    await database.transact(
      async (tx) => {
        const matched = await matchedBy(tx, sql`UPDATE vision_jobs SET ${changes} WHERE ${fence}`)
        if (matched > 0) {
          if ((await rest(tx)) === false) throw done
        } else if (!(await landed(tx))) throw new LeaseLost(run)
        return true
      },
      async (on) => ((await landed(on)) ? true : undefined),
    )
  } catch (error) {
    if (error !== done) throw error
    if (!(await database.run(landed))) throw new LeaseLost(run)
  }
}
