import { sql } from 'drizzle-orm'
import { statuses as everyStatus, type Status } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import { getVisionJobsUpTo, type JobWithOutputs } from '../queue/read/read.ts'
import type { TextRow } from '../queue/rows/texts.ts'

export interface ResultsQuery {
  readonly batchId: number
  /** The most results on a page. */
  readonly limit: number
  /** Only jobs that are newer than this one. */
  readonly after: number | undefined
  /** All statuses if left out. */
  readonly statuses: readonly Status[] | undefined
  /** Only approved texts, each in its approved revision, and only jobs that have one. */
  readonly approved?: boolean | undefined
}

/** The bytes of outputs after which a page ends. */
const maxBytes = 4_000_000

/** A page of a batch's jobs. */
export interface ResultJobs {
  readonly jobs: readonly JobWithOutputs[]
  /** The `after` of the next page; undefined on the last one. */
  readonly next: number | undefined
}

/**
 * A page of a batch's jobs with their texts, in the order of creation. It reads at most as many jobs as fit the page, so a
 * page of approved texts may have fewer, or none, although there are more. It reads that many ids of each status, and the
 * rows of the jobs that it shows.
 */
export async function getResults(database: Database, query: ResultsQuery): Promise<ResultJobs> {
  const { batchId, limit, after = 0, statuses = everyStatus, approved = false } = query
  const heads = [...new Set(statuses)].map(
    (status) => sql`(SELECT id FROM vision_jobs FORCE INDEX (batch)
      WHERE batch_id = ${batchId} AND batch_status = ${status} AND id > ${after} ORDER BY id LIMIT ${limit + 1})`,
  )
  const found = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`SELECT id FROM (${sql.join(heads, sql` UNION ALL `)}) AS heads ORDER BY id LIMIT ${limit + 1}`,
    ),
  )
  const ids = found.slice(0, limit).map(({ id }) => id)
  const { jobs, last } = await getVisionJobsUpTo(database, ids, maxBytes, approved ? 'approved' : 'current')
  const shown = approved ? jobs.map(onlyApproved).filter(({ texts }) => texts.length > 0) : jobs
  return {
    jobs: shown,
    next: last !== found.at(-1)?.id ? last : undefined,
  }
}

function onlyApproved({ texts, ...job }: JobWithOutputs): JobWithOutputs {
  return { ...job, texts: texts.filter(({ approvedRevision }) => approvedRevision !== null) }
}

/** A distinct text requested in a batch: its format, language, network if any, and its number among identical ones. */
export type Wanted = Pick<TextRow, 'outputFormat' | 'language' | 'platform' | 'variant'> & {
  /** Its brand, if that differs from the job's. */
  readonly brandId: number | null
}

/** The distinct texts requested in a batch, in the order of their names. Reads each text of each of its jobs. */
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
