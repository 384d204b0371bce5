import { and, eq, gte, sql } from 'drizzle-orm'
import { visionJobs } from '../../../drizzle/schema.ts'
import { insertRows } from '../../database/insert-rows.ts'
import { inMilliseconds, type Queryable } from '../../database/sql.ts'
import { insertTexts, type NewText } from '../rows/texts.ts'
import type { NewJob } from './new-job.ts'

/** A job to insert. */
export interface ResolvedJob extends NewJob {
  readonly texts: readonly NewText[]
}

/** What the jobs of a call share. */
export interface SharedColumns {
  readonly userId: string
  readonly batchId: number | null
  /** How often a failed job is retried. */
  readonly maxRetries: number
  /** The time from creation to expiry, in milliseconds of the database's clock. */
  readonly lifeMs: number
  /** The trace of the call, in 32 hex digits. */
  readonly traceId?: string | undefined
}

/**
 * Inserts jobs of a user and their texts, in two statements. The user's lock is held.
 *
 * @param tags the start tags of the first jobs; the others start out blocked
 * @returns their ids, in the same order
 */
export async function insertJobs(
  tx: Queryable,
  jobs: readonly ResolvedJob[],
  tags: readonly number[],
  { userId, maxRetries, traceId, lifeMs, batchId }: SharedColumns,
): Promise<readonly number[]> {
  if (jobs.length === 0) return []
  const insertId = await insertRows(
    tx,
    visionJobs,
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
        ...firstText(job),
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
  const ids = jobs.length === 1 ? [insertId] : await idsFrom(tx, userId, insertId, jobs)
  await insertTexts(
    tx,
    ids.map((jobId, index) => ({ jobId, texts: jobs[index]?.texts ?? [] })),
  )
  return ids
}

/** The columns of a job's own row that describe its first text. */
function firstText({ texts: [first] }: ResolvedJob) {
  if (first === undefined) throw new Error('a job has no text')
  const { variant: _, ...text } = first
  return text
}

/**
 * The ids of jobs that one statement inserted. The server's configuration decides the step between them, but they grow from
 * the first one on, and the user's lock keeps other calls from creating jobs of this user.
 */
async function idsFrom(
  tx: Queryable,
  userId: string,
  insertId: number,
  jobs: readonly NewJob[],
): Promise<readonly number[]> {
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
