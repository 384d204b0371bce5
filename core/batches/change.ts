import { sql } from 'drizzle-orm'
import { type Status, statuses, unendedStatuses } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'
import { cancelVisionJobs } from '../queue/change/cancel.ts'
import { type Admit, changeJobs, type ReadRoom } from '../queue/change/change-jobs.ts'
import { deleteJobsSilently } from '../queue/change/delete.ts'
import { redriving } from '../queue/change/redrive.ts'
import { hasCode } from '../queue/rows/code-filter.ts'
import type { LockedJob } from '../queue/rows/lock-jobs.ts'
import { closeBatch, dropBatch, type OwnedBatch } from './batches.ts'

// Operations on all jobs of a batch change a few hundred at a time, each in one short transaction, while the caller has
// time. Each may be called again, and continues where it stopped.

/** The result of a change of a batch's jobs. */
export interface Changed {
  /** How many jobs. */
  readonly jobs: number
  /** There may be more of them: time or quota ran out. */
  readonly more: boolean
}

const size = 200

/**
 * Closes a batch for new jobs, and cancels those that have not ended.
 *
 * @param hasTime whether to continue
 */
export async function cancelBatch(database: Database, owned: OwnedBatch, hasTime: () => boolean): Promise<Changed> {
  await closeBatch(database, owned, { cancelled: true })
  return inPages(database, owned, unendedStatuses, hasTime, (ids) => cancelVisionJobs(database, owned.userId, ids))
}

/** Deletes a batch with all its jobs; the batch itself once it has none. */
export async function deleteBatch(database: Database, owned: OwnedBatch, hasTime: () => boolean): Promise<Changed> {
  await closeBatch(database, owned, { cancelled: true })
  const { jobs, more } = await inPages(database, owned, statuses, hasTime, (ids) =>
    deleteJobsSilently(database, owned.userId, ids),
  )
  return { jobs, more: more || !(await dropBatch(database, owned)) }
}

/**
 * Redrives failed jobs of a batch.
 *
 * @param code the error that they failed with, or a prefix that ends in a dot: `analysis.`; any error if left out
 */
export async function retryBatch(
  database: Database,
  { batchId, userId }: OwnedBatch,
  code: string | undefined,
  { lifeMs, allow, hasTime }: RetryOptions,
): Promise<Changed> {
  const coded = code === undefined ? sql`` : sql` AND ${hasCode(code)}`
  let jobs = 0
  for (let after = 0; ; ) {
    if (!hasTime()) return { jobs, more: true }
    const rows = await database.run((on) =>
      rowsOf<{ id: number }>(
        on,
        sql`SELECT id FROM vision_jobs FORCE INDEX (batch)
          WHERE batch_id = ${batchId} AND batch_status = 'failed' AND id > ${after}${coded} ORDER BY id LIMIT ${size}`,
      ),
    )
    if (rows.length === 0) return { jobs, more: false }
    const ids = rows.map(({ id }) => id)
    let isFull = false
    const before = jobs
    const choose = async (tx: Queryable) => {
      const admit = await allow(tx)
      return (locked: readonly LockedJob[]) => {
        const failed = locked.filter(({ status }) => status === 'failed')
        const room = failed.length === 0 ? 0 : roomFor(failed.length, admit, before)
        isFull = room < failed.length
        return failed.slice(0, room)
      }
    }
    jobs += (await changeJobs(database, redriving(lifeMs), { userId, ids, choose })).get('change')?.length ?? 0
    if (isFull) return { jobs, more: true }
    after = ids.at(-1) ?? after
  }
}

export interface RetryOptions {
  /** Until a job expires again, in milliseconds of the database's clock. */
  readonly lifeMs: number
  /** The room for jobs that are retried. */
  readonly allow: ReadRoom
  readonly hasTime: () => boolean
}

/** Where some were retried before, that there is room for no more is no error. */
function roomFor(jobs: number, admit: Admit, before: number): number {
  try {
    return admit(jobs)
  } catch (error) {
    if (before > 0) return 0
    throw error
  }
}

/** Until a read finds no job of these statuses: a job may change from one to another between two reads. */
async function inPages(
  database: Database,
  { batchId }: OwnedBatch,
  of: readonly Status[],
  hasTime: () => boolean,
  change: (ids: readonly number[]) => Promise<number>,
): Promise<Changed> {
  const heads = of.map(
    (status) => sql`(SELECT id FROM vision_jobs FORCE INDEX (batch)
      WHERE batch_id = ${batchId} AND batch_status = ${status} ORDER BY id LIMIT ${size})`,
  )
  let jobs = 0
  for (;;) {
    const rows = await database.run((on) =>
      rowsOf<{ id: number }>(on, sql`SELECT id FROM (${sql.join(heads, sql` UNION ALL `)}) AS heads LIMIT ${size}`),
    )
    if (rows.length === 0) return { jobs, more: false }
    if (!hasTime()) return { jobs, more: true }
    jobs += await change(rows.map(({ id }) => id).toSorted((one, other) => one - other))
  }
}
