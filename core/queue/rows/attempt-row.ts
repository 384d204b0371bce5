import { sql } from 'drizzle-orm'
import { type Outcome, type Step, steps } from '../../../drizzle/schema.ts'
import type { Queryable } from '../../database/sql.ts'
import { type ColumnValue, updateRows } from '../../database/update-rows.ts'
import type { Reason, RunIdentity } from '../../domain/run.ts'
import type { RunUsage, StepUsage } from '../../domain/step.ts'

// The sizes of the columns, in characters: a longer reason must not keep its run from being settled.
const messageLength = 500
const detailLength = 2000
export const modelLength = 120

/** How a run ended. */
export interface Ending {
  readonly outcome: Outcome
  readonly reason?: Reason
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

/** Updates the rows of runs. A run's usage is always written whole, so that a repeated write changes nothing. */
export async function writeAttempts(on: Queryable, changes: readonly AttemptChange[]): Promise<void> {
  await updateRows(
    on,
    { table: 'vision_job_attempts', index: 'job_attempt' },
    changes.map((change) => ({
      key: { job_id: change.run.jobId, attempt: change.run.attempt },
      columns: columnsOf(change),
    })),
  )
}

function columnsOf({ spent, outcome, reason, step }: AttemptChange): Record<string, ColumnValue> {
  const lost = spent.possiblyBilled ?? {}
  return {
    possibly_billed: steps.findLast((one) => (lost[one] ?? 0) > 0) ?? null,
    possibly_billed_calls: steps.reduce((sum, one) => sum + (lost[one] ?? 0), 0),
    ...(spent.analysis && spentIn('analysis', spent.analysis)),
    ...(spent.content && spentIn('content', spent.content)),
    ...(spent.imageMs !== undefined && { image_ms: spent.imageMs }),
    ...(step && { step }),
    ...(outcome && { outcome, ended_at: sql`UTC_TIMESTAMP(3)` }),
    ...(reason && {
      error_code: reason.code,
      error_message: shown(reason),
      error_detail: reason.detail?.slice(0, detailLength) ?? null,
    }),
  }
}

function spentIn(step: Step, used: StepUsage): Record<string, ColumnValue> {
  const columns = {
    model: used.model.slice(0, modelLength),
    calls: used.calls ?? 1,
    input_tokens: used.inputTokens,
    cached_tokens: used.cachedTokens,
    output_tokens: used.outputTokens,
    thinking_tokens: used.thinkingTokens,
    cost: used.cost,
    ms: used.milliseconds,
  }
  return Object.fromEntries(Object.entries(columns).map(([name, value]) => [`${step}_${name}`, value]))
}
