import { sql } from 'drizzle-orm'
import type { Outcome } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { inMilliseconds, listOf, matchedBy, rowsOf } from '../../database/sql.ts'
import type { Run, RunIdentity } from '../../domain/run.ts'
import { attemptsOf } from '../rows/attempts-of.ts'

/**
 * Renews the leases of all of a worker's runs in one short transaction. It does not wait for a job that another connection,
 * perhaps a dead one, has locked: all other leases would expire meanwhile. A lease of a locked job counts as lost only once
 * a plain read shows it.
 *
 * @param leaseMs from now, in milliseconds of the database's clock
 * @returns the runs whose lease is lost: cancelled, deleted, or reclaimed after it had expired; not those that settled
 *   meanwhile
 */
export async function renewLeases(
  database: Database,
  workerId: string,
  runs: readonly Run[],
  leaseMs: number,
): Promise<readonly Run[]> {
  if (runs.length === 0) return []
  const renewed = await database.transact(
    async (tx) => {
      // By the primary key: otherwise a small table is scanned, which locks other workers' jobs.
      const rows = await rowsOf<{ id: number; attempt: number }>(
        tx,
        sql`SELECT id, attempt FROM vision_jobs FORCE INDEX (PRIMARY)
          WHERE id IN ${listOf(runs.map((run) => run.jobId))} AND status = 'processing' AND worker_id = ${workerId}
          ORDER BY id FOR UPDATE SKIP LOCKED`,
      )
      const attempts = new Map(rows.map((row) => [row.id, row.attempt]))
      const mine = runs.filter((run) => attempts.get(run.jobId) === run.attempt)
      if (mine.length > 0) {
        // Clients cannot see a lease: the version stays.
        await matchedBy(
          tx,
          sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET lease_expires_at = ${inMilliseconds(leaseMs)}
            WHERE id IN ${listOf(mine.map((run) => run.jobId))}`,
        )
      }
      return new Set(mine)
    },
    // Idempotent.
    async () => undefined,
  )
  const rest = runs.filter((run) => !renewed.has(run))
  if (rest.length === 0) return []
  const outcomes = await database.run((on) =>
    rowsOf<RunIdentity & { readonly outcome: Outcome }>(
      on,
      sql`SELECT a.job_id AS jobId, a.attempt, a.outcome FROM ${attemptsOf(rest)}`,
    ),
  )
  return rest.filter(({ jobId, attempt }) => {
    const row = outcomes.find((one) => one.jobId === jobId && one.attempt === attempt)
    return row === undefined || row.outcome === 'lost' || row.outcome === 'cancelled'
  })
}
