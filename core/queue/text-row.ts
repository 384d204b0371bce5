import { sql } from 'drizzle-orm'
import type { Queryable } from '../database/sql.ts'
import { updateRows } from '../database/update-rows.ts'
import type { Reason } from '../domain/run.ts'
import { shown } from './attempt-row.ts'
import type { OutputKey, OutputOrder } from './output-row.ts'

/** The outcome of a text that a run did not make: it waits for the next run, or has failed. */
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

/** Of which job, and with which version of it. */
interface OfJob {
  readonly jobId: number
  readonly version: number
}

export const answerIssueLength = 1000
const texts = { table: 'vision_job_texts', index: 'PRIMARY' }

/**
 * Writes down why texts are not there.
 *
 * @returns how many of them were waiting; the others stay as they are
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

/**
 * Says of texts that runs have made them.
 *
 * @returns how many of them waited for this revision; the others are there already
 */
export function completeTexts(tx: Queryable, made: readonly (MadeText & OfJob)[]): Promise<number> {
  return updateRows(
    tx,
    texts,
    made.map(({ jobId, version, text, revision }) => ({
      key: { job_id: jobId, text },
      columns: { revision, version },
    })),
    sql`t.status = 'completed', t.answer_issue = NULL, t.error_code = NULL, t.error_message = NULL, t.instruction = NULL,
      t.requested_by = NULL, t.updated_at = UTC_TIMESTAMP(3)`,
    sql`t.status = 'waiting' AND t.revision = x.revision - 1`,
  )
}

export const keyOf = ({ text, revision }: MadeText): OutputKey => ({ kind: 'content', text, revision })
