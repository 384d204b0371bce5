import { type SQL, sql } from 'drizzle-orm'
import { matchedBy, type Queryable } from '../database/sql.ts'
import type { Reason, RunIdentity } from '../domain/run.ts'
import type { StepOutput } from '../domain/step.ts'
import { shown } from './attempt-row.ts'
import { insertOutput, type OutputKey, type OutputOrder, versionOf } from './output-row.ts'

/** What becomes of a text that a run did not make: it waits for the next, or has failed. */
export interface TextEnding {
  readonly text: number
  /** What did not fit in the paid answer for it. */
  readonly issue?: string | undefined
  readonly reason?: Reason | undefined
  /** For good, and as the last one: the others were told when it happened. */
  readonly failed?: boolean | undefined
}

/** A text that a run has made, and which revision of it. */
export interface MadeText extends OutputOrder {
  readonly text: number
  readonly revision: number
}

export const answerIssueLength = 1000

/**
 * Writes down why a text is not there. It must be waiting.
 *
 * @param before how many versions of the job came with this transaction after that of the text
 */
export function noteText(
  tx: Queryable,
  { jobId }: RunIdentity,
  { text, issue, reason, failed }: TextEnding,
  before = 0,
): Promise<number> {
  const set: SQL[] = [sql`updated_at = UTC_TIMESTAMP(3)`]
  if (issue !== undefined) set.push(sql`answer_issue = ${issue.slice(0, answerIssueLength)}`)
  if (reason) set.push(sql`error_code = ${reason.code}, error_message = ${shown(reason)}`)
  if (failed) {
    set.push(sql`status = 'failed', version = ${versionOf(jobId, before)}`)
  }
  return matchedBy(
    tx,
    sql`UPDATE vision_job_texts SET ${sql.join(set, sql`, `)} WHERE job_id = ${jobId} AND text = ${text} AND status = 'waiting'`,
  )
}

/**
 * Stores a text that a run has made, in the transaction of the fence.
 *
 * @param before see `noteText`
 * @returns false if the text does not wait for this revision: it is there already
 */
export async function storeText(
  tx: Queryable,
  run: RunIdentity,
  text: MadeText,
  content: StepOutput,
  before: number,
): Promise<boolean> {
  const { jobId } = run
  const matched = await matchedBy(
    tx,
    sql`UPDATE vision_job_texts SET status = 'completed', revision = ${text.revision}, answer_issue = NULL, error_code = NULL,
        error_message = NULL, instruction = NULL, requested_by = NULL,
        version = ${versionOf(jobId, before)}, updated_at = UTC_TIMESTAMP(3)
      WHERE job_id = ${jobId} AND text = ${text.text} AND status = 'waiting' AND revision = ${text.revision - 1}`,
  )
  if (matched === 0) return false
  await insertOutput(tx, run, keyOf(text), content, before, text)
  return true
}

export const keyOf = ({ text, revision }: MadeText): OutputKey => ({ kind: 'content', text, revision })
