import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import { type BatchState, getBatchStates } from './state.ts'

/** What those who watch a batch are told of it. */
export interface BatchNews {
  readonly batchId: number
  /** Undefined once the batch is gone. */
  readonly state: BatchState | undefined
  /** It takes no more jobs. */
  readonly closed: boolean
}

/** What has become of batches, whoever owns them, gone ones included: two statements, however many. */
export async function readBatchNews(database: Database, ids: readonly number[]): Promise<readonly BatchNews[]> {
  if (ids.length === 0) return []
  // First whether it is closed: the jobs of one that is are all in its counts.
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
