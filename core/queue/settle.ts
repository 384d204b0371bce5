import { type SQL, sql } from 'drizzle-orm'
import { type Outcome, type Step, visionJobOutputs } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { LeaseLost, type Reason, type Run, type RunIdentity } from '../domain/run.ts'
import type { RunUsage, StepOutput } from '../domain/step.ts'
import { linkImages } from '../images/snapshots.ts'
import { addRuns, addUsage, difference, type OwnedRun, readRuns } from '../usage/ledger.ts'
import { startTagForReturn } from './return-tag.ts'

/** Every write of a run carries this: nothing matches once the job is another run's, or nobody's. */
const held = ({ jobId, attempt }: RunIdentity): SQL =>
  sql`id = ${jobId} AND status = 'processing' AND attempt = ${attempt}`

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
      await insertOutput(tx, run, 'analysis', output)
      await writeAttempt(tx, run, spent, { step: 'content' })
    },
    (on) => hasOutput(on, run, 'analysis'),
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

/**
 * Stores the content and completes the job.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing is saved then
 */
export function completeVisionJob(
  database: Database,
  run: OwnedRun,
  content: StepOutput,
  spent: RunUsage,
): Promise<void> {
  return fenced(
    database,
    run,
    sql`status = 'completed', version = version + 1, lease_expires_at = NULL, worker_id = NULL, error_code = NULL,
      error_message = NULL, answer_issue = NULL, finished_at = UTC_TIMESTAMP(3), updated_at = UTC_TIMESTAMP(3)`,
    async (tx) => {
      await insertOutput(tx, run, 'content', content)
      await writeAttempt(tx, run, spent, { outcome: 'completed' })
      await addRuns(tx, [run], [{ ...ownerOf(run), status: 'completed' }])
    },
    (on) => hasOutput(on, run, 'content'),
  )
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
): Promise<void> {
  const failures = run.failures + (costsRetry ? 1 : 0)
  return settle(
    database,
    run,
    sql`status = 'scheduled', failures = ${failures}, available_at = ${inMilliseconds(delayMs)}`,
    { outcome: costsRetry ? 'retried' : 'released', reason },
    spent,
  )
}

/**
 * Settles a run that failed for good: the job is a dead letter until it is redriven.
 *
 * @throws LeaseLost if the run no longer holds the job
 */
export function failVisionJob(database: Database, run: Run, reason: Reason, spent: RunUsage): Promise<void> {
  return settle(
    database,
    run,
    sql`status = 'failed', failures = ${run.failures + 1}, finished_at = UTC_TIMESTAMP(3)`,
    { outcome: 'failed', reason },
    spent,
  )
}

/**
 * Gives an unfinished job back, at no cost to it: it goes before its owner's younger jobs in `pending`, and after one job of
 * everybody else's.
 *
 * @param lane the step that the job has come to
 * @throws LeaseLost if the run no longer holds the job
 */
