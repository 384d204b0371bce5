import { reasonOf } from '../domain/errors.ts'
import type { Run } from '../domain/run.ts'
import { failedWithout } from '../domain/run-stats.ts'
import type { RunningTally } from '../domain/tally.ts'
import { expireVisionJobs } from '../queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../queue/claim/promote.ts'
import { type LostRun, reclaimVisionJobs } from '../queue/claim/reclaim.ts'
import { admitVisionJobs, usersToAdmit } from '../queue/fairness/concurrency-limit.ts'
import { tryLockUser } from '../queue/rows/users.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { WorkerOptions } from './options.ts'
import type { Work } from './poll.ts'
import type { StatsOfWorker } from './report/stats.ts'
import type { Slots } from './slots.ts'

/** The maintenance of the queue, beside the runs. */
export interface Maintenance {
  /** Does the maintenance that a poll found: reclaims, expires, promotes, and enqueues blocked jobs. @returns how many jobs it changed */
  run(work: Work): Promise<number>
  /** A job of the user's has failed because its time was over, and a place may be free: counts it, whoever came upon it. */
  onExpired(userId: string): void
  /** Admits blocked jobs into the place of an ended run; errors are logged. */
  fillPlaceOf(run: Run): Promise<void>
  /** The database failed: leases of live workers may have expired meanwhile. */
  onTrouble(): void
}

export function createMaintenance(
  { database, providers, inFlightPerUser, costPerDay, retry, renewMs, now, log }: WorkerOptions,
  slots: Slots,
  keeper: LeaseKeeper,
  tally: RunningTally,
  stats: StatsOfWorker,
): Maintenance {
  const { stepProviders } = providers
  // The users with free places for blocked jobs.
  const freed = new Set<string>()
  const onFreed = (userId: string) => void freed.add(userId)
  const onExpired = (userId: string) => {
    onFreed(userId)
    tally.expired++
    stats.add(failedWithout('job.expired', 1))
  }
  // During an outage of the database, the leases of live workers expire. Before anything is reclaimed they renew them:
  // first ours, then the others.
  let troubledAt = Number.NEGATIVE_INFINITY
  const mayReclaim = async () => now() - troubledAt >= renewMs && (slots.inFlight.size === 0 || (await keeper.renew()))

  const enqueueBlocked = async (userId: string): Promise<number> => {
    freed.delete(userId)
    let enqueued: number | undefined
    try {
      enqueued = await admitVisionJobs(database, userId, inFlightPerUser, tryLockUser, costPerDay)
      return enqueued ?? 0
    } finally {
      // Another worker holds the user's lock and may not have seen the free place: the next poll tries again.
      if (enqueued === undefined) freed.add(userId)
    }
  }

  const onLost = ({ jobId, attempt, traceId, userId, failed }: LostRun) => {
    onFreed(userId)
    log('warn', 'job reclaimed from a dead worker', { jobId, attempt, traceId, ...(failed && { jobStatus: 'failed' }) })
    if (!failed) return
    tally.failed++
    stats.add(failedWithout('worker.lost', 1))
  }

  return {
    run: async (work) => {
      const reclaimed = work.lost && (await mayReclaim()) ? await reclaimVisionJobs(database, retry, onLost) : 0
      tally.reclaimed += reclaimed
      const before = tally.expired
      if (work.expired) await expireVisionJobs(database, onExpired, stepProviders)
      const promoted = work.due
        ? await promoteDueVisionJobs(database, inFlightPerUser, { costPerDay, stepProviders, onExpired })
        : 0
      for (const userId of work.blocked ? await usersToAdmit(database) : []) freed.add(userId)
      let enqueued = 0
      for (const userId of [...freed]) enqueued += await enqueueBlocked(userId)
      return reclaimed + (tally.expired - before) + promoted + enqueued
    },
    onExpired,
    fillPlaceOf: async ({ jobId, attempt, traceId, userId }) => {
      await enqueueBlocked(userId).catch((error: unknown) =>
        log('error', 'blocked jobs not admitted', { jobId, attempt, traceId, detail: reasonOf(error) }),
      )
    },
    onTrouble: () => {
      troubledAt = now()
    },
  }
}
