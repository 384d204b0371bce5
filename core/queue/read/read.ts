import { and, asc, desc, eq, getTableColumns, inArray, or, type SQL, sql } from 'drizzle-orm'
import {
  type Status,
  type Step,
  steps,
  visionJobAttempts,
  visionJobOutputs,
  visionJobs,
  visionJobTexts,
} from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { selectOnce } from '../../database/select-once.ts'
import type { Queryable } from '../../database/sql.ts'
import { VisionError } from '../../domain/errors.ts'
import type { OwnedJob } from '../rows/lock-jobs.ts'
import type { TextRow } from '../rows/texts.ts'

const { waitingAs: _, lane: __, endedAs: ___, batchStatus: ____, ...columns } = getTableColumns(visionJobs)
/** The columns of a `JobRow`. */
export const jobColumns = columns
/** A row of `vision_jobs`, without what the server derives from it for its indexes. */
export type JobRow = Pick<typeof visionJobs.$inferSelect, keyof typeof jobColumns>
/** A row of `vision_job_outputs`. */
export type OutputRow = typeof visionJobOutputs.$inferSelect
/** A row of `vision_job_attempts`. */
export type AttemptRow = typeof visionJobAttempts.$inferSelect

/** A job with its texts and the outputs that it has so far. */
export interface JobWithOutputs {
  readonly job: JobRow
  /** By their numbers. One revision of each output: the current one unless another is asked for. */
  readonly texts: readonly TextRow[]
  readonly outputs: readonly OutputRow[]
}

/**
 * One job of a user's.
 *
 * @throws VisionError `job.not_found`, also for another user's job
 */
export async function getVisionJob(database: Database, owned: OwnedJob): Promise<JobWithOutputs> {
  const [found] = await database.run(async (on) => withOutputs(on, await ownedJob(on, { ...owned })))
  if (found === undefined) throw new VisionError('job.not_found')
  return found
}

const { placeholder } = sql

const ownedJob = selectOnce(jobColumns, (select) =>
  select
    .from(visionJobs)
    .where(sql`${visionJobs.id} = ${placeholder('jobId')} AND ${visionJobs.userId} = ${placeholder('userId')}`),
)
const textsOfJobs = selectOnce(getTableColumns(visionJobTexts), (select) =>
  select.from(visionJobTexts).where(sql`${visionJobTexts.jobId} IN (${placeholder('ids')})`),
)
const firstOutputs = selectOnce(getTableColumns(visionJobOutputs), (select) => {
  const { jobId, kind, revision } = visionJobOutputs
  return select
    .from(visionJobOutputs, { forceIndex: 'job_text' })
    .where(and(sql`${jobId} IN (${placeholder('ids')})`, inArray(kind, [...steps]), eq(revision, 1)))
})
const jobsInFull = selectOnce(jobColumns, (select) =>
  select.from(visionJobs).where(sql`${visionJobs.id} in (${placeholder('ids')})`),
)
const jobsOfUser = selectOnce(jobColumns, (select) =>
  select
    .from(visionJobs)
    .where(sql`${visionJobs.userId} = ${placeholder('userId')} AND ${visionJobs.id} IN (${placeholder('ids')})`),
)

/** Which revision of each text is read: the current one, or the one that its owner approved. */
export type WhichRevision = 'current' | 'approved'

/**
 * The jobs were read first, so a text or output written in between has a version that the caller does not see yet: such a
 * text is shown as it was.
 */
async function withOutputs(
  on: Queryable,
  jobs: readonly JobRow[],
  which: WhichRevision = 'current',
): Promise<readonly JobWithOutputs[]> {
  if (jobs.length === 0) return []
  const ids = jobs.map(({ id }) => id)
  const revisionOf = (text: TextRow) => (which === 'approved' ? (text.approvedRevision ?? 0) : text.revision)
  const texts = await textsOfJobs(on, { ids })
  const outputs = await readOutputs(on, jobs, texts, revisionOf)
  const textsOf = Map.groupBy(texts, ({ jobId }) => jobId)
  const outputsOf = Map.groupBy(outputs, ({ jobId }) => jobId)
  return jobs.map((job) => {
    const known = (outputsOf.get(job.id) ?? []).filter(({ version }) => version <= job.version)
    const mine = textsOf.get(job.id)?.toSorted((one, other) => one.text - other.text) ?? [soleText(job, known)]
    const shown = mine.map((text) => (text.version <= job.version ? text : asBefore(text, known)))
    const revisions = new Map(shown.map((text) => [text.text, revisionOf(text)]))
    return {
      job,
      texts: shown,
      outputs: known.filter(({ kind, text, revision }) => kind === 'analysis' || revision === revisions.get(text)),
    }
  })
}

/**
 * The outputs to show for jobs: of a text's revisions, up to a hundred, one is read. All are read of a text that has
 * changed since its job was read, and of a job without texts.
 */