export async function releaseVisionJob(database: Database, run: OwnedRun, lane: Step, spent: RunUsage): Promise<void> {
  const tag = await startTagForReturn(database, run, lane)
  return settle(database, run, sql`status = 'pending', start_tag = ${tag}`, { outcome: 'released' }, spent)
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
 * Keeps what did not fit in a paid answer, for the run that comes after this one if this one dies. It is no change that a client
 * could see, so the version stays.
 *
 * @throws LeaseLost if the run no longer holds the job
 */
export async function saveAnswerIssue(database: Database, run: RunIdentity, issue: string): Promise<void> {
  const noted = await database.run((on) =>
    matchedBy(on, sql`UPDATE vision_jobs SET answer_issue = ${issue.slice(0, answerIssueLength)} WHERE ${held(run)}`),
  )
  if (noted === 0) throw new LeaseLost(run)
}

// What the columns hold, in characters: a reason that is longer must not keep its run from being settled.
const messageLength = 500
const detailLength = 2000
const modelLength = 120
const answerIssueLength = 1000

interface Ending {
  readonly outcome: Outcome
  readonly reason?: Reason
}

function settle(database: Database, run: OwnedRun, changes: SQL, ending: Ending, spent: RunUsage): Promise<void> {
  const { outcome, reason } = ending
  const error = reason ? sql`, error_code = ${reason.code}, error_message = ${shown(reason)}` : sql``
  const issue = spent.answerIssue ? sql`, answer_issue = ${spent.answerIssue.slice(0, answerIssueLength)}` : sql``
  return fenced(
    database,
    run,
    sql`${changes}, version = version + 1, lease_expires_at = NULL, worker_id = NULL,
      updated_at = UTC_TIMESTAMP(3)${error}${issue}`,
    async (tx) => {
      await writeAttempt(tx, run, spent, ending)
      await addRuns(tx, [run], outcome === 'failed' ? [{ ...ownerOf(run), status: outcome, code: reason?.code }] : [])
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

/**
 * The fenced UPDATE of the job, then the rest, in one transaction. What this very run has done before is done: its
 * COMMIT may have taken effect after the answer was given up.
 */
async function fenced(
  database: Database,
  run: RunIdentity,
  changes: SQL,
  rest: (tx: Queryable) => Promise<void>,
  landed: (on: Queryable) => Promise<boolean>,
  fence = held(run),
): Promise<void> {
  await database.transact(
    async (tx) => {
      const matched = await matchedBy(tx, sql`UPDATE vision_jobs SET ${changes} WHERE ${fence}`)
      if (matched > 0) await rest(tx)
      else if (!(await landed(tx))) throw new LeaseLost(run)
      return true
    },
    async (on) => ((await landed(on)) ? true : undefined),
  )
}

async function hasBatch(tx: Queryable, { batchId }: OwnedRun): Promise<boolean> {
  if (batchId === null) return false
  return (await rowsOf(tx, sql`SELECT 1 FROM vision_batches WHERE id = ${batchId}`)).length > 0
}

function ownerOf({ userId, batchId }: OwnedRun) {
  return { userId, batchId }
}

function shown({ message }: Reason): string {
  return message.slice(0, messageLength)
}

async function insertOutput(tx: Queryable, run: RunIdentity, kind: Step, output: StepOutput): Promise<void> {
  await tx.insert(visionJobOutputs).values({
    jobId: run.jobId,
    kind,
    attempt: run.attempt,
    version: sql`(SELECT version FROM vision_jobs WHERE id = ${run.jobId})`,
    model: output.model.slice(0, modelLength),
    prompt: output.prompt ?? null,
    body: output.body,
    findings: output.findings ?? null,
    createdAt: sql`UTC_TIMESTAMP(3)`,
  })
}

async function hasOutput(on: Queryable, run: RunIdentity, kind: Step): Promise<boolean> {
  const rows = await rowsOf(
    on,
    sql`SELECT 1 FROM vision_job_outputs
      WHERE job_id = ${run.jobId} AND kind = ${kind} AND attempt = ${run.attempt}`,
  )
  return rows.length > 0
}

/** Writes a run's own row; what it spent is always written whole, so that writing it twice changes nothing. */
function writeAttempt(
  on: Queryable,
  run: RunIdentity,
  spent: RunUsage,
  { outcome, reason, step }: Partial<Ending> & { readonly step?: Step },
): Promise<number> {
  const set: SQL[] = []
  if (spent.analysis) {
    const {
      calls = 1,
      model,
      inputTokens,
      cachedTokens,
      outputTokens,
      thinkingTokens,
      cost,
      milliseconds,
    } = spent.analysis
    set.push(
      sql`analysis_model = ${model.slice(0, modelLength)}, analysis_calls = ${calls}, analysis_input_tokens = ${inputTokens},
        analysis_cached_tokens = ${cachedTokens}, analysis_output_tokens = ${outputTokens},
        analysis_thinking_tokens = ${thinkingTokens}, analysis_cost = ${cost}, analysis_ms = ${milliseconds}`,
    )
  }
  if (spent.content) {
    const {
      calls = 1,
      model,
      inputTokens,
      cachedTokens,
      outputTokens,
      thinkingTokens,
      cost,
      milliseconds,
    } = spent.content
    set.push(
      sql`content_model = ${model.slice(0, modelLength)}, content_calls = ${calls}, content_input_tokens = ${inputTokens},
        content_cached_tokens = ${cachedTokens}, content_output_tokens = ${outputTokens},
        content_thinking_tokens = ${thinkingTokens}, content_cost = ${cost}, content_ms = ${milliseconds}`,
    )
  }
  if (spent.imageMs !== undefined) set.push(sql`image_ms = ${spent.imageMs}`)
  set.push(sql`possibly_billed = ${spent.possiblyBilled ?? null}`)
  if (step) set.push(sql`step = ${step}`)
  if (outcome) set.push(sql`outcome = ${outcome}, ended_at = UTC_TIMESTAMP(3)`)
  if (reason) {
    set.push(
      sql`error_code = ${reason.code}, error_message = ${shown(reason)},
        error_detail = ${reason.detail?.slice(0, detailLength) ?? null}`,
    )
  }
  return matchedBy(
    on,
    sql`UPDATE vision_job_attempts SET ${sql.join(set, sql`, `)}
      WHERE job_id = ${run.jobId} AND attempt = ${run.attempt}`,
  )
}
