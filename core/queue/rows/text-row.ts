import { sql } from 'drizzle-orm'
import type { Queryable } from '../../database/sql.ts'
import { updateRows } from '../../database/update-rows.ts'
import type { Reason } from '../../domain/run.ts'
import { shown } from './attempt-row.ts'
import type { OutputKey, OutputRequest } from './output-row.ts'

/** The outcome of a text that a run did not make: it waits for another run, or has failed. */
export interface TextEnding {
  readonly text: number
  /** What was invalid in the paid answer for it. */
  readonly issue?: string | undefined
  readonly reason?: Reason | undefined
  /** It failed for good, and as the last text: the failures of the others were recorded as they happened. */
  readonly failed?: boolean | undefined
}

/** A text that a run has made, with its revision. */
export interface MadeText extends OutputRequest {
  readonly text: number
  readonly revision: number
}

/** The text's job, and the job's version that introduces the outcome. */
interface OfJob {
  readonly jobId: number
  readonly version: number
}

export const answerIssueLength = 1000
const texts = { table: 'vision_job_texts', index: 'PRIMARY' }

/**
 * Records the outcomes of texts that were not made.
 *
 * @returns how many of them were waiting; others stay as they are
 */
export function noteTexts(tx: Queryable, endings: readonly (TextEnding & OfJob)[]): Promise<number> {
  return updateRows(
    tx,
    texts,
    endings.map(({ jobId, version, text, issue, reason, failed }) => ({
      key: { job_id: jobId, text },
      columns: {
        ...(issue !== undefined && { answer_issue: issue.slice(0, answerIssueLength) }),
        ...(reason && { error_code: reason.code, error_message: shown(reason) }),
        ...(failed && { status: 'failed', version }),
      },
    })),
    sql`t.updated_at = UTC_TIMESTAMP(3)`,
    sql`t.status = 'waiting'`,
  )
}

/** Of a text `t` that has been made, besides its revision and version: what is assigned, and the condition by its values `x`. */
export const textMade = {
  set: `t.status = 'completed', t.answer_issue = NULL, t.error_code = NULL, t.error_message = NULL, t.instruction = NULL,
      t.requested_by = NULL, t.updated_at = UTC_TIMESTAMP(3)`,
  only: `t.status = 'waiting' AND t.revision = x.revision - 1`,
}

/**
 * Records that texts have been made.
 *
 * @returns how many of them waited for this revision; the others are recorded already
 */
export function completeTexts(tx: Queryable, made: readonly (MadeText & OfJob)[]): Promise<number> {
  return updateRows(
    tx,
    texts,
    made.map(({ jobId, version, text, revision }) => ({
      key: { job_id: jobId, text },
      columns: { revision, version },
    })),
    sql.raw(textMade.set),
    sql.raw(textMade.only),
  )
}

export const keyOf = ({ text, revision }: MadeText): OutputKey => ({ kind: 'content', text, revision })
