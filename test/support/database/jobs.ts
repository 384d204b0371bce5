import type { Database } from '../../../core/database/client.ts'
import type { Reason, Run } from '../../../core/domain/run.ts'
import type { RunUsage, StepOutput, StepUsage } from '../../../core/domain/step.ts'
import { cancelVisionJob } from '../../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../../core/queue/change/delete.ts'
import type { BackoffOptions } from '../../../core/queue/claim/backoff.ts'
import { claimPendingVisionJobs } from '../../../core/queue/claim/claim.ts'
import { type CreateOptions, createVisionJobs } from '../../../core/queue/create/create.ts'
import type { NewJob } from '../../../core/queue/create/new-job.ts'
import { completeVisionJob, failVisionJob, retryVisionJob, saveAnalysis } from '../../../core/queue/settle/settle.ts'
import type { Status, Step } from '../../../drizzle/schema.ts'
import type { TestDatabase } from './test-database.ts'

export const hour = 3_600_000
/** What is tried again is tried at once. */
export const noBackoff: BackoffOptions = { baseMs: 0, capMs: 0, random: () => 0 }
/** Where the cap on a user's jobs in flight is not the subject. */
export const noCap = 1_000_000

export const someJob: NewJob = {
  imageUrl: 'https://images.example.com/poster.png',
  analysisPurpose: 'What does the poster say about the brand?',
  outputFormat: 'product_description',
  language: 'en',
}
export const analysisOutput: StepOutput = { model: 'vision-model', body: { summary: 'a poster' } }
export const contentOutput: StepOutput = { model: 'text-model', body: { title: 'A poster' } }
export const nothingSpent: RunUsage = {}

/** What a step took: a few tokens and a few nano-dollars, unless a test says otherwise. */
export function spending(changes: Partial<StepUsage> = {}): StepUsage {
  return {
    model: 'a-model',
    inputTokens: 10,
    cachedTokens: 0,
    outputTokens: 20,
    thinkingTokens: 0,
    cost: 7,
    milliseconds: 30,
    ...changes,
  }
}
export const badAnswer: Reason = { code: 'analysis.invalid_answer', message: 'The answer did not fit.', detail: 'raw' }

type Wanted = Partial<NewJob> & Partial<CreateOptions>

/** Creates so many jobs of one user in one call, and returns their ids. */
export async function makeJobs(on: Database, count: number, wanted: Wanted = {}): Promise<number[]> {
  const { userId = 'user-1', maxRetries = 3, inFlightPerUser = noCap, lifeMs = 24 * hour, batch, ...job } = wanted
  const jobs = Array.from({ length: count }, () => ({ ...someJob, ...job }))
  return (await createVisionJobs(on, jobs, { userId, maxRetries, inFlightPerUser, lifeMs, batch })).map(
    ({ jobId }) => jobId,
  )
}

export async function makeJob(on: Database, wanted: Wanted = {}): Promise<number> {
  const [id] = await makeJobs(on, 1, wanted)
  if (id === undefined) throw new Error('no job was made')
  return id
}

interface Claiming {
  readonly limit?: number
  readonly lane?: Step
  readonly workerId?: string
  readonly leaseMs?: number
}

export async function claim(on: Database, claiming: Claiming = {}): Promise<readonly Run[]> {
  const { limit = 10, lane = 'analysis', workerId = 'worker-1', leaseMs = 60_000 } = claiming
  return (await claimPendingVisionJobs(on, { limit, lane, workerId, leaseMs })).runs
}

/** Claims the next job, which must be there. */
export async function claimOne(on: Database, claiming: Claiming = {}): Promise<Run> {
  const [run] = await claim(on, { ...claiming, limit: 1 })
  if (run === undefined) throw new Error('there was nothing to claim')
  return run
}

/** A job in a status, brought there by the queue's own operations, and its last run where it has had one. */
export interface JobIn {
  readonly jobId: number
  readonly run?: Run
}

/** Makes a job and brings it into a status; nothing else may be waiting. */
export async function jobIn(on: Database, status: Status): Promise<JobIn> {
  if (status === 'blocked') {
    const [first, jobId] = (await makeJobs(on, 2, { inFlightPerUser: 1 })) as [number, number]
    await deleteVisionJob(on, { jobId: first, userId: 'user-1' })
    return { jobId }
  }
  const jobId = await makeJob(on)
  if (status === 'pending') return { jobId }
  const run = await claimOne(on)
  if (status === 'scheduled') {
    await retryVisionJob(on, run, badAnswer, nothingSpent, { delayMs: hour, costsRetry: true })
  } else if (status === 'completed') {
    await saveAnalysis(on, run, analysisOutput, nothingSpent)
    await completeVisionJob(on, run, contentOutput, nothingSpent)
  } else if (status === 'failed') {
    await failVisionJob(on, run, badAnswer, nothingSpent)
  } else if (status === 'cancelled') {
    await cancelVisionJob(on, { jobId, userId: 'user-1' })
  }
  return { jobId, run }
}

export type RawRow = Record<string, unknown>

/** A job's row as the server has it. */
export async function jobRow(on: TestDatabase, jobId: number): Promise<RawRow> {
  const [row] = await on.sql('SELECT * FROM vision_jobs WHERE id = ?', [jobId])
  if (row === undefined) throw new Error(`job ${jobId} is gone`)
  return row
}

export async function statusOf(on: TestDatabase, jobId: number): Promise<unknown> {
  const [row] = await on.sql('SELECT status FROM vision_jobs WHERE id = ?', [jobId])
  return row?.status ?? 'deleted'
}

export function attemptRows(on: TestDatabase, jobId: number): Promise<RawRow[]> {
  return on.sql('SELECT * FROM vision_job_attempts WHERE job_id = ? ORDER BY attempt', [jobId])
}

export async function outcomesOf(on: TestDatabase, jobId: number): Promise<unknown[]> {
  return (await attemptRows(on, jobId)).map((row) => row.outcome)
}

export function outputRows(on: TestDatabase, jobId: number): Promise<RawRow[]> {
  return on.sql('SELECT * FROM vision_job_outputs WHERE job_id = ? ORDER BY kind', [jobId])
}

/** The jobs that do not have one ended row for each run. */
export function tornJobs(sql: TestDatabase['sql']): Promise<RawRow[]> {
  return sql(
    `SELECT j.id FROM vision_jobs j LEFT JOIN vision_job_attempts a ON a.job_id = j.id
     GROUP BY j.id, j.attempt HAVING COUNT(a.id) <> j.attempt OR SUM(a.outcome = 'running') > 0`,
  )
}

/** How an owner names a job to cancel or delete it. */
export function owned(jobId: number, userId = 'user-1'): { jobId: number; userId: string } {
  return { jobId, userId }
}

/** Moves a moment of jobs into the past: the database's clock is the one that decides. */
export async function passed(
  on: TestDatabase,
  column: 'available_at' | 'lease_expires_at' | 'expires_at',
  ...jobIds: number[]
): Promise<void> {
  await on.sql(`UPDATE vision_jobs SET ${column} = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id IN (?)`, [jobIds])
}

export async function emptyQueue(on: TestDatabase): Promise<void> {
  const tables = ['jobs', 'job_texts', 'job_outputs', 'job_attempts', 'job_deletions', 'users', 'lanes', 'usage']
  await on.sql(tables.map((table) => `DELETE FROM vision_${table}`).join(';'))
}
