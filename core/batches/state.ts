import { sql } from 'drizzle-orm'
import { endedStatuses, type Status, statuses } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import { type BatchCountRow, batchCounters } from '../usage/batch-counts.ts'

/** The state of a batch. */
export interface BatchState {
  /** The number of its jobs. */
  readonly jobs: number
  readonly byStatus: Readonly<Record<Status, number>>
  /** Failed jobs by error code. */
  readonly byCode: Readonly<Record<string, number>>
  /** It has jobs, and all of them have ended. */
  readonly ended: boolean
  /** The usage of its runs, those of deleted jobs included. */
  readonly calls: number
  readonly possiblyBilled: number
  /** In nano-dollars, of the calls whose price is known. */
  readonly cost: number
  readonly unpricedCalls: number
  /**
   * The estimated time to finish the remaining jobs, at the pace of the finished ones and the current concurrency, in
   * milliseconds; undefined without a pace.
   */
  readonly remainingMs: number | undefined
}

type Row = Record<'batchId' | (typeof batchCounters)[number], number | string> &
  Pick<BatchCountRow, 'code'> & { readonly status: string }

/**
 * The states of batches, by id. One statement, since the counts are consistent only at one moment. It reads the few counts
 * and, along its index, the jobs in flight, whose number is limited per user, and those that wait to be retried.
 */
export async function getBatchStates(
  database: Database,
  batchIds: readonly number[],
): Promise<ReadonlyMap<number, BatchState>> {
  if (batchIds.length === 0) return new Map()
  const ids = [...batchIds]
  const sums = sql.raw(batchCounters.map((counter) => columns[counter]).join(', '))
  const nothing = sql.raw(
    batchCounters
      .slice(1)
      .map(() => '0')
      .join(', '),
  )
  const rows = await database.run((on) =>
    rowsOf<Row>(
      on,
      sql`SELECT batch_id AS batchId, status, code, ${sums} FROM vision_batch_counts WHERE batch_id IN ${ids}
        UNION ALL SELECT batch_id, batch_status, '', COUNT(*), ${nothing} FROM vision_jobs FORCE INDEX (batch)
          WHERE batch_id IN ${ids} AND batch_status IN ('pending', 'processing', 'scheduled') GROUP BY batch_id, batch_status`,
    ),
  )
  const byBatch = Map.groupBy(rows, ({ batchId }) => Number(batchId))
  return new Map(ids.map((id) => [id, stateOf(byBatch.get(id) ?? [])]))
}

const columns = {
  jobs: 'jobs',
  calls: 'calls',
  possiblyBilled: 'possibly_billed AS possiblyBilled',
  cost: 'cost',
  unpricedCalls: 'unpriced_calls AS unpricedCalls',
  workMs: 'work_ms AS workMs',
} as const satisfies Record<(typeof batchCounters)[number], string>

function stateOf(rows: readonly Row[]): BatchState {
  const sum = (counter: (typeof batchCounters)[number], of: readonly Row[] = rows) =>
    of.reduce((total, row) => total + Number(row[counter]), 0)
  const jobsOf = (status: string) =>
    sum(
      'jobs',
      rows.filter((row) => row.status === status),
    )
  const jobs = jobsOf('created') - jobsOf('deleted')
  const counted = Object.fromEntries(statuses.map((status) => [status, jobsOf(status)])) as Record<Status, number>
  // The remaining ones.
  const blocked = jobs - statuses.reduce((total, status) => total + counted[status], 0)
  const byStatus = { ...counted, blocked: Math.max(0, blocked) }
  const ended = endedStatuses.reduce((total, status) => total + byStatus[status], 0)
  const failed = rows.filter(({ status, code, jobs }) => status === 'failed' && code !== '' && Number(jobs) > 0)
  const worked = sum('workMs')
  const pace = byStatus.completed > 0 && byStatus.processing > 0 ? worked / (byStatus.completed + byStatus.failed) : 0
  return {
    jobs,
    byStatus,
    byCode: Object.fromEntries(failed.map(({ code, jobs }) => [code, Number(jobs)])),
    ended: jobs > 0 && ended === jobs,
    calls: sum('calls'),
    possiblyBilled: sum('possiblyBilled'),
    cost: sum('cost'),
    unpricedCalls: sum('unpricedCalls'),
    remainingMs: pace > 0 ? Math.ceil(((jobs - ended) * pace) / byStatus.processing) : undefined,
  }
}
