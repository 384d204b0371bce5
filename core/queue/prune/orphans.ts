import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import type { RunIdentity } from '../../domain/run.ts'
import { deleteByIds, deleteRows } from './delete-rows.ts'

/** How many of the oldest runs are checked each time. */
const oldest = 1_000
/** The hours after which no worker can still report on an ended run. */
const tellingHours = 24

/**
 * Deletes the rows of runs whose job was deleted while its worker was dead: among the thousand oldest, which are about as
 * old as the jobs that are being pruned.
 *
 * @returns how many
 */
export async function sweepOrphans(database: Database): Promise<number> {
  const rows = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`SELECT run.id FROM (SELECT id, job_id, ended_at FROM vision_job_attempts ORDER BY id LIMIT ${oldest}) AS run
        LEFT JOIN vision_jobs AS job ON job.id = run.job_id
        WHERE job.id IS NULL
          AND COALESCE(run.ended_at <= UTC_TIMESTAMP(3) - INTERVAL ${tellingHours} HOUR, 1)`,
    ),
  )
  return database.transact(
    (tx) =>
      deleteByIds(
        tx,
        'vision_job_attempts',
        rows.map(({ id }) => id),
      ),
    async () => rows.length,
  )
}

/**
 * Keeps new jobs from reusing ids that still have rows: after a restore, ids may start again below them, and a new job
 * would get another's runs and outputs. Where there are such rows, the counter is advanced past them by an inserted row
 * that is rolled back: a ROLLBACK does not reset the counter. Otherwise this costs one read of the ends of four indexes.
 *
 * @returns whether the counter may have been moved
 */
export async function keepIdsFresh(database: Database): Promise<boolean> {
  const [row] = await database.run((on) =>
    rowsOf<{ known: number | null; used: number | null }>(
      on,
      sql`SELECT (SELECT MAX(id) FROM vision_jobs) AS known,
        GREATEST(COALESCE((SELECT MAX(job_id) FROM vision_job_attempts), 0),
          COALESCE((SELECT MAX(job_id) FROM vision_job_outputs), 0),
          COALESCE((SELECT MAX(job_id) FROM vision_job_texts), 0)) AS used`,
    ),
  )
  const used = Number(row?.used ?? 0)
  if (used <= Number(row?.known ?? 0)) return false
  const undone = new Error('undone')
  await database
    .transact(async (tx) => {
      await matchedBy(
        tx,
        sql`INSERT INTO vision_jobs (id, user_id, status, max_retries, image_url, analysis_purpose, output_format,
            language, created_at, updated_at, expires_at)
          VALUES (${used}, '', 'cancelled', 0, '', '', '', '', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
      )
      throw undone
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error
    })
  return true
}

/**
 * Deletes rows that a former job with the same id left before a restore, so that these attempts can be inserted. The fence
 * protects the attempts of every other run.
 */
export async function clearFormerRuns(database: Database, runs: readonly RunIdentity[]): Promise<void> {
  await database.transact(
    async (tx) => {
      for (const run of runs) await clearFormerRun(tx, run)
    },
    async () => undefined,
  )
}

async function clearFormerRun(tx: Queryable, { jobId, attempt }: RunIdentity): Promise<void> {
  // The lock of the job keeps a run from starting this attempt meanwhile.
  const jobs = await rowsOf(
    tx,
    sql`SELECT 1 FROM vision_jobs FORCE INDEX (PRIMARY) WHERE id = ${jobId} AND attempt = ${attempt - 1}
      AND status <> 'processing' FOR UPDATE SKIP LOCKED`,
  )
  if (jobs.length === 0) return
  await deleteRows(tx, 'vision_job_attempts', sql`job_id = ${jobId} AND attempt >= ${attempt}`)
  await deleteRows(tx, 'vision_job_outputs', sql`job_id = ${jobId} AND attempt >= ${attempt}`)
}
