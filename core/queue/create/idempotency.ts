import { and, eq, inArray } from 'drizzle-orm'
import { visionJobs } from '../../../drizzle/schema.ts'
import type { Queryable } from '../../database/sql.ts'
import { type ErrorCode, VisionError } from '../../domain/errors.ts'
import type { JobWithoutImage } from './new-job.ts'

/** A job of a call whose key was used for another request. */
export interface MismatchedJob {
  /** Its position in the call, from 0. */
  readonly index: number
  /** The existing job with its key; undefined if the other request is in the same call. */
  readonly jobId: number | undefined
}

/** Idempotency keys were used before, with other requests. */
export class IdempotencyMismatch extends VisionError {
  readonly jobs: readonly MismatchedJob[]

  constructor(jobs: readonly MismatchedJob[]) {
    super('idempotency.mismatch')
    this.jobs = jobs
  }
}

/** The batch of a call takes no new jobs, and the call has some, beside existing ones. */
export class NewJobsRefused extends VisionError {
  /** The positions in the call of the new jobs, from 0. */
  readonly indexes: readonly number[]

  constructor(code: ErrorCode, indexes: readonly number[]) {
    super(code)
    this.indexes = indexes
  }
}

/** A job of a call: an existing one, or one to insert, on its first mention or a repeated one. */
type Match = { readonly jobId: number } | { readonly fresh: number; readonly again: boolean }

/** The jobs of a call, matched with the existing ones. */
export interface MatchedJobs<Job> {
  readonly matches: readonly Match[]
  /** The jobs to be inserted. */
  readonly fresh: readonly Job[]
  /** The positions in the call of the jobs to be inserted, from 0. */
  readonly freshIndexes: readonly number[]
}

/** The job of an idempotency key, and the hash of the request that it came with. */
interface KeyedJob {
  readonly jobId: number
  readonly requestHash: string | null
}

type Keyed = Pick<JobWithoutImage, 'idempotency'>

/**
 * Matches the jobs of a call by their idempotency keys, with the user's existing jobs and with each other. One statement, or
 * none if no job has a key.
 *
 * @throws IdempotencyMismatch with every key that was used with another request
 */
export async function matchByKeys<Job extends Keyed>(
  on: Queryable,
  userId: string,
  jobs: readonly Job[],
): Promise<MatchedJobs<Job>> {
  return matchJobs(jobs, await findByKeys(on, userId, jobs))
}

function matchJobs<Job extends Keyed>(jobs: readonly Job[], existing: ReadonlyMap<string, KeyedJob>): MatchedJobs<Job> {
  const matches: Match[] = []
  const fresh: Job[] = []
  const freshIndexes: number[] = []
  const mismatched: MismatchedJob[] = []
  const byKey = new Map<string, { readonly match: Match; readonly requestHash: string | null }>()
  for (const [key, { jobId, requestHash }] of existing) byKey.set(key, { match: { jobId }, requestHash })
  for (const [index, job] of jobs.entries()) {
    const { idempotency } = job
    const before = idempotency && byKey.get(collated(idempotency.key))
    if (before) {
      if (before.requestHash !== idempotency.requestHash) {
        mismatched.push({ index, jobId: 'jobId' in before.match ? before.match.jobId : undefined })
      }
      matches.push(before.match)
      continue
    }
    matches.push({ fresh: fresh.length, again: false })
    if (idempotency) {
      const { key, requestHash } = idempotency
      byKey.set(collated(key), { match: { fresh: fresh.length, again: true }, requestHash })
    }
    fresh.push(job)
    freshIndexes.push(index)
  }
  if (mismatched.length > 0) throw new IdempotencyMismatch(mismatched)
  return { matches, fresh, freshIndexes }
}

/** A job of a call, and whether it existed before. */
export interface CreatedJob {
  readonly jobId: number
  readonly replayed: boolean
}

/**
 * The jobs of a call, once those to be inserted have their ids.
 *
 * @param ids of the inserted jobs, in order
 */
export function createdJobs({ matches }: MatchedJobs<unknown>, ids: readonly number[]): readonly CreatedJob[] {
  return matches.map((match) => {
    if ('jobId' in match) return { jobId: match.jobId, replayed: true }
    const jobId = ids[match.fresh]
    if (jobId === undefined) throw new Error('a job has no row')
    return { jobId, replayed: match.again }
  })
}

/** A key as the column's collation compares it: without the spaces at its end. */
function collated(key: string): string {
  return key.replace(/ +$/, '')
}

async function findByKeys(
  on: Queryable,
  userId: string,
  jobs: readonly Keyed[],
): Promise<ReadonlyMap<string, KeyedJob>> {
  const keys = new Set(jobs.flatMap(({ idempotency }) => idempotency?.key ?? []))
  if (keys.size === 0) return new Map()
  const { id, idempotencyKey, requestHash } = visionJobs
  const rows = await on
    .select({ jobId: id, key: idempotencyKey, requestHash })
    .from(visionJobs, { forceIndex: 'idempotency' })
    .where(and(eq(visionJobs.userId, userId), inArray(idempotencyKey, [...keys])))
  return new Map(rows.map(({ key, ...job }) => [collated(key ?? ''), job]))
}
