import { sql } from 'drizzle-orm'
import { type Outcome, type Step, steps } from '../../../drizzle/schema.ts'
import type { Queryable } from '../../database/sql.ts'
import { type ColumnValue, type RowUpdate, updateRows } from '../../database/update-rows.ts'
import type { Reason, Run, RunIdentity } from '../../domain/run.ts'
import type { RunUsage, StepUsage } from '../../domain/step.ts'
import { entriesOfRun, type OwnedRun } from '../../usage/ledger.ts'

// The sizes of the columns, in characters: a longer reason must not keep its run from being settled.
const messageLength = 500
const detailLength = 2000
const modelLength = 120

/** How a run ended. */
export interface Ending {
  readonly outcome: Outcome
  readonly reason?: Reason
  /** When, by the database's clock, as its text; now if left out. */
  readonly endedAt?: string | undefined
}

/** What is written into a run's own row. */
export interface AttemptChange extends Partial<Ending> {
  readonly run: RunIdentity
  readonly spent: RunUsage
  /** The step that the run has reached. */
  readonly step?: Step
}

/** A reason's message as the columns hold it. */
export function shown({ message }: Reason): string {
  return message.slice(0, messageLength)
}

/** A model's name as the columns hold it. */
export function modelName(model: string): string {
  return model.slice(0, modelLength)
}

/**
 * The update of a run's own row, with what it has used by now. Its usage is always written whole, so that a repeated write
 * changes nothing.
 */
export function attemptUpdate(change: AttemptChange): RowUpdate {
  return { key: { job_id: change.run.jobId, attempt: change.run.attempt }, columns: columnsOf(change) }
}

/** Updates the rows of runs. */
export async function writeAttempts(on: Queryable, updates: readonly RowUpdate[]): Promise<void> {
  await updateRows(on, { table: 'vision_job_attempts', index: 'job_attempt' }, updates)
}

/** How many calls may have been billed, and the last of their steps. */
function possiblyBilledIn({ possiblyBilled: lost = {} }: RunUsage) {
  return {
    step: steps.findLast((one) => (lost[one] ?? 0) > 0) ?? null,
    calls: steps.reduce((sum, one) => sum + (lost[one] ?? 0), 0),
  }
}

/** A run that a change ends. */
export type EndedRun = OwnedRun & Pick<Run, 'waitingMs'>

/** The ledger's entries for a run whose row gets this change, which is all that it has used. */
export function usageOf(run: EndedRun, { spent, outcome }: { spent: RunUsage; outcome: Outcome }, endedAt: string) {
  const { userId, batchId, waitingMs } = run
  const { step, calls } = possiblyBilledIn(spent)
  const { analysis, content, imageMs = 0 } = spent
  const used = {
    ...(analysis && { analysis: { ...analysis, model: modelName(analysis.model) } }),
    ...(content && { content: { ...content, model: modelName(content.model) } }),
  }
  const possiblyBilled = step === null ? 0 : Math.max(1, calls)
  return entriesOfRun({ userId, batchId, waitingMs, imageMs, possiblyBilled, outcome, used, day: endedAt.slice(0, 10) })
}

function columnsOf({ spent, outcome, reason, step, endedAt }: AttemptChange): Record<string, ColumnValue> {
  const lost = possiblyBilledIn(spent)
  return {
    possibly_billed: lost.step,
    possibly_billed_calls: lost.calls,
    ...(spent.analysis && spentIn('analysis', spent.analysis)),
    ...(spent.content && spentIn('content', spent.content)),
    ...(spent.imageMs !== undefined && { image_ms: spent.imageMs }),
    ...(step && { step }),
    ...(outcome && { outcome, ended_at: endedAt ?? sql`UTC_TIMESTAMP(3)` }),
    ...(reason && {
      error_code: reason.code,
      error_message: shown(reason),
      error_detail: reason.detail?.slice(0, detailLength) ?? null,
    }),
  }
}

function spentIn(step: Step, used: StepUsage): Record<string, ColumnValue> {
  return {
    [`${step}_model`]: modelName(used.model),
    [`${step}_calls`]: used.calls ?? 1,
    [`${step}_input_tokens`]: used.inputTokens,
    [`${step}_cached_tokens`]: used.cachedTokens,
    [`${step}_output_tokens`]: used.outputTokens,
    [`${step}_thinking_tokens`]: used.thinkingTokens,
    [`${step}_cost`]: used.cost,
    [`${step}_ms`]: used.milliseconds,
  }
}
