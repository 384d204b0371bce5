import { and, asc, eq, inArray, type SQL } from 'drizzle-orm'
import { type Status, type Step, visionJobAttempts, visionJobOutputs, visionJobs } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { VisionError } from '../domain/errors.ts'
import type { OwnedJob } from './cancel.ts'

/** A row of `vision_jobs`. */
export type JobRow = typeof visionJobs.$inferSelect
/** A row of `vision_job_outputs`. */
export type OutputRow = typeof visionJobOutputs.$inferSelect
/** A row of `vision_job_attempts`. */
export type AttemptRow = typeof visionJobAttempts.$inferSelect

/** A job with the outputs it has so far. */
export interface JobWithOutputs {
  readonly job: JobRow
  readonly outputs: readonly OutputRow[]
}

/**
 * One job of a user's.
 *
 * @throws VisionError `job.not_found`, also for another user's job
 */
export async function getVisionJob(database: Database, owned: OwnedJob): Promise<JobWithOutputs> {
  const [job] = await database.run((on) => on.select().from(visionJobs).where(isOwned(owned)))
  if (job === undefined) throw new VisionError('job.not_found')
  const outputs = await database.run((on) =>
    on.select().from(visionJobOutputs).where(eq(visionJobOutputs.jobId, owned.jobId)),
  )
  return { job, outputs: known(job, outputs) }
}

/** The job was read first, so an output that came in between is of a version that the caller does not see yet. */
function known(job: JobRow, outputs: readonly OutputRow[]): readonly OutputRow[] {
  return outputs.filter((output) => output.version <= job.version)
}

/** Several jobs of a user's by their ids, without outputs, in the order of the ids; those that are gone are left out. */
export async function getVisionJobs(
  database: Database,
  userId: string,
  ids: readonly number[],
): Promise<readonly JobRow[]> {
  if (ids.length === 0) return []
  const rows = await database.run((on) =>
    on
      .select()
      .from(visionJobs)
      .where(and(eq(visionJobs.userId, userId), inArray(visionJobs.id, [...ids]))),
  )
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

/**
 * Several jobs in full, whoever owns them, in no order; those that are gone are left out. Each output is of a version that
 * its job's row has come to.
 */
export async function getVisionJobsInFull(
  database: Database,
  ids: readonly number[],
): Promise<readonly JobWithOutputs[]> {
  if (ids.length === 0) return []
  const jobs = await database.run((on) =>
    on
      .select()
      .from(visionJobs)
      .where(inArray(visionJobs.id, [...ids])),
  )
  const outputs = await database.run((on) =>
    on
      .select()
      .from(visionJobOutputs)
      .where(inArray(visionJobOutputs.jobId, [...ids])),
  )
  const byJob = Map.groupBy(outputs, (output) => output.jobId)
  return jobs.map((job) => ({ job, outputs: known(job, byJob.get(job.id) ?? []) }))
}

/**
 * Every run of a job, oldest first.
 *
 * @throws VisionError `job.not_found`, also for another user's job
 */
export async function getVisionJobAttempts(database: Database, owned: OwnedJob): Promise<readonly AttemptRow[]> {
  const [job] = await database.run((on) => on.select({ id: visionJobs.id }).from(visionJobs).where(isOwned(owned)))
  if (job === undefined) throw new VisionError('job.not_found')
  return database.run((on) =>
    on
      .select()
      .from(visionJobAttempts)
      .where(eq(visionJobAttempts.jobId, owned.jobId))
      .orderBy(asc(visionJobAttempts.attempt)),
  )
}

/** A job's status, whoever owns it, or undefined if there is no such job. */
export async function getVisionJobState(database: Database, jobId: number): Promise<Status | undefined> {
  const [row] = await database.run((on) =>
    on.select({ status: visionJobs.status }).from(visionJobs).where(eq(visionJobs.id, jobId)),
  )
  return row?.status
}

/** What a step of a job made, or undefined while it has not. */
export async function getVisionJobOutput(database: Database, jobId: number, kind: Step): Promise<unknown> {
  const [row] = await database.run((on) =>
    on
      .select({ body: visionJobOutputs.body })
      .from(visionJobOutputs)
      .where(and(eq(visionJobOutputs.jobId, jobId), eq(visionJobOutputs.kind, kind))),
  )
  return row?.body
}

function isOwned({ jobId, userId }: OwnedJob): SQL | undefined {
  return and(eq(visionJobs.id, jobId), eq(visionJobs.userId, userId))
}
