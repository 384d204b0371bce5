import { type SQL, sql } from 'drizzle-orm'
import type { Outcome, Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import type { Reason, Run, RunIdentity } from '../domain/run.ts'
import type { RunUsage, StepOutput } from '../domain/step.ts'
import { linkImages } from '../images/snapshots.ts'
import { addRuns, addUsage, difference, type OwnedRun, readRuns } from '../usage/ledger.ts'
import { type Ending, shown, writeAttempt } from './attempt-row.ts'
import { fenced, held } from './fence.ts'
import { analysisKey, hasOutput, insertOutput } from './output-row.ts'
import { startTagForReturn } from './return-tag.ts'
import { answerIssueLength, keyOf, type MadeText, noteText, storeText, type TextEnding } from './text-row.ts'

/**
 * Saves the analysis, from which the second step, in this run or in a later one, goes on. One transaction, the fenced
 * UPDATE first: an INSERT alone has no fence.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing is saved then
 */
export function saveAnalysis(database: Database, run: RunIdentity, output: StepOutput, spent: RunUsage): Promise<void> {
  return fenced(
    database,
    run,
    // It made progress: whatever its workers died of, it was not this job that killed them.
    sql`next_step = 'content', crashes = 0, answer_issue = NULL, version = version + 1, updated_at = UTC_TIMESTAMP(3)`,
    async (tx) => {
      await insertOutput(tx, run, analysisKey, output)
      await writeAttempt(tx, run, spent, { step: 'content' })
    },
    (on) => hasOutput(on, run, analysisKey),
    // Unlike the settlements, saving leaves the run its lease: this is what keeps it from happening twice.
    sql`${held(run)} AND next_step = 'analysis'`,
  )
}

/**
 * Gives the job its snapshot, which every later run reads whatever has become of the source.
 *
 * @param imageId of an image that was kept within the hour
 * @throws LeaseLost if the run no longer holds the job, VisionError `storage.unavailable` if the image was swept
 */
export function saveImage(database: Database, run: RunIdentity, imageId: number): Promise<void> {
  return fenced(
    database,
    run,
    sql`image_id = ${imageId}, version = version + 1, updated_at = UTC_TIMESTAMP(3)`,
    (tx) => linkImages(tx, [imageId]),
    async (on) =>
      (await rowsOf(on, sql`SELECT 1 FROM vision_jobs WHERE ${held(run)} AND image_id = ${imageId}`)).length > 0,
    sql`${held(run)} AND image_id IS NULL`,
  )
}

const firstText: MadeText = { text: 1, revision: 1 }

/**
 * Saves the last text that was missing, and completes the job: a version for the text, and one for the job.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing is saved then
 */
export function completeVisionJob(
  database: Database,
  run: OwnedRun,
  content: StepOutput,
  spent: RunUsage,
  text: MadeText = firstText,
): Promise<void> {
  return fenced(
    database,
    run,
    sql`${completed}, texts_completed = texts_completed + 1, version = version + 2`,
    async (tx) => {
      if (!(await storeText(tx, run, text, content, 1))) return false
      return settleCompleted(tx, run, spent)
    },
    (on) => hasOutput(on, run, keyOf(text)),
  )
}

/**
 * Completes a job whose texts are all there: the run before this one did not come to it.
 *
 * @throws LeaseLost if the run no longer holds the job
 */
export function completeWithoutText(database: Database, run: OwnedRun, spent: RunUsage): Promise<void> {
  return fenced(
    database,
    run,
    sql`${completed}, version = version + 1`,
    (tx) => settleCompleted(tx, run, spent),
    async (on) => {
      const rows = await rowsOf(
        on,
        sql`SELECT 1 FROM vision_job_attempts
          WHERE job_id = ${run.jobId} AND attempt = ${run.attempt} AND outcome = 'completed'`,
      )
      return rows.length > 0
    },
  )
}

const completed = sql`status = 'completed', lease_expires_at = NULL, worker_id = NULL, error_code = NULL,
  error_message = NULL, answer_issue = NULL, finished_at = UTC_TIMESTAMP(3), updated_at = UTC_TIMESTAMP(3)`

async function settleCompleted(tx: Queryable, run: OwnedRun, spent: RunUsage): Promise<void> {
  await writeAttempt(tx, run, spent, { outcome: 'completed' })
  await addRuns(tx, [run], [{ ...ownerOf(run), status: 'completed' }])
}

/**
 * Settles a run that failed and is worth another: the job waits in `scheduled`.
 *
 * @param delayMs how long the job waits, in milliseconds of the database's clock
 * @param costsRetry false where the failure was not the job's, a provider over its limit for one
 * @throws LeaseLost if the run no longer holds the job
 */
export function retryVisionJob(
  database: Database,
  run: Run,
  reason: Reason,
  spent: RunUsage,
  { delayMs, costsRetry }: { readonly delayMs: number; readonly costsRetry: boolean },
  texts: readonly TextEnding[] = [],
): Promise<void> {
  const failures = run.failures + (costsRetry ? 1 : 0)
  return settle(
    database,
    run,
    sql`status = 'scheduled', failures = ${failures}, available_at = ${inMilliseconds(delayMs)}`,
    { outcome: costsRetry ? 'retried' : 'released', reason },
    spent,
    texts,
  )
}

/**
 * Settles a run that failed for good: the job is a dead letter until it is redriven.
 *
 * @throws LeaseLost if the run no longer holds the job
 */
export function failVisionJob(
  database: Database,
  run: Run,
  reason: Reason,
  spent: RunUsage,
  texts: readonly TextEnding[] = [],
): Promise<void> {
  return settle(
    database,
    run,
    sql`status = 'failed', failures = ${run.failures + 1}, finished_at = UTC_TIMESTAMP(3)`,
    { outcome: 'failed', reason },
    spent,
    texts,
  )
}

/**
 * Gives an unfinished job back, at no cost to it: it goes before its owner's younger jobs in `pending`, and after one job of
 * everybody else's.
 *
 * @param lane the step that the job has come to
 * @throws LeaseLost if the run no longer holds the job
 */
export async function releaseVisionJob(
  database: Database,
  run: OwnedRun,
  lane: Step,
  spent: RunUsage,
  texts: readonly TextEnding[] = [],
): Promise<void> {
  const tag = await startTagForReturn(database, run, lane)
  return settle(database, run, sql`status = 'pending', start_tag = ${tag}`, { outcome: 'released' }, spent, texts)
}

/**
 * Adds to a run's own row what it has spent, whether it still holds the job or not: that belongs to the run. Of a run that has
 * ended, the ledger gets what it has not had yet; doing it twice changes nothing.
 */
export async function recordSpending(database: Database, run: OwnedRun, spent: RunUsage): Promise<void> {
  await database.transact(
    async (tx) => {
      const [before] = await readRuns(tx, [run], true)
      if (before === undefined) return true
      await writeAttempt(tx, run, spent, {})
      if (before.outcome === 'running') return true
      const [after] = await readRuns(tx, [run])
      // The row of a run outlives the deletion of its job for this one purpose.
      const jobs = await rowsOf(tx, sql`SELECT 1 FROM vision_jobs WHERE id = ${run.jobId}`)
      if (jobs.length === 0) await matchedBy(tx, sql`DELETE FROM vision_job_attempts WHERE id = ${before.id}`)
      // Of a batch that is deleted as well nothing is counted any more.
      const batchId = jobs.length > 0 || (await hasBatch(tx, run)) ? run.batchId : null
      await addUsage(
        tx,
        difference(before, after).map((entry) => ({ ...entry, batchId })),
      )
      return true
    },
    // Then it is done again.
    async () => undefined,
  )
}

/**
 * Keeps what did not fit in a paid answer, and what that took, for the run that comes after this one if this one dies. It is no
 * change that a client could see, so the version stays.
 *
 * @param text which; the analysis if not given
 * @throws LeaseLost if the run no longer holds the job
 */
export function saveAnswerIssue(
  database: Database,
  run: RunIdentity,
  issue: string,
  spent: RunUsage,
  text?: number,
): Promise<void> {
  const kept = issue.slice(0, answerIssueLength)
  return fenced(
    database,
    run,
    text === undefined ? sql`answer_issue = ${kept}` : sql`worker_id = worker_id`,
    async (tx) => {
      if (text !== undefined) await noteText(tx, run, { text, issue: kept })
      await writeAttempt(tx, run, spent, {})
    },
    // Doing it again does no harm.
    async () => false,
  )
}

function settle(
  database: Database,
  run: OwnedRun,
  changes: SQL,
  ending: Ending,
  spent: RunUsage,
  texts: readonly TextEnding[] = [],
): Promise<void> {
  const { outcome, reason } = ending
  const error = reason ? sql`, error_code = ${reason.code}, error_message = ${shown(reason)}` : sql``
  const issue = spent.answerIssue ? sql`, answer_issue = ${spent.answerIssue.slice(0, answerIssueLength)}` : sql``
  // A version for what became of the text, and one for what became of the job.
  const versions = texts.some(({ failed }) => failed) ? 2 : 1
  return fenced(
    database,
    run,
    sql`${changes}, version = version + ${versions}, lease_expires_at = NULL, worker_id = NULL,
      updated_at = UTC_TIMESTAMP(3)${error}${issue}`,
    async (tx) => {
      for (const text of texts) await noteText(tx, run, text, 1)
      await writeAttempt(tx, run, spent, ending)
      const failed = { ...ownerOf(run), jobId: run.jobId, code: reason?.code }
      await addRuns(tx, [run], outcome === 'failed' ? [{ ...failed, status: outcome }] : [])
    },
    async (on) => {
      const [row] = await rowsOf<{ outcome: Outcome }>(
        on,
        sql`SELECT outcome FROM vision_job_attempts WHERE job_id = ${run.jobId} AND attempt = ${run.attempt}`,
      )
      return row?.outcome === outcome
    },
  )
}

async function hasBatch(tx: Queryable, { batchId }: OwnedRun): Promise<boolean> {
  if (batchId === null) return false
  return (await rowsOf(tx, sql`SELECT 1 FROM vision_batches WHERE id = ${batchId}`)).length > 0
}

function ownerOf({ userId, batchId }: OwnedRun) {
  return { userId, batchId }
}
