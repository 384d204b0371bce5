import type { Provider } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { reasonOf, type VisionError } from '../../domain/errors.ts'
import { batchCalls } from '../../platform/batch-calls.ts'
import type { Log } from '../../platform/log.ts'
import type { ProviderLimits } from '../limits.ts'
import { defaultStepProviders, type StepProviders } from '../registry.ts'
import {
  allowsCalls,
  isProbing,
  type PauseOptions,
  providerOutcomeOf,
  type Report,
  reportFailure,
  reportSuccess,
} from './circuit-breaker.ts'
import { type ProviderState, type ProviderStates, readProviderStates } from './provider-state.ts'
import {
  type EndedCall,
  endPermits,
  markSent,
  minuteMs,
  renewPermits,
  reservePermits,
  returnPermits,
} from './rate-limit.ts'

/** How a call ended: with success, with an error of its own, or cut off by us, which shows nothing about the provider. */
export interface CallEnd {
  /** The tokens that it used, if the provider reported them. */
  readonly tokens?: number | undefined
  readonly error?: VisionError | undefined
  readonly cutOff?: boolean | undefined
}

/** The permission for one call to a provider. */
export interface Permit {
  /**
   * Called just before the call goes out; waits for nothing.
   *
   * @returns false if the call must not go out: the provider was paused meanwhile, or the permit has expired
   */
  send(): boolean
  /**
   * Called once, however the call ends; a permit that was never sent is returned.
   *
   * @returns whether the provider is down, so that the failure is not the job's fault
   */
  end(end: CallEnd): Promise<boolean>
}

/** A worker's access to the providers: every call needs a permit, and its outcome is shared with all workers. */
export interface ProviderAccess {
  readonly stepProviders: StepProviders
  /** The states of the providers as they were at most a tenth of a second ago, or since this worker last reported a call. */
  states(): Promise<ProviderStates>
  /**
   * Reserves up to as many permits as are wanted. For a provider without limits whose circuit is closed, this costs at most
   * a read.
   *
   * @param state of the provider, if it has just been read
   */
  reserve(provider: Provider, wanted: number, state?: ProviderState): Promise<readonly Permit[]>
  /** Gives permits back that were not used, in one statement. */
  release(permits: readonly Permit[]): Promise<void>
  /** Renews the permits that are held; called as often as leases are renewed. */
  renew(): Promise<void>
}

