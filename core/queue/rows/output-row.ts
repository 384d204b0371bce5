import { sql } from 'drizzle-orm'
import { type Step, visionJobOutputs } from '../../../drizzle/schema.ts'
import { insertRows } from '../../database/insert-rows.ts'
import type { Queryable } from '../../database/sql.ts'
import type { RunIdentity } from '../../domain/run.ts'
import type { StepOutput } from '../../domain/step.ts'
import { modelName } from './attempt-row.ts'

/** The key of a job's output. */
export interface OutputKey {
  readonly kind: Step
  /** The number of the text; 0 for the analysis. */
  readonly text: number
  readonly revision: number
}

export const analysisKey: OutputKey = { kind: 'analysis', text: 0, revision: 1 }

/** The author of a request for an output, and its instruction. */
export interface OutputRequest {
  readonly requestedBy?: string | null | undefined
  readonly instruction?: string | null | undefined
}

/** A step's output and its key. */
export interface NewOutput extends OutputRequest {
  readonly key: OutputKey
  readonly made: StepOutput
}

/** The version of a job that the transaction has changed. */
export const versionOf = (jobId: number) => sql<number>`(SELECT version FROM vision_jobs WHERE id = ${jobId})`

/** Inserts the outputs of runs, each with the version of its job that introduces it. */
export async function insertOutputs(
  tx: Queryable,
  outputs: readonly { readonly run: RunIdentity; readonly output: NewOutput; readonly version: number }[],
): Promise<void> {
  if (outputs.length === 0) return
  await insertRows(
    tx,
    visionJobOutputs,
    outputs.map(({ run: { jobId, attempt }, output: { key, made, requestedBy, instruction }, version }) => ({
      ...key,
      jobId,
      attempt,
      version,
      requestedBy: requestedBy ?? null,
      instruction: instruction ?? null,
      model: modelName(made.model),
      prompt: made.prompt ?? null,
      body: made.body,
      findings: made.findings ?? null,
      createdAt: sql`UTC_TIMESTAMP(3)`,
    })),
  )
}
