import { and, eq, inArray, sql } from 'drizzle-orm'
import { visionJobs } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, type Queryable } from '../database/sql.ts'
import { VisionError } from '../errors.ts'
import { linkImage } from '../images/snapshots.ts'
import { admitVisionJobs, makeRoom } from './admit.ts'
import { type Allowance, readAllowance, suffices, takeJobs, type UserLimits } from './allowance.ts'
import { nextTurn } from './turns.ts'
import { addUsage } from './usage.ts'
import { lockUser } from './users.ts'

/** A job to be. */
export interface NewJob {
  readonly imageUrl: string
  /** The snapshot of the image, if its bytes came with the job. */
  readonly imageId?: number | undefined
  readonly analysisPurpose: string
  readonly outputFormat: string
  /** A BCP 47 tag. */
  readonly language: string
  /** The network that a post is for. */
  readonly platform?: string | undefined
  readonly metadata?: Record<string, unknown> | undefined
  /** The caller's key and the SHA-256 of the caller's request in hex: the same pair is the same job. */
  readonly idempotency?: { readonly key: string; readonly requestHash: string } | undefined
}

export interface CreateOptions {
  readonly userId: string
  /** How often a job may fail and be tried again. */
  readonly maxRetries: number
  /** How many of the user's jobs may be in flight; the others wait in `held`. */
  readonly inFlightPerUser: number
  /** How long a job may take from here to its end, in milliseconds of the database's clock. */
  readonly lifeMs: number
  /** The trace of this call, in 32 hex digits. */
  readonly traceId?: string | undefined
  /** What the user may have at most; anything if not given. */
  readonly limits?: UserLimits | undefined
  /** Told what the user may still do, once the jobs are there. */
  readonly onAllowance?: (left: Allowance) => void
}

/** A job that now exists, and whether it did before this call. */
export interface CreatedJob {
  readonly jobId: number
  readonly replayed: boolean
}

/** Idempotency keys were used before, with other requests. */
export class IdempotencyMismatch extends VisionError {
  /** Where in the call the jobs of these keys are, from 0. */
  readonly indexes: readonly number[]

  constructor(indexes: readonly number[]) {
    super('idempotency.mismatch')
    this.indexes = indexes
  }
}

/**
 * Puts jobs into the queue, all of them or none, in the order given. One whose idempotency key the user has used before
 * is the job of that time, unchanged.
 *
 * @throws IdempotencyMismatch that names every key that was used with another request, or LimitExceeded; nothing is created
 *   then
 */
export async function createVisionJobs(
  database: Database,
  jobs: readonly NewJob[],
  options: CreateOptions,
): Promise<readonly CreatedJob[]> {
  const { userId, inFlightPerUser, limits, onAllowance } = options
  const { created, left, firstHeld } = await database.transact(async (tx) => {
    // Before anything else: one user's calls are counted one after the other, and use no idempotency key at once.
    const user = await lockUser(tx, userId)
    const allowance = await readAllowance(tx, userId, limits)
    // Which of them are new matters only where all of them would be too many.
    if (!suffices(allowance, jobs.length)) takeJobs(allowance, await countNew(tx, userId, jobs))
    const created: CreatedJob[] = []
    const mismatched: number[] = []
    const room = await makeRoom(tx, user, inFlightPerUser, { content: 0, analysis: jobs.length }, limits?.costPerDay)
    const first = room.analysis > 0 ? await nextTurn(tx, userId, 'analysis') : 0
    // After any job, as everywhere, and in the order of their ids: two that want the same must not wait for each other.
    const images = new Set(jobs.flatMap((job) => job.imageId ?? []))
    for (const imageId of [...images].toSorted((one, other) => one - other)) await linkImage(tx, imageId)
    let made = 0
    // Row by row: how the ids of a multi-row INSERT follow each other is the server's setting.
    for (const [index, job] of jobs.entries()) {
      const existing = await findByKey(tx, userId, job)
      if (existing === 'mismatch') mismatched.push(index)
      else if (existing) created.push(existing)
      else {
        const turn = made < room.analysis ? first + made : undefined
        created.push({ jobId: await insert(tx, job, turn, options), replayed: false })
        made++
      }
    }
    if (mismatched.length > 0) throw new IdempotencyMismatch(mismatched)
    await addUsage(tx, [{ userId, day: allowance.day, model: '', status: 'created', jobs: made }])
    return { created, left: takeJobs(allowance, made), firstHeld: room.first }
  })
  onAllowance?.(left)
  // A place may have been freed before anybody could see that a job waits for it. The sweep finds it too, later.
  if (firstHeld) await admitVisionJobs(database, userId, inFlightPerUser, lockUser, limits?.costPerDay).catch(() => 0)
  return created
}

/** One job: see `createVisionJobs`. */
export async function createVisionJob(database: Database, job: NewJob, options: CreateOptions): Promise<CreatedJob> {
  const [created] = await createVisionJobs(database, [job], options)
  if (created === undefined) throw new VisionError('internal.error', { detail: 'no row was created' })
  return created
}

/** How many of the jobs are not there yet. */
async function countNew(on: Queryable, userId: string, jobs: readonly NewJob[]): Promise<number> {
  const keys = new Set(jobs.flatMap(({ idempotency }) => idempotency?.key ?? []))
  const keyless = jobs.filter(({ idempotency }) => idempotency === undefined).length
  if (keys.size === 0) return keyless
  const used = await on
    .select({ key: visionJobs.idempotencyKey })
    .from(visionJobs)
    .where(and(eq(visionJobs.userId, userId), inArray(visionJobs.idempotencyKey, [...keys])))
  return keyless + keys.size - used.length
}

async function findByKey(
  on: Queryable,
  userId: string,
  { idempotency }: NewJob,
): Promise<CreatedJob | 'mismatch' | undefined> {
  if (idempotency === undefined) return undefined
  const [row] = await on
    .select({ jobId: visionJobs.id, requestHash: visionJobs.requestHash })
    .from(visionJobs)
    .where(and(eq(visionJobs.userId, userId), eq(visionJobs.idempotencyKey, idempotency.key)))
  if (row === undefined) return undefined
  if (row.requestHash !== idempotency.requestHash) return 'mismatch'
  return { jobId: row.jobId, replayed: true }
}

/** @param turn undefined where the job must wait to be let in */
async function insert(tx: Queryable, job: NewJob, turn: number | undefined, options: CreateOptions): Promise<number> {
  const [result] = await tx.insert(visionJobs).values({
    userId: options.userId,
    status: turn === undefined ? 'held' : 'pending',
    turn: turn ?? 0,
    version: 1,
    maxRetries: options.maxRetries,
    imageUrl: job.imageUrl,
    imageId: job.imageId ?? null,
    analysisPurpose: job.analysisPurpose,
    outputFormat: job.outputFormat,
    language: job.language,
    platform: job.platform ?? null,
    metadata: job.metadata ?? null,
    idempotencyKey: job.idempotency?.key ?? null,
    requestHash: job.idempotency?.requestHash ?? null,
    traceId: options.traceId ?? null,
    createdAt: sql`UTC_TIMESTAMP(3)`,
    updatedAt: sql`UTC_TIMESTAMP(3)`,
    expiresAt: inMilliseconds(options.lifeMs),
  })
  return result.insertId
}
