import { type SQL, sql } from 'drizzle-orm'
import { type Step, steps } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'

/** Recent durations and costs of a step's calls. */
export interface TypicalCall {
  /** The model that answered last, as the provider names it. */
  readonly model: string
  /** The median cost of that model's calls with a known price, in nano-dollars; undefined if there are none. */
  readonly cost: number | undefined
  /** The median, in milliseconds. */
  readonly milliseconds: number
}

/** Recent durations and costs of jobs. */
export interface TypicalRun extends Partial<Readonly<Record<Step, TypicalCall>>> {
  /** Whose jobs they were. */
  readonly of: 'own' | 'all'
  /** The median time to load the image. */
  readonly imageMs: number
  /** How many texts of a job were made concurrently. */
  readonly callsAtOnce: number
}

/** How many jobs are sampled; with fewer of the user's own, those of all users are used. */
const looked = 50
const enough = 5

interface Row extends Record<`${Step}Calls` | `${Step}Ms` | 'imageMs' | 'callsAtOnce', number> {
  readonly analysisModel: string | null
  readonly contentModel: string | null
  readonly analysisCost: number | null
  readonly contentCost: number | null
}

/**
 * The durations and costs of the last completed jobs: the user's own fifty, or those of all users if there are fewer than
 * five. The number of rows read does not depend on the number of jobs.
 *
 * @returns undefined if no job has completed yet
 */
export async function readTypicalRun(database: Database, userId: string): Promise<TypicalRun | undefined> {
  const own = await readRuns(
    database,
    sql`SELECT id, attempt FROM vision_jobs FORCE INDEX (status_history)
      WHERE user_id = ${userId} AND status = 'completed' ORDER BY id DESC LIMIT ${looked}`,
  )
  if (own.length >= enough) return typical('own', own)
  const all = await readRuns(
    database,
    sql`SELECT id, attempt FROM vision_jobs FORCE INDEX (ended)
      WHERE ended_as = 'completed' ORDER BY finished_at DESC, id DESC LIMIT ${looked}`,
  )
  return all.length === 0 ? undefined : typical('all', all)
}

/** The last run of each of these jobs, the newest first. */
function readRuns(database: Database, jobs: SQL): Promise<readonly Row[]> {
  return database.run((on) =>
    rowsOf<Row>(
      on,
      sql`SELECT analysis_model AS analysisModel, analysis_calls AS analysisCalls, analysis_cost AS analysisCost,
          analysis_ms AS analysisMs, content_model AS contentModel, content_calls AS contentCalls,
          content_cost AS contentCost, content_ms AS contentMs, image_ms AS imageMs, calls_at_once AS callsAtOnce
        FROM (${jobs}) AS recent
        STRAIGHT_JOIN vision_job_attempts AS runs FORCE INDEX (job_attempt)
          ON runs.job_id = recent.id AND runs.attempt = recent.attempt`,
    ),
  )
}

function typical(of: TypicalRun['of'], rows: readonly Row[]): TypicalRun {
  const calls = steps.flatMap((step) => {
    const call = typicalCall(rows, step)
    return call ? [[step, call] as const] : []
  })
  return {
    of,
    ...Object.fromEntries(calls),
    imageMs: median(rows.map(({ imageMs }) => imageMs)) ?? 0,
    callsAtOnce: Math.max(1, rows[0]?.callsAtOnce ?? 1),
  }
}

function typicalCall(rows: readonly Row[], step: Step): TypicalCall | undefined {
  const model = rows.find((row) => row[`${step}Model`] !== null)?.[`${step}Model`]
  if (!model) return undefined
  const same = rows.filter((row) => row[`${step}Model`] === model)
  const each = (row: Row, total: number) => total / Math.max(1, row[`${step}Calls`])
  const costs = same.flatMap((row) => {
    const cost = row[`${step}Cost`]
    return cost === null ? [] : [each(row, Number(cost))]
  })
  return { model, cost: median(costs), milliseconds: median(same.map((row) => each(row, row[`${step}Ms`]))) ?? 0 }
}

/** The middle one; of two, the lower one. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)]
}
