import { tickSeconds } from '../core/worker/schedule.ts'

/** AWS keeps these for functions that reserve nothing ("Configuring reserved concurrency", AWS Lambda Developer Guide). */
export const keptUnreserved = 100
/** The default number of concurrent streams, reserved where there is room for them. */
const defaultStreams = 100
/** The default limits of requests: a second, and concurrent. */
const defaultRate = { rate: 50, burst: 100 }

const askForMore = 'Ask for more under Service Quotas (AWS Lambda, Concurrent executions)'

/** The explicit settings; undefined where the account decides. */
export interface ConcurrencyRequest {
  readonly pollerSeconds: number
  readonly pollers: number | undefined
  readonly streams: number | undefined
  readonly streaming: boolean | undefined
  /** How many calls of one user may wait at once. */
  readonly waits: number | undefined
  readonly rate: number | undefined
  readonly burst: number | undefined
}

/** How the functions that may run at once are shared out. */
export interface ConcurrencyPlan {
  /** How many pollers may run at once, however they were started. */
  readonly mostPollers: number
  /** The functions reserved for the poller, which it cannot exceed; undefined where nothing can be reserved. */
  readonly pollers: number | undefined
  /** The same for live streams. */
  readonly streams: number | undefined
  /** Whether there are live streams at all. */
  readonly streaming: boolean
  /** Whether calls of the API may wait for a job: each holds a function. */
  readonly waiting: boolean
  readonly api: { readonly rate: number; readonly burst: number }
}

/**
 * As many pollers as overlap where each runs its whole time, and one that starts before the first has ended.
 *
 * @param pollerSeconds how long one may run
 */
export function fleetOf(pollerSeconds: number): number {
  return Math.ceil(pollerSeconds / tickSeconds) + 1
}

/**
 * Shares out the functions that an account may run at once, so that neither streams nor waiting calls can take those of the
 * poller. What the account has room for is reserved. Where it has none, as a new one with ten, nothing may hold a function
 * for long but the poller: there are no streams, no call waits, and the API takes only as many calls at once as are left.
 *
 * @param total the account's concurrency limit; undefined if unknown, as under `sst dev`
 * @returns the plan, or a sentence for everything that was asked for and does not fit
 */
export function planConcurrency(
  total: number | undefined,
  request: ConcurrencyRequest,
): { readonly plan: ConcurrencyPlan; readonly wrong: readonly string[] } {
  const { rate, burst } = request
  const api = { rate: rate ?? defaultRate.rate, burst: burst ?? defaultRate.burst }
  const fleet = request.pollers ?? fleetOf(request.pollerSeconds)
  if (total === undefined) {
    return {
      plan: {
        mostPollers: fleet,
        pollers: undefined,
        streams: undefined,
        streaming: request.streaming ?? true,
        waiting: true,
        api,
      },
      wrong: [],
    }
  }
  const room = Math.max(0, total - keptUnreserved)
  if (room < fleet) return small(total, fleet, request)
  const streaming = request.streaming ?? true
  const streams = streaming
    ? (request.streams ?? (Math.min(defaultStreams, Math.floor((room - fleet) / 4)) || undefined))
    : undefined
  const reserved = fleet + (streams ?? 0)
  return {
    plan: { mostPollers: fleet, pollers: fleet, streams, streaming, waiting: true, api },
    wrong: reserved > room ? [tooMany('DEPLOY_POLLER_MAX and DEPLOY_STREAM_CONCURRENCY', total)] : [],
  }
}

/** For an account that has nothing to reserve. */
function small(total: number, fleet: number, request: ConcurrencyRequest) {
  const { pollerSeconds, pollers, streams, streaming, waits, rate, burst } = request
  // The schedule starts one a minute, whatever DEPLOY_POLLER_MAX says: only a reservation would stop it.
  const scheduled = fleetOf(pollerSeconds)
  const left = Math.max(1, total - Math.max(fleet, scheduled))
  const wrong = [
    ...(scheduled >= total
      ? [
          `DEPLOY_POLLER_SECONDS must be at most ${tickSeconds * Math.max(1, total - 2)}: the account runs ${total} functions at once, ` +
            `and ${scheduled} pollers of ${pollerSeconds} s, one started each minute, would leave the API none. ${askForMore}`,
        ]
      : []),
    ...(pollers && pollers >= total
      ? [`DEPLOY_POLLER_MAX must be less than ${total}, which is how many functions the account runs at once`]
      : []),
    ...(streams ? [tooMany('DEPLOY_STREAM_CONCURRENCY', total)] : []),
    ...(streaming ? [wouldHold('DEPLOY_STREAMS must be no', 'a live stream', total)] : []),
    ...(waits ? [wouldHold('WAITS_PER_USER must be 0', 'a call that waits', total)] : []),
  ]
  return {
    plan: {
      mostPollers: fleet,
      pollers: undefined,
      streams: undefined,
      streaming: false,
      waiting: false,
      // A call takes a fifth of a second at most, but for a cold start.
      api: { rate: rate ?? 5 * left, burst: burst ?? left },
    },
    wrong,
  }
}

/** What `sst deploy` prints about it at its end; undefined if the limit is unknown. */
export function describeConcurrency({
  accountConcurrency: total,
  concurrency: { pollers, streams, streaming, api },
}: {
  readonly accountConcurrency: number | undefined
  readonly concurrency: ConcurrencyPlan
}): string | undefined {
  if (total === undefined) return undefined
  if (pollers === undefined) {
    return (
      `${total} functions at once, none to reserve: ${streaming ? '' : 'no live streams, '}calls are answered at once, and ` +
      `${api.burst} calls may come at once. Ask for more under Service Quotas, then deploy again`
    )
  }
  return `${total} functions at once: ${pollers} reserved for the poller, ${streams ?? 'none'} for live streams`
}

/** Why something that holds a function for long is refused where the poller has none for itself. */
function wouldHold(setting: string, what: string, total: number): string {
  return (
    `${setting} or left out: the account runs ${total} functions at once and can reserve none, so ${what} would take one that ` +
    `the poller needs. ${askForMore}`
  )
}

function tooMany(keys: string, total: number): string {
  const room = Math.max(0, total - keptUnreserved)
  return (
    `${keys} must be at most ${room}${keys.includes(' and ') ? ' together' : ''}: the account runs ${total} functions at ` +
    `once, and AWS keeps ${keptUnreserved} of them unreserved. ${askForMore}, or leave them out`
  )
}