export interface ProviderAccessOptions {
  readonly database: Database
  /** The default configuration's if left out. */
  readonly stepProviders?: StepProviders | undefined
  /** By the provider's name; a missing one is unlimited. */
  readonly limits: Readonly<Record<Provider, ProviderLimits>>
  readonly pause: PauseOptions
  /** The lifetime of a permit that is not renewed, in milliseconds of the database's clock. */
  readonly leaseMs: number
  /** How long a call counts in the limits per minute, in milliseconds; a little more than a minute if left out. */
  readonly windowMs?: number | undefined
  /** The prefix of the worker's permits; different for each worker. */
  readonly workerId: string
  readonly log: Log
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

/** This worker's view of a provider. */
interface Known {
  /** By `now`. */
  readonly pausedUntil: number
  /** The circuit is half-open: one call at a time probes the provider. */
  readonly probing: boolean
  /** It has failed recently, so a success must be reported. */
  readonly failing: boolean
}
/**
 * How long states that were read serve, in milliseconds: in a worker with calls that begin one by one each would read them. As much later
 * may a call begin after another worker, or an operator, has paused its provider.
 */
const freshMs = 100
const healthy: Known = { pausedUntil: 0, probing: false, failing: false }

export function createProviderAccess(options: ProviderAccessOptions): ProviderAccess {
  const {
    database,
    stepProviders = defaultStepProviders,
    limits,
    pause,
    leaseMs,
    windowMs = minuteMs,
    workerId,
    log,
    now,
  } = options
  const limitsOf = (provider: Provider) => limits[provider] ?? {}
  const isLimited = (provider: Provider) => Object.values(limitsOf(provider)).some((limit) => limit !== undefined)
  const known = new Map<Provider, Known>()
  /** The permits that have a row, and when each expires, by `now`. */
  const rows = new Map<string, number>()
  const rowOf = new WeakMap<Permit, string>()
  let made = 0

  let recent: { readonly states: ProviderStates; readonly at: number } | undefined
  /** How often this worker may have changed a state: a read that began before is outdated. */
  let reports = 0
  // Concurrent requests share a statement: the calls of one worker would queue for the row's lock.
  const readStates = batchCalls(async (asked: readonly unknown[]) => {
    const [before, at] = [reports, now()]
    const states = await database.run(readProviderStates)
    if (reports === before) recent = { states, at }
    return asked.map(() => states)
  })
  const states = async () =>
    recent !== undefined && now() - recent.at < freshMs ? recent.states : readStates(undefined)
  const mark = batchCalls(async (ids: readonly string[]) => {
    const marked = await markSent(database, ids)
    return ids.map(() => marked)
  })
  const end = batchCalls(async (calls: readonly EndedCall[]) => {
    const ended = await endPermits(database, calls)
    return calls.map(() => ended)
  })
  const returnRows = batchCalls(async (ids: readonly string[]) => {
    await returnPermits(database, ids)
    return ids.map(() => undefined)
  })
  const reservingOf = (provider: Provider) =>
    batchCalls(async (asked: readonly number[]) => {
      const wanted = asked.reduce((sum, one) => sum + one)
      const ids = Array.from({ length: wanted }, () => `${workerId}:${++made}`)
      const begun = now()
      const { count, probe } = await reservePermits(database, provider, {
        ids,
        limits: limitsOf(provider),
        leaseMs,
        windowMs,
      })
      const granted = ids.slice(0, count).map((id) => {
        rows.set(id, begun + leaseMs)
        return permitOf(provider, probe, id)
      })
      return asked.map((one) => granted.splice(0, one))
    })
  const reservers = new Map<Provider, (wanted: number) => Promise<readonly Permit[]>>()
  const reserving = (provider: Provider) => {
    const reserve = reservers.get(provider) ?? reservingOf(provider)
    reservers.set(provider, reserve)
    return reserve
  }

  const remember = (provider: Provider, state: ProviderState) => {
    const { backoffMs, consecutiveFailures } = state
    known.set(provider, { pausedUntil: now() + backoffMs, probing: isProbing(state), failing: consecutiveFailures > 0 })
  }

  const logReport = (provider: Provider, { backoffMs, down, recovered }: Report, code?: string) => {
    if (backoffMs !== undefined) log(down ? 'error' : 'warn', 'provider paused', { provider, code, down, backoffMs })
    if (recovered) log('info', 'provider recovered', { provider })
  }

  const recordSuccess = async (provider: Provider, probe: boolean): Promise<void> => {
    if (!probe && !known.get(provider)?.failing) return
    const reported = await reporting(reportSuccess(database, provider, probe))
    if (reported === undefined) log('warn', 'provider success not recorded: its row is locked', { provider })
    else logReport(provider, reported)
    known.delete(provider)
  }

  /** A report to the database, after which what was read before is outdated. */
  const reporting = async <T>(made: Promise<T>): Promise<T> => {
    try {
      return await made
    } finally {
      reports++
      recent = undefined
    }
  }

  const report = async (provider: Provider, probe: boolean, { error, cutOff }: CallEnd): Promise<boolean> => {
    const outcome = error === undefined ? 'success' : providerOutcomeOf(error.code)
    if (cutOff || outcome === 'ignored') return false
    if (error === undefined || outcome === 'success') {
      await recordSuccess(provider, probe)
      return false
    }
    const reported = await reporting(reportFailure(database, provider, error, pause))
    if (reported === undefined) {
      log('warn', 'provider failure not recorded: its row is locked', { provider, code: error.code })
      const state = (await readStates(undefined)).of(provider)
      remember(provider, state)
      return state.downSince !== null
    }
    logReport(provider, reported, error.code)
    const { backoffMs } = reported
    if (backoffMs !== undefined) known.set(provider, { pausedUntil: now() + backoffMs, probing: true, failing: true })
    else known.set(provider, { ...(known.get(provider) ?? healthy), failing: true })
    return reported.down
  }

  const permitOf = (provider: Provider, probe: boolean, row: string | undefined): Permit => {
    let sent = false
    let marking: Promise<unknown> | undefined
    const endRow = async (id: string, tokens: number | undefined) => {
      // A probe of a provider without limits only has a row while it is in flight.
      if (!sent || !isLimited(provider)) return returnRows(id)
      await marking
      await end({ id, tokens })
    }
    const permit: Permit = {
      send: () => {
        const { pausedUntil, probing } = known.get(provider) ?? healthy
        if (pausedUntil > now() || (probing && !probe)) return false
        if (row !== undefined && now() > (rows.get(row) ?? 0)) return false
        sent = true
        // Concurrently with the call, which counts as reserved already: a slow database must not delay it.
        if (row !== undefined && isLimited(provider)) marking = mark(row).catch(() => undefined)
        return true
      },
      end: async (how) => {
        if (row !== undefined) rows.delete(row)
        // If this fails, the permit expires by itself; the job's own settlement matters more.
        try {
          const ending = row === undefined ? undefined : endRow(row, how.tokens)
          const [, down] = await Promise.all([ending, sent && report(provider, probe, how)])
          return down
        } catch (error) {
          log('error', 'permit not released', { provider, detail: reasonOf(error) })
          return false
        }
      },
    }
    if (row !== undefined) rowOf.set(permit, row)
    return permit
  }

  return {
    stepProviders,
    states,
    reserve: async (provider, wanted, read) => {
      if (wanted === 0) return []
      // A state that was read before the current pause is outdated.
      const mayBeOld = (known.get(provider)?.pausedUntil ?? 0) > now()
      // Where permits are counted, one that is just given back is in time for who waits for it.
      const readNow = mayBeOld || (read === undefined && isLimited(provider))
      const state = readNow ? (await readStates(undefined)).of(provider) : (read ?? (await states()).of(provider))
      remember(provider, state)
      if (!allowsCalls(state)) return []
      if (isProbing(state) || isLimited(provider)) return reserving(provider)(wanted)
      return Array.from({ length: wanted }, () => permitOf(provider, false, undefined))
    },
    release: async (permits) => {
      const ids = permits.flatMap((permit) => rowOf.get(permit) ?? [])
      for (const id of ids) rows.delete(id)
      await returnPermits(database, ids)
    },
    renew: async () => {
      const asked = now()
      const renewed = await renewPermits(database, [...rows.keys()], leaseMs)
      for (const id of renewed) if (rows.has(id)) rows.set(id, asked + leaseMs)
    },
  }
}
