import { sql } from 'drizzle-orm'
import { type Step, visionJobOutputs } from '../../drizzle/schema.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'
import type { RunIdentity } from '../domain/run.ts'
import type { StepOutput } from '../domain/step.ts'
import { modelLength } from './attempt-row.ts'

/** Which output of a job. */
export interface OutputKey {
  readonly kind: Step
  /** Which text; 0 for the analysis. */
  readonly text: number
  readonly revision: number
}

export const analysisKey: OutputKey = { kind: 'analysis', text: 0, revision: 1 }

/** Who asked for an output, and what for. */
export interface OutputOrder {
  readonly requestedBy?: string | null
  readonly instruction?: string | null
}

/** The version of a job that the transaction has changed, less so many that came after the change at hand. */
export const versionOf = (jobId: number, before = 0) =>
  sql<number>`(SELECT version FROM vision_jobs WHERE id = ${jobId}) - ${before}`

/**
 * Inserts what a run made.
 *
 * @param before how many versions of the job came with this transaction after that of the output
 */
export async function insertOutput(
  tx: Queryable,
  { jobId, attempt }: RunIdentity,
  key: OutputKey,
  output: StepOutput,
  before = 0,
  { requestedBy = null, instruction = null }: OutputOrder = {},
): Promise<void> {
  await tx.insert(visionJobOutputs).values({
    ...key,
    jobId,
    attempt,
    version: versionOf(jobId, before),
    requestedBy,
    instruction,
    model: output.model.slice(0, modelLength),
    prompt: output.prompt ?? null,
    body: output.body,
    findings: output.findings ?? null,
    createdAt: sql`UTC_TIMESTAMP(3)`,
  })
}

/** Whether this very run has saved it. */
export async function hasOutput(
  on: Queryable,
  run: RunIdentity,
  { kind, text, revision }: OutputKey,
): Promise<boolean> {
  const rows = await rowsOf(
    on,
    sql`SELECT 1 FROM vision_job_outputs WHERE job_id = ${run.jobId} AND kind = ${kind} AND text = ${text}
      AND revision = ${revision} AND attempt = ${run.attempt}`,
  )
  return rows.length > 0
}
