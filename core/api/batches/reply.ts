import { setTimeout as delay } from 'node:timers/promises'
import { type BatchRow, getBatch } from '../../batches/batches.ts'
import { type BatchState, getBatchStates } from '../../batches/state.ts'
import { VisionError } from '../../domain/errors.ts'
import { matchesETag } from '../../http/etag.ts'
import type { Caller } from '../procedure.ts'
import type { BatchView } from './schema.ts'
import { etagOf, viewBatch } from './view.ts'

/** When to ask for a batch again, in seconds. */
const pollSeconds = 2

interface Found {
  readonly batch: BatchRow
  readonly state: BatchState
  readonly etag: string
}

/** A batch of the caller's. */
export function owned({ actor }: Caller, batchId: number) {
  return { userId: actor.userId, batchId }
}

/**
 * Replies with a batch, at once or after its next change, as the caller prefers: a caller that names another version than
 * the current one need not wait.
 *
 * @throws VisionError `batch.not_found`
 */
export async function replyWithBatch(caller: Caller, batchId: number): Promise<BatchView> {
  const { services, preferences, reply } = caller
  const { ifNoneMatch, waitSeconds, waitSignal } = preferences
  let found = await read(caller, batchId)
  const isNews = ifNoneMatch !== undefined && !matchesETag(ifNoneMatch, found.etag)
  if (waitSeconds !== undefined && !isNews && !found.state.ended) {
    const known = found.etag
    const work = async () => {
      while (found.etag === known && !waitSignal.aborted) {
        await delay(services.lookMs, undefined, { signal: waitSignal }).catch(() => undefined)
        found = await read(caller, batchId)
      }
    }
    // A wait that is not for a single job.
    if (!(await services.waits.during({ userId: caller.actor.userId, jobId: 0 }, work))) reply.notWaited = true
  }
  reply.etag = found.etag
  if (!found.state.ended) reply.retryAfterSeconds = pollSeconds
  return viewBatch(services, found.batch, found.state)
}

async function read(caller: Caller, batchId: number): Promise<Found> {
  const { database } = caller.services
  const batch = await getBatch(database, owned(caller, batchId))
  const state = (await getBatchStates(database, [batchId])).get(batchId)
  if (state === undefined) throw new VisionError('batch.not_found')
  return { batch, state, etag: etagOf(batch, state) }
}
