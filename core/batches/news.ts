import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import { type BatchState, getBatchStates } from './state.ts'

/** The state of a batch that its watchers get. */
export interface BatchNews {
  readonly batchId: number
  /** Undefined once the batch is deleted. */
  readonly state: BatchState | undefined
  /** It is closed for new jobs. */
  readonly closed: boolean
}

/** The states of batches of any owner, deleted ones included: two statements, whatever their number. */
export async function readBatchNews(database: Database, ids: readonly number[]): Promise<readonly BatchNews[]> {
  if (ids.length === 0) return []
  // Closed or not is read first: all jobs of a closed batch are in its counts.
  const rows = await database.run((on) =>
    rowsOf<{ id: number; closed: 0 | 1 }>(
      on,
      sql`SELECT id, closes_at <= UTC_TIMESTAMP(3) AS closed FROM vision_batches FORCE INDEX (PRIMARY) WHERE id IN ${[...ids]}`,
    ),
  )
  const closed = new Map(rows.map((row) => [Number(row.id), Number(row.closed) === 1]))
  const states = await getBatchStates(database, ids)
  return ids.map((batchId) => ({
    batchId,
    state: closed.has(batchId) ? states.get(batchId) : undefined,
    closed: closed.get(batchId) ?? true,
  }))
}
