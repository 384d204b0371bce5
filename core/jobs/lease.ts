import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy } from '../database/sql.ts'
import { heldBy } from './claim.ts'
import type { Run } from './run.ts'

/**
 * Renews the leases of all of a worker's runs in one statement.
 *
 * @param leaseMs from now, in milliseconds of the database's clock
 * @returns the runs whose lease is lost: cancelled, deleted, or taken up again after it had expired
 */
export async function renewLeases(
  database: Database,
  workerId: string,
  runs: readonly Run[],
  leaseMs: number,
): Promise<readonly Run[]> {
  if (runs.length === 0) return []
  const mine = sql.join(
    runs.map((run) => sql`(id = ${run.jobId} AND attempt = ${run.attempt})`),
    sql` OR `,
  )
  // By the primary key, or a small table is scanned, which may wait for other workers' jobs.
  // A lease is no change that a client can see: the version stays.
  const renewed = await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET lease_expires_at = ${inMilliseconds(leaseMs)}
        WHERE status = 'processing' AND (${mine})`,
    ),
  )
  if (renewed === runs.length) return []
  const held = new Set(await database.run((on) => heldBy(on, workerId, runs)))
  return runs.filter((run) => !held.has(run))
}
