import { and, eq, inArray, sql } from 'drizzle-orm'
import { statuses as everyStatus, type Status, visionJobOutputs, visionJobs } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import type { JobRow, OutputRow } from '../queue/read.ts'

/** A job of a batch, and the text that it has made. */
export interface Result {
  readonly job: JobRow
  readonly content: OutputRow | undefined
}

export interface ResultsQuery {
  readonly batchId: number
  /** At most so many. */
  readonly limit: number
  /** Only jobs that are younger than this one. */
  readonly after: number | undefined
  /** All if left out. */
  readonly statuses: readonly Status[] | undefined
}

/**
 * A page of a batch's jobs with their texts, in the order in which they were made, and one more where there are more. It reads
 * the ids of as many of each status, and the rows of those that it shows.
 */
export async function getResults(database: Database, query: ResultsQuery): Promise<readonly Result[]> {
  const { batchId, limit, after = 0, statuses = everyStatus } = query
  const heads = [...new Set(statuses)].map(
    (status) => sql`(SELECT id FROM vision_jobs FORCE INDEX (batch)
      WHERE batch_id = ${batchId} AND status = ${status} AND id > ${after} ORDER BY id LIMIT ${limit + 1})`,
  )
  const found = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`SELECT id FROM (${sql.join(heads, sql` UNION ALL `)}) AS heads ORDER BY id LIMIT ${limit + 1}`,
    ),
  )
  const ids = found.map(({ id }) => id)
  if (ids.length === 0) return []
  const jobs = await database.run((on) =>
    on.select().from(visionJobs, { forceIndex: 'PRIMARY' }).where(inArray(visionJobs.id, ids)),
  )
  const contents = await database.run((on) =>
    on
      .select()
      .from(visionJobOutputs, { forceIndex: 'job_text' })
      .where(and(inArray(visionJobOutputs.jobId, ids), eq(visionJobOutputs.kind, 'content'))),
  )
  const byJob = new Map(contents.map((content) => [content.jobId, content]))
  return jobs.toSorted((one, other) => one.id - other.id).map((job) => ({ job, content: byJob.get(job.id) }))
}

/** What is asked for in a batch: a text in one format, one language, and for one network if for any. */
export type Wanted = Pick<JobRow, 'outputFormat' | 'language' | 'platform'>

/** The texts that are wanted in a batch, in the order of their names. Reads each of its jobs, 10,000 at most. */
export async function getWanted(database: Database, batchId: number): Promise<readonly Wanted[]> {
  return database.run((on) =>
    rowsOf<Wanted>(
      on,
      sql`SELECT DISTINCT output_format AS outputFormat, language, platform FROM vision_jobs FORCE INDEX (batch)
        WHERE batch_id = ${batchId} ORDER BY output_format, language, platform`,
    ),
  )
}
