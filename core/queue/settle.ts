import { sql } from 'drizzle-orm'
import type { Step } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import type { ColumnValue } from '../database/update-rows.ts'
import type { Reason, Run, RunIdentity } from '../domain/run.ts'
import type { RunUsage, StepOutput } from '../domain/step.ts'
import { addUsage, difference, type OwnedRun, readRuns } from '../usage/ledger.ts'
import { type Ending, shown, writeAttempts } from './attempt-row.ts'
import { commitChange } from './group-commit.ts'
import { analysisKey } from './output-row.ts'
import { startTagForReturn } from './return-tag.ts'
import { orderOf } from './save-text.ts'
import { answerIssueLength, keyOf, type MadeText, type TextEnding } from './text-row.ts'

/**
 * Saves the analysis, from which the second step, in this run or in a later one, goes on.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing is saved then
 */
export function saveAnalysis(database: Database, run: RunIdentity, output: StepOutput, spent: RunUsage): Promise<void> {
  return commitChange(database, {
    run,
    // Unlike the settlements, saving leaves the run its lease: this is what keeps it from happening twice.
    onlyIf: ({ step }) => step === 'analysis',
    job: { kind: 'analysed', versions: 1 },
    output: { key: analysisKey, made: output },
    attempt: { spent, step: 'content' },
    evidence: { output: analysisKey },
  })
}

/**
 * Gives the job its snapshot, which every later run reads whatever has become of the source.
 *
 * @param imageId of an image that was kept within the hour
 * @throws LeaseLost if the run no longer holds the job, VisionError `storage.unavailable` if the image was swept
 */
export function saveImage(database: Database, run: RunIdentity, imageId: number): Promise<void> {
  return commitChange(database, {
    run,
    onlyIf: (job) => job.imageId === null,
    job: { kind: 'noted', columns: { image_id: imageId }, versions: 1 },
    image: imageId,
    evidence: { image: imageId },
  })
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
  return commitChange(database, {
    run,
    job: { kind: 'last text saved', versions: 2, after: 1 },
    made: text,
    output: { key: keyOf(text), made: content, ...orderOf(text) },
    attempt: { spent, outcome: 'completed' },
    ended: { run, jobs: [{ ...ownerOf(run), status: 'completed' }] },
    evidence: { output: keyOf(text) },
  })
}

/**
 * Completes a job whose texts are all there: the run before this one did not come to it.
 *
 * @throws LeaseLost if the run no longer holds the job
 */
export function completeWithoutText(database: Database, run: OwnedRun, spent: RunUsage): Promise<void> {
  return commitChange(database, {
    run,
    job: { kind: 'completed', versions: 1 },
    attempt: { spent, outcome: 'completed' },
    ended: { run, jobs: [{ ...ownerOf(run), status: 'completed' }] },
    evidence: { outcome: 'completed' },
  })
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
    { status: 'scheduled', failures, available_at: inMilliseconds(delayMs) },
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
    { status: 'failed', failures: run.failures + 1, finished_at: sql`UTC_TIMESTAMP(3)` },
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
  return settle(database, run, { status: 'pending', start_tag: tag }, { outcome: 'released' }, spent, texts)
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
      await writeAttempts(tx, [{ run, spent }])
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
  return commitChange(database, {
    run,
    job: {
      kind: 'noted',
      ...(text === undefined && { columns: { answer_issue: issue.slice(0, answerIssueLength) } }),
      versions: 0,
    },
    endings: text === undefined ? [] : [{ text, issue }],
    attempt: { spent },
    // Idempotent.
  })
}

function settle(
  database: Database,
  run: OwnedRun,
  columns: Readonly<Record<string, ColumnValue>>,
  ending: Ending,
  spent: RunUsage,
  texts: readonly TextEnding[],
): Promise<void> {
  const { outcome, reason } = ending
  const { answerIssue } = spent
  const isFailed = outcome === 'failed'
  // A version for what became of the text, and one for what became of the job.
  const ofText = texts.some(({ failed }) => failed) ? 1 : 0
  return commitChange(database, {
    run,
    job: {
      kind: 'settled',
      columns: {
        ...columns,
        ...(reason && { error_code: reason.code, error_message: shown(reason) }),
        ...(answerIssue && { answer_issue: answerIssue.slice(0, answerIssueLength) }),
      },
      versions: ofText + 1,
      after: 1,
    },
    endings: texts,
    attempt: { spent, ...ending },
    ended: { run, jobs: isFailed ? [{ ...ownerOf(run), jobId: run.jobId, status: 'failed', code: reason?.code }] : [] },
    evidence: { outcome },
  })
}

async function hasBatch(tx: Queryable, { batchId }: OwnedRun): Promise<boolean> {
  if (batchId === null) return false
  return (await rowsOf(tx, sql`SELECT 1 FROM vision_batches WHERE id = ${batchId}`)).length > 0
}

function ownerOf({ userId, batchId }: OwnedRun) {
  return { userId, batchId }
}
