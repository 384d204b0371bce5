import { sql } from 'drizzle-orm'
import type { Step } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import type { ColumnValue } from '../../database/update-rows.ts'
import type { Reason, Run, RunIdentity } from '../../domain/run.ts'
import type { RunUsage, StepOutput } from '../../domain/step.ts'
import { addUsage, difference, type OwnedRun, readRuns } from '../../usage/ledger.ts'
import { startTagForReturn } from '../fairness/return-tag.ts'
import { attemptUpdate, type EndedRun, type Ending, shown, writeAttempts } from '../rows/attempt-row.ts'
import { analysisKey } from '../rows/output-row.ts'
import { answerIssueLength, keyOf, type MadeText, type TextEnding } from '../rows/text-row.ts'
import { commitChange } from './group-commit.ts'
import { requestOf } from './save-text.ts'

/**
 * Saves the analysis. The second step continues from it, in this run or a later one.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing is saved then
 */
export function saveAnalysis(database: Database, run: RunIdentity, output: StepOutput, spent: RunUsage): Promise<void> {
  return commitChange(database, {
    run,
    // Unlike a settlement, this keeps the run's lease.
    onlyIf: ({ step }) => step === 'analysis',
    job: { kind: 'analysed', versions: 1 },
    output: { key: analysisKey, made: output },
    attempt: { spent, step: 'content' },
    evidence: { output: analysisKey },
  })
}

/**
 * Links the snapshot to the job. Every later run reads it, whatever happens to the source.
 *
 * @param imageId an image that was stored within the last hour
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
 * Saves the last missing text and completes the job: one version for the text, and one for the job.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing is saved then
 */
export function completeVisionJob(
  database: Database,
  run: EndedRun,
  content: StepOutput,
  spent: RunUsage,
  text: MadeText = firstText,
): Promise<void> {
  return commitChange(database, {
    run,
    job: { kind: 'last text saved', versions: 2, after: 1 },
    made: text,
    output: { key: keyOf(text), made: content, ...requestOf(text) },
    attempt: { spent, outcome: 'completed' },
    ended: { run, jobs: [{ ...ownerOf(run), status: 'completed' }] },
    evidence: { output: keyOf(text) },
  })
}

/**
 * Completes a job whose texts are all saved: the previous run ended before it could.
 *
 * @throws LeaseLost if the run no longer holds the job
 */
export function completeWithoutText(database: Database, run: EndedRun, spent: RunUsage): Promise<void> {
  return commitChange(database, {
    run,
    job: { kind: 'completed', versions: 1 },
    attempt: { spent, outcome: 'completed' },
    ended: { run, jobs: [{ ...ownerOf(run), status: 'completed' }] },
    evidence: { outcome: 'completed' },
  })
}

/**
 * Settles a run that failed and may be retried: the job waits in `scheduled`.
 *
 * @param delayMs how long the job waits, in milliseconds of the database's clock
 * @param costsRetry false if the failure was not the job's fault, such as a provider's rate limit
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
 * Settles a run that failed for good: the job stays failed until it is redriven.
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
 * Releases an unfinished job at no cost: it enters `pending` before its owner's younger jobs, and behind one job of each
 * other user.
 *
 * @param lane the step that the job has reached
 * @throws LeaseLost if the run no longer holds the job
 */
export async function releaseVisionJob(
  database: Database,
  run: EndedRun,
  lane: Step,
  spent: RunUsage,
  texts: readonly TextEnding[] = [],
): Promise<void> {
  const tag = await startTagForReturn(database, run, lane)
  return settle(database, run, { status: 'pending', start_tag: tag }, { outcome: 'released' }, spent, texts)
}

/**
 * Adds usage to a run's own row, whether the run still holds its job or not. If the run has ended, the ledger gets the
 * difference. Idempotent.
 */
export async function recordSpending(database: Database, run: OwnedRun, spent: RunUsage): Promise<void> {
  await database.transact(
    async (tx) => {
      const [before] = await readRuns(tx, [run], true)
      if (before === undefined) return true
      await writeAttempts(tx, [attemptUpdate({ run, spent })])
      if (before.outcome === 'running') return true
      const [after] = await readRuns(tx, [run])
      // The row of a run outlives the deletion of its job for this purpose alone.
      const jobs = await rowsOf(tx, sql`SELECT 1 FROM vision_jobs WHERE id = ${run.jobId}`)
      if (jobs.length === 0) await matchedBy(tx, sql`DELETE FROM vision_job_attempts WHERE id = ${before.id}`)
      // The counts of a deleted batch stay as they are.
      const batchId = jobs.length > 0 || (await hasBatch(tx, run)) ? run.batchId : null
      await addUsage(
        tx,
        difference(before, after).map((entry) => ({ ...entry, batchId })),
      )
      return true
    },
    // Then it is repeated.
    async () => undefined,
  )
}

/**
 * Saves what was invalid in a paid answer, and its usage, so that a next run knows it if this one dies. Clients cannot see
 * the change, so the version stays.
 *
 * @param text the number of the text; the analysis if left out
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
  run: EndedRun,
  columns: Readonly<Record<string, ColumnValue>>,
  ending: Ending,
  spent: RunUsage,
  texts: readonly TextEnding[],
): Promise<void> {
  const { outcome, reason } = ending
  const { answerIssue } = spent
  const isFailed = outcome === 'failed'
  // One version for the outcome of the text, and one for the outcome of the job.
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
