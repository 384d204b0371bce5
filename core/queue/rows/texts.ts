import { and, asc, eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import { visionJobOutputs, visionJobTexts } from '../../../drizzle/schema.ts'
import { batchQueries } from '../../database/batch-queries.ts'
import type { Database } from '../../database/client.ts'
import { insertRows } from '../../database/insert-rows.ts'
import { selectOnce } from '../../database/select-once.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { wanted } from '../../database/sql-text.ts'
import { LeaseLost, type Run } from '../../domain/run.ts'
import { held } from './fence.ts'

/** A row of `vision_job_texts`. */
export type TextRow = typeof visionJobTexts.$inferSelect

/** The most texts of a job. */
export const maxTexts = 24

/** A text to make: its format, and its target. */
export interface NewText {
  readonly outputFormat: string
  readonly language: string
  readonly platform: string | null
  readonly brandId: number | null
  readonly brandVersion: number | null
  /** 1, 2, … among identical requests. */
  readonly variant: number
}

/** Inserts the texts of jobs in one statement; they are numbered in the given order, after a job's existing ones. */
export async function insertTexts(
  tx: Queryable,
  jobs: readonly { readonly jobId: number; readonly texts: readonly NewText[]; readonly after?: number }[],
  version: number | SQL = 1,
): Promise<void> {
  const rows = jobs.flatMap(({ jobId, texts, after = 0 }) =>
    texts.map((text, index) => ({
      ...text,
      jobId,
      text: after + index + 1,
      status: 'waiting' as const,
      version: typeof version === 'number' ? version : sql<number>`${version}`,
      createdAt: sql`UTC_TIMESTAMP(3)`,
      updatedAt: sql`UTC_TIMESTAMP(3)`,
    })),
  )
  if (rows.length > 0) await insertRows(tx, visionJobTexts, rows)
}

/** The texts of a run's job, by their numbers. */
export interface RunTexts {
  /** Those still to be made. */
  readonly waiting: readonly TextRow[]
  /** Those that failed in earlier runs. */
  readonly failed: readonly TextRow[]
  /** The number of identical requests, by the number of each text. */
  readonly variants: ReadonlyMap<number, number>
}

/**
 * The texts of a run's job.
 *
 * @throws LeaseLost if the run no longer holds a job without texts: these are inserted first
 */
export async function readTextsOfRun(database: Database, run: Run): Promise<RunTexts> {
  let rows = await textsOf(database, run.jobId)
  if (rows.length === 0) {
    await makeFirstText(database, run)
    rows = await textsOf(database, run.jobId)
  }
  const alike = Map.groupBy(rows, ({ outputFormat, language, platform, brandId }) =>
    JSON.stringify([outputFormat, language, platform, brandId]),
  )
  return {
    waiting: rows.filter(({ status }) => status === 'waiting'),
    failed: rows.filter(({ status }) => status === 'failed'),
    variants: new Map([...alike.values()].flatMap((same) => same.map(({ text }) => [text, same.length] as const))),
  }
}

const textsOfJobs = selectOnce(getTableColumns(visionJobTexts), (select) =>
  select
    // A hint keeps a small table from being scanned.
    .from(visionJobTexts, { forceIndex: 'PRIMARY' })
    .where(sql`${visionJobTexts.jobId} IN (${sql.placeholder('ids')})`)
    .orderBy(asc(visionJobTexts.jobId), asc(visionJobTexts.text)),
)

/** The texts of a job. Concurrent calls share one statement. */
const textsOf = batchQueries(async (database, jobIds: readonly number[]) => {
  const rows = await database.run((on) => textsOfJobs(on, { ids: [...jobIds] }))
  const byJob = Map.groupBy(rows, ({ jobId }) => jobId)
  return jobIds.map((jobId) => byJob.get(jobId) ?? [])
})

/** The current revision of a text; undefined while there is none. */
export async function readCurrent(
  database: Database,
  { jobId, text, revision }: Pick<TextRow, 'jobId' | 'text' | 'revision'>,
): Promise<unknown> {
  if (revision === 0) return undefined
  const { jobId: job, kind, text: number, revision: which, body } = visionJobOutputs
  const [row] = await database.run((on) =>
    on
      .select({ body })
      .from(visionJobOutputs)
      .where(and(eq(job, jobId), eq(kind, 'content'), eq(number, text), eq(which, revision))),
  )
  return row?.body
}

/** A job that a former release created, before jobs had several texts. */
async function makeFirstText(database: Database, run: Run): Promise<void> {
  await database.transact(
    async (tx) => {
      const found = await rowsOf(tx, sql`SELECT 1 FROM vision_jobs WHERE ${held(run)} FOR UPDATE`)
      if (found.length === 0) throw new LeaseLost(run)
      const { outputFormat, language, platform, brandId, brandVersion } = run
      const text = { outputFormat, language, platform, brandId, brandVersion, variant: 1 }
      if ((await keysOf(tx, [run.jobId])).length === 0) await insertTexts(tx, [{ jobId: run.jobId, texts: [text] }])
      return true
    },
    // Then it is read again.
    async () => undefined,
  )
}

/** How many texts of each job are still to be made; a job without any is left out. */
export async function countWaiting(on: Queryable, jobIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const keys = await keysOf(on, jobIds, sql`status = 'waiting'`)
  const byJob = Map.groupBy(keys, ({ jobId }) => jobId)
  return new Map([...byJob].map(([jobId, waiting]) => [jobId, waiting.length]))
}

/** Resets the failed texts of jobs to waiting; the jobs are locked. */
export async function retryTexts(tx: Queryable, jobIds: readonly number[]): Promise<void> {
  await changeTexts(
    tx,
    await keysOf(tx, jobIds, sql`status = 'failed' OR answer_issue IS NOT NULL OR error_code IS NOT NULL`),
    sql`t.status = IF(t.status = 'failed', 'waiting', t.status), t.error_code = NULL, t.error_message = NULL, t.answer_issue = NULL`,
  )
}

/** Deletes the texts of jobs that the transaction has locked or deleted. */
export async function deleteTexts(tx: Queryable, jobIds: readonly number[]): Promise<void> {
  const keys = await keysOf(tx, jobIds)
  if (keys.length > 0) await matchedBy(tx, sql`DELETE t FROM ${joined(keys)}`)
}

interface TextKey {
  readonly jobId: number
  readonly text: number
}

/** A plain read, so that what follows locks rows and no gaps between them. */
async function keysOf(on: Queryable, jobIds: readonly number[], which?: SQL): Promise<readonly TextKey[]> {
  if (jobIds.length === 0) return []
  const jobs = jobIds.map((id) => [id])
  return rowsOf<TextKey>(
    on,
    sql`SELECT t.job_id AS jobId, t.text FROM ${wanted(['job_id'], jobs)}
      STRAIGHT_JOIN vision_job_texts t FORCE INDEX (PRIMARY) ON t.job_id = wanted.job_id
      WHERE ${which ? sql`(${which})` : sql`1 = 1`}`,
  )
}

async function changeTexts(tx: Queryable, keys: readonly TextKey[], changes: SQL): Promise<void> {
  if (keys.length === 0) return
  await matchedBy(tx, sql`UPDATE ${joined(keys)} SET ${changes}, t.updated_at = UTC_TIMESTAMP(3)`)
}

/** The rows of texts, as the tables of a statement. */
function joined(keys: readonly TextKey[]): SQL {
  const rows = keys.map(({ jobId, text }) => [jobId, text])
  return sql`${wanted(['job_id', 'text'], rows)} STRAIGHT_JOIN vision_job_texts t FORCE INDEX (PRIMARY)
    ON t.job_id = wanted.job_id AND t.text = wanted.text`
}

/** One text of a job. */
export function isText({ jobId, text }: TextKey): SQL | undefined {
  return and(eq(visionJobTexts.jobId, jobId), eq(visionJobTexts.text, text))
}
