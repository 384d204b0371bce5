import type { Provider } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { reasonOf, type VisionError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type PauseOptions, type Report, reportAnswer, reportTrouble, signOf } from './gates.ts'
import {
  endPermit,
  markSent,
  minuteMs,
  type ProviderLimits,
  renewPermits,
  reservePermits,
  returnPermits,
} from './permits.ts'

/** How a call ended: well, with an error of its own, or cut off by us, which says nothing of the provider. */
export interface CallEnd {
  /** What it took, if the provider said so. */
  readonly tokens?: number | undefined
  readonly error?: VisionError | undefined
  readonly cutOff?: boolean | undefined
}

/** Leave for one call to a provider. */
export interface Permit {
  /** To be awaited at the last moment before the call goes out. */
  sent(): Promise<void>
  /**
   * To be called once, however it ends; a permit that was never sent is given back.
   *
   * @returns whether the provider is down, so that the failure is no job's
   */
  end(end: CallEnd): Promise<boolean>
}

/** A worker's way to the providers: every call needs a permit, and what becomes of it is told to all workers. */
export interface ProviderAccess {
  /** As many permits as are wanted, or as there is room for. */
  reserve(provider: Provider, wanted: number): Promise<readonly Permit[]>
  /** Renews the permits that are held; to be done as often as leases are. */
  renew(): Promise<void>
}

export interface ProviderAccessOptions {
  readonly database: Database
  readonly limits: Readonly<Record<Provider, ProviderLimits>>
  readonly pause: PauseOptions
  /** Until a permit expires that is not renewed, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** How long a call counts in the limits of a minute, in milliseconds; a little more than a minute if not given. */
  readonly windowMs?: number | undefined
  /** Names the worker's permits; its own for each worker. */
  readonly workerId: string
  readonly log: Log
  /** Milliseconds, of any clock that only goes forward. */
  readonly now: () => number
}

/** The window of the limits reckons with at most so long between the database's note and the call, in milliseconds. */
const latestMs = 1_000

export function createProviderAccess(options: ProviderAccessOptions): ProviderAccess {
  const { database, limits, pause, leaseMs, windowMs = minuteMs, workerId, log, now } = options
  const held = new Set<string>()
  let made = 0

  const tell = (provider: Provider, { pausedMs, down, back }: Report, code?: string) => {
    if (pausedMs !== undefined) log(down ? 'error' : 'warn', 'provider paused', { provider, code, down, pausedMs })
    if (back) log('info', 'provider is back', { provider })
  }

  const report = async (provider: Provider, suspect: boolean, { error, cutOff }: CallEnd): Promise<boolean> => {
    const sign = error === undefined ? 'well' : signOf(error.code)
    if (cutOff || sign === 'none') return false
    if (error === undefined || sign === 'well') {
      if (suspect) tell(provider, await reportAnswer(database, provider))
      return false
    }
    const reported = await reportTrouble(database, provider, error, pause)
    tell(provider, reported, error.code)
    return reported.down
  }

  const permitOf = (provider: Provider, id: string, suspect: boolean): Permit => {
    let sent = false
    held.add(id)
    return {
      sent: async () => {
        for (;;) {
          const asked = now()
          await markSent(database, id)
          sent = true
          if (now() - asked <= latestMs) return
        }
      },
      end: async (end) => {
        held.delete(id)
        // Whatever fails here expires by itself; the job's own settlement matters more.
        try {
          if (!sent) {
            await returnPermits(database, [id])
            return false
          }
          const [, down] = await Promise.all([endPermit(database, id, end.tokens), report(provider, suspect, end)])
          return down
        } catch (error) {
          log('error', 'end of a call not recorded', { provider, detail: reasonOf(error) })
          return false
        }
      },
    }
  }

  return {
    reserve: async (provider, wanted) => {
      if (wanted === 0) return []
      const ids = Array.from({ length: wanted }, () => `${workerId}:${++made}`)
      const { count, suspect } = await reservePermits(database, provider, {
        ids,
        limits: limits[provider],
        leaseMs,
        windowMs,
      })
      return ids.slice(0, count).map((id) => permitOf(provider, id, suspect))
    },
    renew: () => renewPermits(database, [...held], leaseMs),
  }
}
