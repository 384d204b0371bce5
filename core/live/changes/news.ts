import type { BatchNews } from '../../batches/news.ts'
import type { Database } from '../../database/client.ts'
import { type Change, getBatchesOfDeleted, getWatchedRows, type WatchedRow } from '../../queue/read/changes.ts'

/** The current state of a job, at its place in the order of changes; the row is undefined if it was deleted. */
export interface JobNews extends Change {
  readonly batchId: number | null
  readonly row: WatchedRow | undefined
}

/** The changes of what a watcher follows. */
export interface News {
  /** In the order of changes. */
  readonly jobs: readonly JobNews[]
  readonly batches: readonly BatchNews[]
}

/** The current state of changed jobs, by their ids: at most two statements. A job that was deleted meanwhile is left out. */
export async function readNews(database: Database, changes: readonly Change[]): Promise<ReadonlyMap<number, JobNews>> {
  const [gone, there] = [changes.filter(({ gone }) => gone), changes.filter(({ gone }) => !gone)]
  const rows = await getWatchedRows(
    database,
    there.map(({ jobId }) => jobId),
  )
  const batches = await getBatchesOfDeleted(
    database,
    gone.map(({ jobId }) => jobId),
  )
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  const news = changes.flatMap((change): [number, JobNews][] => {
    const { jobId } = change
    if (change.gone) return [[jobId, { ...change, batchId: batches.get(jobId) ?? null, row: undefined }]]
    const row = rowOf.get(jobId)
    // It keeps its place: the changes between that and its latest one have not been delivered yet.
    return row ? [[jobId, { ...change, version: row.version, batchId: row.batchId, row }]] : []
  })
  return new Map(news)
}
