import { and, eq, gte, inArray, sql } from 'drizzle-orm'
import { type Facts, visionJobs } from '../../drizzle/schema.ts'
import { type Decided, resolveBrands, type Undecided, type Wanted } from '../brands/resolve.ts'
import { isDuplicate } from '../database/classify-error.ts'
import type { Database } from '../database/client.ts'
import { inMilliseconds, type Queryable } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { linkImages } from '../images/snapshots.ts'
import { addUsage } from '../usage/ledger.ts'
import { consumeJobs, type QuotaState, readQuotas, type UserLimits } from '../usage/quotas.ts'
import { admitVisionJobs, makeRoom } from './concurrency-limit.ts'
import { issueStartTags } from './fair-queue.ts'
import { keepIdsFresh } from './orphans.ts'
import { insertTexts, type NewText } from './texts.ts'
import { lockUser } from './users.ts'

/** Texts to make for a job. Their brand, by default the job's, supplies the fields that are left out. */
export interface WantedText extends Wanted {
  /** The number of variants; one if left out. */
  readonly variants?: number | undefined
}

/** A job to create. Its brand supplies the fields that are left out. */
export interface NewJob extends Wanted {
  /** Its texts, up to 24 including variants; if left out, the one that the job itself describes. */
  readonly outputs?: readonly WantedText[] | undefined
  readonly imageUrl: string
  /** The snapshot of the image, if its bytes came with the job. */
  readonly imageId?: number | undefined
  readonly analysisPurpose: string
  /** Facts that the image does not show: material for the writer, unlike the metadata. */
  readonly facts?: Facts | undefined
  readonly metadata?: Record<string, unknown> | undefined
  /** The caller's key and the SHA-256 of the caller's request in hex: the same pair is the same job. */
  readonly idempotency?: { readonly key: string; readonly requestHash: string } | undefined
}

export interface CreateOptions {
  readonly userId: string
  /** How often a failed job is retried. */
  readonly maxRetries: number
  /** The most jobs of the user in flight; the others wait in `blocked`. */
  readonly inFlightPerUser: number
  /** The time from creation to expiry, in milliseconds of the database's clock. */
  readonly lifeMs: number
  /** The trace of this call, in 32 hex digits. */
  readonly traceId?: string | undefined
  /**
   * The batch of the jobs; none if left out. Called with the number of new jobs, if any, under the user's lock.
   *
   * @throws if the batch takes no such jobs: nothing is created then
   */
  readonly batch?: ((tx: Queryable, jobs: number) => Promise<number>) | undefined
  /** The user's limits; none if left out. */
  readonly limits?: UserLimits | undefined
  /** Called with the user's remaining quotas, once the jobs are created. */
  readonly onQuotas?: (left: QuotaState) => void
}

/** A job of the call, and whether it existed before. */
export interface CreatedJob {
  readonly jobId: number
  readonly replayed: boolean
}

/** Idempotency keys were used before, with other requests. */
export class IdempotencyMismatch extends VisionError {
  /** The positions in the call of the jobs with these keys, from 0. */
  readonly indexes: readonly number[]

  constructor(indexes: readonly number[]) {
    super('idempotency.mismatch')
    this.indexes = indexes
  }
}

/** Jobs cannot be created as requested. */
export class UndecidedJobs extends VisionError {
  readonly problems: readonly (Undecided & {
    /** The position of the job in the call, from 0. */
    readonly index: number
    /** The index of the job's output, from 0; undefined where the job itself describes its text. */
    readonly output?: number | undefined
  })[]

  constructor(problems: UndecidedJobs['problems']) {
    super(problems.every(({ code }) => code === 'brand.not_found') ? 'brand.not_found' : 'request.invalid')
    this.problems = problems
  }
}

/**
 * Creates jobs, all of them or none, in the given order. A job whose idempotency key the user has used before is the
 * existing one, unchanged. The number of statements does not grow with the number of jobs: over a slow link, round trips
 * are what costs time.
 *
 * @throws IdempotencyMismatch with every key that was used with another request, UndecidedJobs with every missing brand, or
 *   LimitExceeded; nothing is created then
 */
export async function createVisionJobs(
  database: Database,
  jobs: readonly NewJob[],
  options: CreateOptions,
): Promise<readonly CreatedJob[]> {
  const { userId, inFlightPerUser, limits, onQuotas } = options
  const create = () => database.transact((tx) => createIn(tx, jobs, options))
  const { created, left, firstBlocked } = await create().catch(async (error: unknown) => {
    // After a restore, ids that start again below those of former jobs must not keep new jobs from being created.
    if (!isDuplicate(error) || !(await keepIdsFresh(database))) throw error
    return create()
  })
  onQuotas?.(left)
  // A place may have been freed before the blocked job was visible. The sweep finds it too, but later.
  if (firstBlocked)
    await admitVisionJobs(database, userId, inFlightPerUser, lockUser, limits?.costPerDay).catch(() => 0)
  return created
}

