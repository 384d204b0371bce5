import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import type { Reason, RunIdentity } from '../domain/run.ts'
import type { RunUsage, StepOutput } from '../domain/step.ts'
import { writeAttempt } from './attempt-row.ts'
import { fenced } from './fence.ts'
import { hasOutput } from './output-row.ts'
import { keyOf, type MadeText, noteText, storeText } from './text-row.ts'

/**
 * Saves a text; the run goes on with the next. One transaction: the fenced UPDATE of the job, the output, the text, and what
 * the run has spent so far.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing is saved then
 */
export function saveText(
  database: Database,
  run: RunIdentity,
  content: StepOutput,
  spent: RunUsage,
  text: MadeText,
): Promise<void> {
  return fenced(
    database,
    run,
    // It made progress: whatever its workers died of, it was not this job that killed them.
    sql`texts_completed = texts_completed + 1, crashes = 0, version = version + 1, updated_at = UTC_TIMESTAMP(3)`,
    async (tx) => {
      if (!(await storeText(tx, run, text, content, 0))) return false
      return writeAttempt(tx, run, spent, {})
    },
    (on) => hasOutput(on, run, keyOf(text)),
  )
}

/**
 * Writes down that a text has failed for good, while the run goes on with the others.
 *
 * @throws LeaseLost if the run no longer holds the job
 */
export function failText(
  database: Database,
  run: RunIdentity,
  text: number,
  reason: Reason,
  spent: RunUsage,
): Promise<void> {
  return fenced(
    database,
    run,
    sql`version = version + 1, updated_at = UTC_TIMESTAMP(3)`,
    async (tx) => {
      if ((await noteText(tx, run, { text, reason, failed: true })) === 0) return false
      return writeAttempt(tx, run, spent, {})
    },
    async (on) => {
      const rows = await rowsOf(
        on,
        sql`SELECT 1 FROM vision_job_texts WHERE job_id = ${run.jobId} AND text = ${text} AND status = 'failed'`,
      )
      return rows.length > 0
    },
  )
}
