import type { ProviderScope } from '../../drizzle/schema.ts'
import { pauseByOperator, resumeByOperator } from '../providers/availability/operator-pause.ts'
import type { BulkFilter, BulkResult } from '../queue/change/bulk-change.ts'
import { cancelMatchingJobs } from '../queue/change/cancel-matching.ts'
import { type RedriveFilter, type Redriven, redriveVisionJobs } from '../queue/change/redrive.ts'
import { countPrunable, type Pruned, pruneVisionJobs } from '../queue/prune/prune.ts'
import { beginAction, noteAction, noteResult, type Operator } from './audit-log.ts'

/** The limits of a command on many jobs. */
interface Batches {
  /** The most jobs; unlimited if left out. */
  readonly limit?: number | undefined
  readonly dryRun: boolean
  /** Aborted when it must end; completed batches stay done. */
  readonly signal?: AbortSignal | undefined
}

/** Pauses claiming, as a whole or for one provider: current runs finish, and nothing expires meanwhile. */
export async function pauseClaims(
  { database, actor }: Operator,
  { provider, reason }: { readonly provider: ProviderScope; readonly reason?: string | undefined },
): Promise<void> {
  await database.transact(
    async (tx) => {
      await pauseByOperator(tx, provider, actor, reason)
      await noteAction(tx, { actor, action: 'pause', parameters: { provider, reason }, result: { done: true } })
    },
    // The first pause stays, and the audit log has both attempts.
    async () => undefined,
  )
}

/**
 * Resumes claiming, and closes a circuit that a provider’s failures have opened.
 *
 * @returns whether anything was paused
 */
export function resumeClaims(
  { database, actor }: Operator,
  { provider, reason }: { readonly provider: ProviderScope; readonly reason?: string | undefined },
): Promise<boolean> {
  return database.transact(
    async (tx) => {
      const changed = await resumeByOperator(tx, provider)
      const result = { done: true, changed }
      await noteAction(tx, { actor, action: 'resume', parameters: { provider, reason }, result })
      return changed
    },
    async () => undefined,
  )
}

/** Redrives failed jobs, or counts those that would be redriven: see `redriveVisionJobs`. */
export async function redriveJobs(
  { database, actor }: Operator,
  filter: RedriveFilter,
  { limit, dryRun, lifeMs, signal }: Batches & { readonly lifeMs: number },
): Promise<Redriven> {
  const id = await beginAction({ database, actor }, 'redrive', { ...filter, limit }, dryRun)
  const result = await redriveVisionJobs(database, filter, {
    limit: limit ?? Number.POSITIVE_INFINITY,
    dryRun,
    lifeMs,
    signal,
    note: (tx, { jobs, sample }) => noteResult(tx, id, { jobs, sample, done: false }),
  })
  const { jobs, sample, more } = result
  await database.run((on) => noteResult(on, id, { jobs, sample, more, done: true }))
  return result
}

/** Cancels jobs of all users by a filter, or counts those that would be cancelled: see `cancelMatchingJobs`. */
export async function cancelJobs(
  { database, actor }: Operator,
  filter: BulkFilter,
  { limit, dryRun, signal }: Batches,
): Promise<BulkResult> {
  const id = await beginAction({ database, actor }, 'cancel', { ...filter, limit }, dryRun)
  const result = await cancelMatchingJobs(database, filter, {
    limit: limit ?? Number.POSITIVE_INFINITY,
    dryRun,
    signal,
    note: (tx, { jobs, sample }) => noteResult(tx, id, { jobs, sample, done: false }),
  })
  await database.run((on) => noteResult(on, id, { ...result, done: true }))
  return result
}

/** Deletes old ended jobs, or counts those that would be deleted: see `pruneVisionJobs`. */
export async function pruneJobs(
  { database, actor }: Operator,
  { olderThanDays, limit, dryRun, signal }: Batches & { readonly olderThanDays: number },
): Promise<Pruned> {
  const id = await beginAction({ database, actor }, 'prune', { olderThanDays, limit }, dryRun)
  const result = dryRun
    ? await database.run((on) => countPrunable(on, olderThanDays))
    : await pruneVisionJobs(database, {
        olderThanDays,
        limit: limit ?? Number.POSITIVE_INFINITY,
        signal,
        note: (tx, { jobs }) => noteResult(tx, id, { jobs, done: false }),
      })
  await database.run((on) => noteResult(on, id, { ...result, done: true }))
  return result
}
