import { asc, eq, sql } from 'drizzle-orm'
import { visionJobAttempts } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { asDate, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { type AttemptRow, getVisionJobsInFull, type JobWithOutputs } from '../queue/read/read.ts'
import { getRunningTimes } from '../queue/read/running-time.ts'
import { type Counts, getJobUsage } from '../usage/ledger.ts'

/** All stored details of a job. */
export interface JobInFull {
  readonly found: JobWithOutputs
  /** Its last 100 runs, the oldest first. */
  readonly attempts: readonly AttemptRow[]
  readonly usage: Counts
  /** The sum of its runs' durations, in milliseconds. */
  readonly runningMs: number
  /** The time, by the database's clock. */
  readonly at: Date
}

const shownAttempts = 100

/**
 * All stored details of a job of any owner.
 *
 * @throws VisionError `job.not_found`
 */
export async function getJobInFull(database: Database, jobId: number): Promise<JobInFull> {
  const [found] = await getVisionJobsInFull(database, [jobId])
  if (found === undefined) throw new VisionError('job.not_found')
  const attempts = await database.run((on) =>
    on
      .select()
      .from(visionJobAttempts)
      .where(eq(visionJobAttempts.jobId, jobId))
      .orderBy(asc(visionJobAttempts.attempt)),
  )
  const running = await getRunningTimes(database, [jobId])
  const [clock] = await database.run((on) => rowsOf<{ now: string }>(on, sql`SELECT UTC_TIMESTAMP(3) AS now`))
  return {
    found,
    attempts: attempts.slice(-shownAttempts),
    usage: await getJobUsage(database, { jobId, userId: found.job.userId }),
    runningMs: Number(running.get(jobId) ?? 0),
    at: asDate(clock?.now ?? ''),
  }
}