async function readOutputs(
  on: Queryable,
  jobs: readonly JobRow[],
  texts: readonly TextRow[],
  revisionOf: (text: TextRow) => number,
): Promise<readonly OutputRow[]> {
  const { jobId, kind, text: number, revision } = visionJobOutputs
  const textsOf = Map.groupBy(texts, (text) => text.jobId)
  const simple: number[] = []
  const conditions = jobs.flatMap((job): (SQL | undefined)[] => {
    const mine = textsOf.get(job.id) ?? []
    const isNews = (text: TextRow) => text.version > job.version
    if (mine.length === 0) return [eq(jobId, job.id)]
    if (mine.every((text) => !isNews(text) && revisionOf(text) <= 1)) {
      simple.push(job.id)
      return []
    }
    const ofTexts = mine.map((text) => {
      const one = and(eq(jobId, job.id), eq(kind, 'content'), eq(number, text.text))
      return isNews(text) ? one : and(one, eq(revision, revisionOf(text)))
    })
    return [and(eq(jobId, job.id), eq(kind, 'analysis')), ...ofTexts]
  })
  if (conditions.length === 0) return firstOutputs(on, { ids: simple })
  if (simple.length > 0) conditions.push(and(inArray(jobId, simple), inArray(kind, [...steps]), eq(revision, 1)))
  return on
    .select()
    .from(visionJobOutputs, { forceIndex: 'job_text' })
    .where(or(...conditions))
}

/** A text that has changed since its job was read, with the last revision that the job's reader can know. */
function asBefore(text: TextRow, known: readonly OutputRow[]): TextRow {
  const last = known.filter((output) => output.kind === 'content' && output.text === text.text)
  const revision = Math.max(0, ...last.map((output) => output.revision))
  const { version = 1 } = last.find((output) => output.revision === revision) ?? {}
  return { ...text, status: 'waiting', revision, version, errorCode: null, errorMessage: null }
}

/** The text of a job that a former release created, before jobs had several. */
function soleText(job: JobRow, outputs: readonly OutputRow[]): TextRow {
  const { outputFormat, language, platform, brandId, brandVersion, createdAt } = job
  const output = outputs.find(({ kind }) => kind === 'content')
  return {
    jobId: job.id,
    text: 1,
    outputFormat,
    language,
    platform,
    brandId,
    brandVersion,
    createdAt,
    variant: 1,
    status: output ? 'completed' : 'waiting',
    revision: output ? 1 : 0,
    approvedRevision: null,
    instruction: null,
    requestedBy: null,
    answerIssue: null,
    errorCode: null,
    errorMessage: null,
    version: output?.version ?? 1,
    updatedAt: output?.createdAt ?? createdAt,
  }
}

/** Several jobs of a user by their ids, without outputs, in the order of the ids; deleted ones are left out. */
export async function getVisionJobs(
  database: Database,
  userId: string,
  ids: readonly number[],
): Promise<readonly JobRow[]> {
  if (ids.length === 0) return []
  const rows = await database.run((on) => jobsOfUser(on, { userId, ids: [...ids] }))
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

/**
 * Several jobs of any owner in full, in no order; deleted ones are left out. No output is newer than its job's row.
 */
export async function getVisionJobsInFull(
  database: Database,
  ids: readonly number[],
  which?: WhichRevision,
): Promise<readonly JobWithOutputs[]> {
  if (ids.length === 0) return []
  return database.run(async (on) => withOutputs(on, await jobsInFull(on, { ids }), which))
}

/** How many jobs are read in full at a time, since there may be more than a response can hold. */
const atOnce = 20

/**
 * Jobs in full, in the order of the ids, up to a number of bytes of output JSON: what a response cannot hold is not read.
 *
 * @returns the jobs, and the id of the last one that was read
 */
export async function getVisionJobsUpTo(
  database: Database,
  ids: readonly number[],
  maxBytes: number,
  which?: WhichRevision,
): Promise<{ readonly jobs: readonly JobWithOutputs[]; readonly last: number | undefined }> {
  const jobs: JobWithOutputs[] = []
  let bytes = 0
  let at = 0
  for (; at < ids.length && bytes < maxBytes; at += atOnce) {
    const part = ids.slice(at, at + atOnce)
    const byId = new Map((await getVisionJobsInFull(database, part, which)).map((found) => [found.job.id, found]))
    for (const { outputs, ...found } of part.flatMap((id) => byId.get(id) ?? [])) {
      jobs.push({ outputs, ...found })
      bytes += outputs.reduce((sum, { body }) => sum + Buffer.byteLength(JSON.stringify(body)), 0)
    }
  }
  return { jobs, last: ids[Math.min(at, ids.length) - 1] }
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

/** The status of any user's job, or undefined if there is no such job. */
export async function getVisionJobState(database: Database, jobId: number): Promise<Status | undefined> {
  const [row] = await database.run((on) =>
    on.select({ status: visionJobs.status }).from(visionJobs).where(eq(visionJobs.id, jobId)),
  )
  return row?.status
}

/** The output of a job's step; of several texts, the first one's current revision; undefined if there is none yet. */
export async function getVisionJobOutput(database: Database, jobId: number, kind: Step): Promise<unknown> {
  const [row] = await database.run((on) =>
    on
      .select({ body: visionJobOutputs.body })
      .from(visionJobOutputs)
      .where(
        and(
          eq(visionJobOutputs.jobId, jobId),
          eq(visionJobOutputs.kind, kind),
          kind === 'content' ? eq(visionJobOutputs.text, 1) : undefined,
        ),
      )
      .orderBy(...(kind === 'content' ? [desc(visionJobOutputs.revision)] : []))
      .limit(1),
  )
  return row?.body
}

function isOwned({ jobId, userId }: OwnedJob): SQL | undefined {
  return and(eq(visionJobs.id, jobId), eq(visionJobs.userId, userId))
}
