import { sql } from 'drizzle-orm'
import { statuses as everyStatus, type Status } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import { getVisionJobsInFull, type JobWithOutputs } from '../queue/read.ts'
import type { TextRow } from '../queue/texts.ts'

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
export async function getResults(database: Database, query: ResultsQuery): Promise<readonly JobWithOutputs[]> {
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
  const jobs = await getVisionJobsInFull(database, ids)
  return jobs.toSorted((one, other) => one.job.id - other.job.id)
}

/** What is asked for in a batch: a text in one format, one language, for one network if for any, and the how manieth of its like. */
export type Wanted = Pick<TextRow, 'outputFormat' | 'language' | 'platform' | 'variant'> & {
  /** The brand, where it is another than that of the job. */
  readonly brandId: number | null
}

/** The texts that are wanted in a batch, in the order of their names. Reads each text of each of its jobs. */
export async function getWanted(database: Database, batchId: number): Promise<readonly Wanted[]> {
  return database.run((on) =>
    rowsOf<Wanted>(
      on,
      sql`SELECT DISTINCT t.output_format AS outputFormat, t.language, t.platform, t.variant,
          IF(t.brand_id <=> j.brand_id, NULL, t.brand_id) AS brandId
        FROM vision_jobs j FORCE INDEX (batch)
        STRAIGHT_JOIN vision_job_texts t FORCE INDEX (PRIMARY) ON t.job_id = j.id
        WHERE j.batch_id = ${batchId} ORDER BY 1, 2, 3, 4, 5`,
    ),
  )
}
