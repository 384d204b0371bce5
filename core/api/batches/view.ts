import type { BatchRow } from '../../batches/batches.ts'
import type { BatchState } from '../../batches/state.ts'
import { hashOf } from '../jobs/idempotency.ts'
import { inDollars } from '../usage/view.ts'
import type { BatchView } from './schema.ts'

/** A batch as its owner sees it. */
export function viewBatch(batch: BatchRow, state: BatchState, now: number): BatchView {
  const { jobs, ended, byStatus, byCode, calls, cost, unpricedCalls, possiblyBilled, remainingMs } = state
  return {
    batchId: batch.id,
    name: batch.name,
    onInvalid: batch.onInvalid,
    defaults: batch.defaults,
    jobs,
    ended,
    byStatus,
    byCode,
    costUsd: calls > 0 && calls === unpricedCalls ? null : inDollars(cost),
    calls,
    unpricedCalls,
    possiblyBilled,
    estimatedEndAt: remainingMs === undefined ? null : new Date(now + remainingMs).toISOString(),
    createdAt: batch.createdAt.toISOString(),
    closesAt: batch.closesAt.toISOString(),
    cancelledAt: batch.cancelledAt?.toISOString() ?? null,
  }
}

/** The state of a batch as an entity tag; weak, since the estimate of its end moves with the clock. */
export function etagOf(batch: BatchRow, { remainingMs: _, ...state }: BatchState): string {
  return `W/"${batch.id}-${hashOf([state, batch.closesAt.getTime()]).slice(0, 16)}"`
}
