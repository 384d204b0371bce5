import { sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from '../../database/sql.ts'
import { attemptsOf, wantedRuns } from '../rows/attempts-of.ts'
import type { Evidence, RunChange } from './run-change.ts'

/**
 * The changes that the same runs have made before: a COMMIT may have taken effect although its answer was lost. At most one
 * statement for each kind of evidence, whatever the number of changes.
 */
export async function readLanded(on: Queryable, changes: readonly RunChange[]): Promise<ReadonlySet<RunChange>> {
  const seen = new Set<string>()
  for (const [kind, query] of Object.entries(queries)) {
    const asked = changes.filter(({ evidence }) => evidence && kind in evidence)
    if (asked.length === 0) continue
    for (const row of await rowsOf<Row>(on, query(asked))) {
      const { jobId, attempt, ...rest } = row
      seen.add(JSON.stringify([jobId, attempt, ...Object.values(rest)]))
    }
  }
  return new Set(
    changes.filter(({ run, evidence }) => {
      return evidence && seen.has(JSON.stringify([run.jobId, run.attempt, ...partsOf(evidence)]))
    }),
  )
}

interface Row extends Record<string, unknown> {
  readonly jobId: number
  readonly attempt: number
}

/** The columns of the evidence query beside the run, in order. */
function partsOf(evidence: Evidence): readonly unknown[] {
  if ('output' in evidence) return [evidence.output.kind, evidence.output.text, evidence.output.revision]
  if ('outcome' in evidence) return [evidence.outcome]
  if ('failedText' in evidence) return [evidence.failedText]
  return [evidence.image]
}

const runsOf = (changes: readonly RunChange[]) => wantedRuns(changes.map(({ run }) => run))

const queries = {
  output: (changes: readonly RunChange[]) =>
    sql`SELECT o.job_id AS jobId, o.attempt, o.kind, o.text, o.revision FROM ${runsOf(changes)}
      STRAIGHT_JOIN vision_job_outputs o FORCE INDEX (job_text) ON o.job_id = wanted.job_id AND o.attempt = wanted.attempt`,
  outcome: (changes: readonly RunChange[]) =>
    sql`SELECT a.job_id AS jobId, a.attempt, a.outcome FROM ${attemptsOf(changes.map(({ run }) => run))}`,
  failedText: (changes: readonly RunChange[]) =>
    sql`SELECT t.job_id AS jobId, wanted.attempt, t.text FROM ${runsOf(changes)}
      STRAIGHT_JOIN vision_job_texts t FORCE INDEX (PRIMARY) ON t.job_id = wanted.job_id WHERE t.status = 'failed'`,
  image: (changes: readonly RunChange[]) =>
    sql`SELECT j.id AS jobId, j.attempt, j.image_id AS image FROM ${runsOf(changes)}
      STRAIGHT_JOIN vision_jobs j FORCE INDEX (PRIMARY) ON j.id = wanted.job_id AND j.attempt = wanted.attempt
      WHERE j.status = 'processing'`,
} satisfies Record<string, (changes: readonly RunChange[]) => ReturnType<typeof sql>>