async function createIn(tx: Queryable, jobs: readonly NewJob[], options: CreateOptions) {
  const { userId, inFlightPerUser, limits } = options
  // First, since it serialises a user's calls: they are counted one by one, and cannot use an idempotency key concurrently.
  const user = await lockUser(tx, userId)
  const state = await readQuotas(tx, userId, limits, user.overrides)
  const plan = planOf(jobs, await findByKeys(tx, userId, jobs))
  // Before the limits: a user without quota learns of invalid input as well.
  if (plan.mismatched.length > 0) throw new IdempotencyMismatch(plan.mismatched)
  const fresh = await decide(tx, userId, plan)
  const batchId = fresh.length > 0 && options.batch ? await options.batch(tx, fresh.length) : null
  const left = consumeJobs(state, plan.fresh.length)
  const weights = fresh.map(({ texts }) => texts.length)
  const arriving = { content: [], analysis: weights }
  const room = await makeRoom(tx, user, inFlightPerUser, arriving, limits?.costPerDay)
  const tags = room.analysis > 0 ? await issueStartTags(tx, user, 'analysis', weights.slice(0, room.analysis)) : []
  // After any job, as everywhere.
  await linkImages(
    tx,
    jobs.flatMap((job) => job.imageId ?? []),
  )
  const ids = await insertAll(tx, fresh, tags, { ...options, batchId })
  await insertTexts(
    tx,
    ids.map((jobId, index) => ({ jobId, texts: fresh[index]?.texts ?? [] })),
  )
  await addUsage(tx, [{ userId, day: state.day, model: '', status: 'created', jobs: ids.length, batchId }])
  return { created: plan.entries.map((entry) => resultOf(entry, ids)), left, firstBlocked: room.first }
}

/** One job: see `createVisionJobs`. */
export async function createVisionJob(database: Database, job: NewJob, options: CreateOptions): Promise<CreatedJob> {
  const [created] = await createVisionJobs(database, [job], options)
  if (created === undefined) throw new VisionError('internal.error', { detail: 'no row was created' })
  return created
}

/** The job of an idempotency key, and the hash of the request that it came with. */
interface KeyedJob {
  readonly jobId: number
  readonly requestHash: string | null
}

type DecidedJob = NewJob & { readonly texts: readonly NewText[] }

/** A job of the call: an existing one, or one to insert, on its first mention or a repeated one. */
type Entry = { readonly jobId: number } | { readonly fresh: number; readonly again: boolean }

interface Plan {
  readonly entries: readonly Entry[]
  /** The jobs to be inserted. */
  readonly fresh: readonly NewJob[]
  /** The positions in the call of keys that belong to another request. */
  readonly mismatched: readonly number[]
}

function planOf(jobs: readonly NewJob[], known: ReadonlyMap<string, KeyedJob>): Plan {
  const entries: Entry[] = []
  const fresh: NewJob[] = []
  const mismatched: number[] = []
  const named = new Map<string, { readonly entry: Entry; readonly requestHash: string | null }>()
  for (const [key, { jobId, requestHash }] of known) named.set(key, { entry: { jobId }, requestHash })
  for (const [index, job] of jobs.entries()) {
    const { idempotency } = job
    const before = idempotency && named.get(collated(idempotency.key))
    if (before) {
      if (before.requestHash !== idempotency.requestHash) mismatched.push(index)
      entries.push(before.entry)
      continue
    }
    entries.push({ fresh: fresh.length, again: false })
    if (idempotency) {
      const { key, requestHash } = idempotency
      named.set(collated(key), { entry: { fresh: fresh.length, again: true }, requestHash })
    }
    fresh.push(job)
  }
  return { entries, fresh, mismatched }
}

/** The jobs to insert, with the current versions of the brands that they name. */
async function decide(tx: Queryable, userId: string, { entries, fresh }: Plan): Promise<readonly DecidedJob[]> {
  const texts = await decideTexts(tx, userId, fresh)
  const indexOf = (which: number) => entries.findIndex((entry) => 'fresh' in entry && entry.fresh === which)
  const problems = texts.flatMap((one, which) => one.problems.map((problem) => ({ ...problem, index: indexOf(which) })))
  if (problems.length > 0) throw new UndecidedJobs(problems)
  return fresh.map((job, which) => ({ ...job, texts: texts[which]?.texts ?? [] }))
}

/** The texts to make for a job, and the problems with those that cannot be made. */
interface DecidedTexts {
  readonly texts: readonly NewText[]
  readonly problems: readonly (Undecided & { readonly output?: number | undefined })[]
}

