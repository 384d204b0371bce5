import type { ErrorCode } from '../../domain/errors.ts'
import { hasEnded, progressOf } from '../../domain/job.ts'
import type { ManyEvent } from '../../live/watch-many.ts'
import type { WatchedRow } from '../../queue/read/changes.ts'
import { viewState } from '../batches/view.ts'
import type { JobsEventView } from './schema.ts'

/** An event of many jobs as their owner sees it. */
export function viewManyEvent(event: ManyEvent, now: number): JobsEventView {
  switch (event.type) {
    case 'job':
      return viewRow(event.row)
    case 'deleted': {
      const { type, jobId, batchId, version } = event
      return { type, jobId, batchId, version }
    }
    case 'batch': {
      const { batchId, state } = event.news
      return state ? { type: 'batch', batchId, ...viewState(state, now) } : { type: 'batch_deleted', batchId }
    }
  }
}

function viewRow(row: WatchedRow): JobsEventView {
  return {
    type: 'job',
    jobId: row.id,
    batchId: row.batchId,
    version: row.version,
    status: row.status,
    step: hasEnded(row) ? null : row.nextStep,
    progress: progressOf(row),
    texts: { wanted: row.texts, completed: Math.min(row.texts, row.textsCompleted) },
    nextTryAt: row.status === 'scheduled' ? (row.availableAt?.toISOString() ?? null) : null,
    // A code of an earlier release is shown as it was stored.
    error: row.errorCode === null ? null : { code: row.errorCode as ErrorCode, message: row.errorMessage ?? '' },
    updatedAt: row.updatedAt.toISOString(),
  }
}
