import type { BatchRow } from '../../batches/batches.ts'
import type { BatchState } from '../../batches/state.ts'
import { manyEventsUrlOf } from '../events/urls.ts'
import { hashOf } from '../jobs/idempotency.ts'
import type { ApiServices } from '../services.ts'
import { inDollars } from '../usage/view.ts'
import type { BatchStateView, BatchView } from './schema.ts'

/** A batch as its owner sees it. */
export async function viewBatch(
  services: Pick<ApiServices, 'streamUrl' | 'tickets' | 'now' | 'lifeMs'>,
  batch: BatchRow,
  state: BatchState,
): Promise<BatchView> {
  const now = services.now()
  const expiresAt = new Date(now + services.lifeMs)
  return {
    batchId: batch.id,
    name: batch.name,
    onInvalid: batch.onInvalid,
    defaults: batch.defaults,
    ...viewState(state, now),
    eventsUrl: await manyEventsUrlOf(services, { userId: batch.userId, batchId: batch.id, expiresAt }),
    createdAt: batch.createdAt.toISOString(),
    closesAt: batch.closesAt.toISOString(),
    cancelledAt: batch.cancelledAt?.toISOString() ?? null,
  }
}

/** The state of a batch. */
export function viewState(state: BatchState, now: number): BatchStateView {
  const { jobs, ended, byStatus, byCode, calls, cost, unpricedCalls, possiblyBilled, remainingMs } = state
  return {
    jobs,
    ended,
    byStatus,
    byCode,
    costUsd: calls > 0 && calls === unpricedCalls ? null : inDollars(cost),
    calls,
    unpricedCalls,
    possiblyBilled,
    estimatedEndAt: remainingMs === undefined ? null : new Date(now + remainingMs).toISOString(),
  }
}

/** The state of a batch as an entity tag; weak, since the estimated end changes with the clock. */
export function etagOf(batch: BatchRow, { remainingMs: _, ...state }: BatchState): string {
  return `W/"${batch.id}-${hashOf([state, batch.closesAt.getTime()]).slice(0, 16)}"`
}