interface WantedOne {
  readonly index: number
  readonly output: number | undefined
  readonly variants: number
  readonly text: Wanted
}

/** What the texts of jobs are made with: see `resolveBrands`. */
export async function decideTexts(
  on: Queryable,
  userId: string,
  jobs: readonly Pick<NewJob, keyof Wanted | 'outputs'>[],
): Promise<readonly DecidedTexts[]> {
  const wanted = jobs.flatMap((job, index): WantedOne[] =>
    job.outputs === undefined
      ? [{ index, output: undefined, variants: 1, text: job }]
      : job.outputs.map(({ variants = 1, brandId = job.brandId, ...text }, output) => ({
          index,
          output,
          variants,
          text: { ...text, brandId },
        })),
  )
  const decisions = await resolveBrands(
    on,
    userId,
    wanted.map(({ text }) => text),
  )
  const all = wanted.map((one, at) => ({ ...one, decision: decisions[at] as Decided | Undecided }))
  const ofJob = Map.groupBy(all, ({ index }) => index)
  return jobs.map((_, index) => {
    const mine = ofJob.get(index) ?? []
    const alike = new Map<string, number>()
    const texts = mine.flatMap(({ decision, variants }) => {
      if ('code' in decision) return []
      return Array.from({ length: variants }, () => {
        const key = JSON.stringify(decision)
        const variant = (alike.get(key) ?? 0) + 1
        alike.set(key, variant)
        return { ...decision, variant }
      })
    })
    const problems = mine.flatMap(({ decision, output }) => ('code' in decision ? [{ ...decision, output }] : []))
    return { texts, problems }
  })
}

function resultOf(entry: Entry, ids: readonly number[]): CreatedJob {
  if ('jobId' in entry) return { jobId: entry.jobId, replayed: true }
  const jobId = ids[entry.fresh]
  if (jobId === undefined) throw new Error('a job has no row')
  return { jobId, replayed: entry.again }
}

/** A key as the column's collation compares it: without the spaces at its end. */
function collated(key: string): string {
  return key.replace(/ +$/, '')
}

async function findByKeys(
  on: Queryable,
  userId: string,
  jobs: readonly NewJob[],
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

/** The columns of a job's own row that describe its first text. */
function firstOf({ texts: [first] }: DecidedJob) {
  if (first === undefined) throw new Error('a job has no text')
  const { variant: _, ...text } = first
  return text
}

/**
 * Inserts jobs in one statement.
 *
 * @param tags the start tags of the first jobs; the others start out blocked
 * @returns their ids, in the same order
 */
async function insertAll(
  tx: Queryable,
  jobs: readonly DecidedJob[],
  tags: readonly number[],
  options: CreateOptions & { readonly batchId: number | null },
): Promise<readonly number[]> {
  const { userId, maxRetries, traceId, lifeMs, batchId } = options
  if (jobs.length === 0) return []
  const [{ insertId }] = await tx.insert(visionJobs).values(
    jobs.map((job, index) => {
      const tag = tags[index]
      return {
        userId,
        status: tag === undefined ? ('blocked' as const) : ('pending' as const),
        startTag: tag ?? 0,
        version: 1,
        maxRetries,
        imageUrl: job.imageUrl,
        imageId: job.imageId ?? null,
        analysisPurpose: job.analysisPurpose,
        ...firstOf(job),
        texts: job.texts.length,
        facts: job.facts ?? null,
        metadata: job.metadata ?? null,
        batchId,
        idempotencyKey: job.idempotency?.key ?? null,
        requestHash: job.idempotency?.requestHash ?? null,
        traceId: traceId ?? null,
        createdAt: sql`UTC_TIMESTAMP(3)`,
        updatedAt: sql`UTC_TIMESTAMP(3)`,
        expiresAt: inMilliseconds(lifeMs),
      }
    }),
  )
  if (jobs.length === 1) return [insertId]
  // The server's configuration decides the step between the ids of a multi-row INSERT, but they grow from the first one on,
  // and the user's lock keeps other calls from creating jobs of this user.
  const rows = await tx
    .select({ id: visionJobs.id, key: visionJobs.idempotencyKey })
    .from(visionJobs, { forceIndex: 'history' })
    .where(and(eq(visionJobs.userId, userId), gte(visionJobs.id, insertId)))
    .orderBy(visionJobs.id)
    .limit(jobs.length + 1)
  const same = jobs.every(({ idempotency }, index) => rows[index]?.key === (idempotency?.key ?? null))
  if (rows.length !== jobs.length || !same) throw new Error('the rows of a batch are not those that were inserted')
  return rows.map(({ id }) => id)
}
