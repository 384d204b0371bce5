import { type SQL, sql } from 'drizzle-orm'
import { type Outcome, type Step, steps } from '../../drizzle/schema.ts'
import { matchedBy, type Queryable } from '../database/sql.ts'
import type { Reason, RunIdentity } from '../domain/run.ts'
import type { RunUsage, StepUsage } from '../domain/step.ts'

// What the columns hold, in characters: a reason that is longer must not keep its run from being settled.
const messageLength = 500
const detailLength = 2000
export const modelLength = 120

/** How a run ended. */
export interface Ending {
  readonly outcome: Outcome
  readonly reason?: Reason
}

/** A reason's message as the columns hold it. */
export function shown({ message }: Reason): string {
  return message.slice(0, messageLength)
}

/** Writes a run's own row; what it spent is always written whole, so that writing it twice changes nothing. */
export function writeAttempt(
  on: Queryable,
  run: RunIdentity,
  spent: RunUsage,
  { outcome, reason, step }: Partial<Ending> & { readonly step?: Step },
): Promise<number> {
  const lost = spent.possiblyBilled ?? {}
  const lostIn = steps.findLast((one) => (lost[one] ?? 0) > 0) ?? null
  const set: SQL[] = [
    sql`possibly_billed = ${lostIn}, possibly_billed_calls = ${steps.reduce((sum, one) => sum + (lost[one] ?? 0), 0)}`,
  ]
  for (const one of steps) {
    const used = spent[one]
    if (used) set.push(spentIn(one, used))
  }
  if (spent.imageMs !== undefined) set.push(sql`image_ms = ${spent.imageMs}`)
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

function spentIn(step: Step, used: StepUsage): SQL {
  const columns: Record<string, string | number | null> = {
    model: used.model.slice(0, modelLength),
    calls: used.calls ?? 1,
    input_tokens: used.inputTokens,
    cached_tokens: used.cachedTokens,
    output_tokens: used.outputTokens,
    thinking_tokens: used.thinkingTokens,
    cost: used.cost,
    ms: used.milliseconds,
  }
  return sql.join(
    Object.entries(columns).map(([name, value]) => sql`${sql.raw(`${step}_${name}`)} = ${value}`),
    sql`, `,
  )
}
