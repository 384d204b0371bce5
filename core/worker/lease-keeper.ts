import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import { LeaseLost, LeaseUncertain, type Run } from '../domain/run.ts'
import { every } from '../platform/async.ts'
import type { Log } from '../platform/log.ts'
import type { ProviderAccess } from '../providers/availability/permits.ts'
import { renewLeases } from '../queue/claim/lease.ts'
import type { InFlight } from './slots.ts'

/** Keeps the leases of all runs in flight. */
export interface LeaseKeeper {
  /** Whether the leases are known to hold: nothing may be paid for otherwise. */
  isCertain(): boolean
  /** Renews at once; true if that succeeded. */
  renew(): Promise<boolean>
  /** Stops; does not wait for a renewal that is under way. */
  stop(): void
}

export interface LeaseKeeperOptions {
  readonly database: Database
  readonly providers: Pick<ProviderAccess, 'renew'>
  readonly workerId: string
  /** How long a lease lasts, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** How often leases are renewed, in milliseconds: at most half of `leaseMs`. */
  readonly renewMs: number
  readonly log: Log
}

/** How soon a failed renewal is retried, in milliseconds. */
const againMs = 1_000

/** Renews all leases at intervals, and stops the runs that have lost theirs. */
export function keepLeases(
  { database, providers, workerId, leaseMs, renewMs, log }: LeaseKeeperOptions,
  inFlight: ReadonlyMap<Run, InFlight>,
): LeaseKeeper {
  let stopped = false
  let certain = true
  // If no renewal has succeeded for as long as a lease lasts, other workers may run these jobs: continuing would pay for
  // the same step twice. A call that is already paid for may still be answered and saved. It has its own timer, since a
  // renewal may hang.
  const giveUp = () => {
    certain = false
    for (const [run, { controller, paying }] of inFlight) if (!paying) controller.abort(new LeaseUncertain(run))
  }
  let guard = setTimeout(giveUp, leaseMs)

  const renewOnce = async (): Promise<boolean> => {
    const begun = performance.now()
    try {
      for (const run of await renewLeases(database, workerId, [...inFlight.keys()], leaseMs)) {
        const lost = inFlight.get(run)
        if (lost === undefined) continue
        log('warn', 'lease lost', { jobId: run.jobId, attempt: run.attempt, traceId: run.traceId })
        lost.controller.abort(new LeaseLost(run))
      }
    } catch (error) {
      log('error', 'leases not renewed', { detail: reasonOf(error) })
      return false
    }
    if (stopped) return true
    clearTimeout(guard)
    const left = leaseMs - (performance.now() - begun)
    certain = left > 0
    guard = setTimeout(giveUp, Math.max(0, left))
    // Last: a permit that could not be renewed must not cost the leases that were.
    await providers.renew().catch((error: unknown) => log('error', 'permits not renewed', { detail: reasonOf(error) }))
    return true
  }
  let renewing: Promise<boolean> | undefined
  const renew = () => {
    renewing ??= renewOnce().finally(() => {
      renewing = undefined
    })
    return renewing
  }
  let renewed = true
  const renewals = every(
    () => (renewed ? renewMs : Math.min(againMs, renewMs)),
    async () => {
      renewed = await renew()
    },
  )
  return {
    isCertain: () => certain,
    renew,
    stop: () => {
      stopped = true
      void renewals.stop()
      clearTimeout(guard)
    },
  }
}
