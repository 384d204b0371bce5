import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import { pause } from '../platform/async.ts'
import type { Log } from '../platform/log.ts'
import { messageIdOf, payloadOf } from './deliveries.ts'
import {
  type DueDelivery,
  deferDeliveries,
  expireDelivery,
  type LeasedEndpoint,
  leaseEndpoints,
  readDue,
  readTarget,
  recordAttempt,
  releaseEndpoint,
} from './due.ts'
import { attemptMs } from './schedule.ts'
import { signedHeaders } from './secrets.ts'
import type { SendOptions } from './send.ts'

/** The most endpoints that a worker serves at a time: quick ones, failing or slow ones, and all, with those that became slow meanwhile. */
const mostQuick = 16
const mostDegraded = 64
const mostServed = 128
/** How many deliveries of a quick endpoint are in flight at a time; of a failing or slow one it is one. */
const mostAtOnce = 4
/** How long deliveries of an endpoint are started before the next endpoint is served, in milliseconds. */
const serveMs = 20_000
/** The time that recording an outcome may take, in milliseconds. */
const settleMs = 5_000

export interface DeliverOptions extends Omit<SendOptions, 'signal'> {
  readonly database: Database
  /** An attempt that takes longer makes its endpoint one of the slow, in milliseconds; 2,000 if left out. */
  readonly slowMs?: number
  /** The poll interval while nothing is in flight, in milliseconds. */
  readonly pollMs: number
  /** 0 to 1. */
  readonly random: () => number
  /** Milliseconds of a clock that only goes forward, as that of the deadline. */
  readonly clock: () => number
  readonly log: Log
}

export interface DeliverTime {
  /** When everything must have ended. */
  readonly deadline: number
  /** Aborted when it must stop early: what is under way is sent again later. */
  readonly signal?: AbortSignal | undefined
  /** Aborted when the jobs are drained: their events are still delivered, and no others are waited for. */
  readonly drained: AbortSignal
  /** Until when it begins anything, once the jobs are drained. */
  readonly lastStart: () => number
}

/**
 * Delivers what is due, beside the jobs and within its own share: a bounded number of endpoints at a time and few deliveries of each.
 * Endpoints that fail or are slow have places of their own, so that they delay no others, and share these in turn.
 *
 * @returns how many attempts succeeded and failed
 */
export async function deliverWebhooks(
  options: DeliverOptions,
  { deadline, signal, drained, lastStart }: DeliverTime,
): Promise<{ readonly delivered: number; readonly failed: number }> {
  const { database, clock, pollMs, log } = options
  const counts = { delivered: 0, failed: 0 }
  const stopping = signal ?? new AbortController().signal
  // One endpoint may be in it twice: its owner's change took it from whoever still waits for an answer of before.
  const served = new Set<{ done: Promise<void>; degraded: boolean }>()
  /** How many were served. */
  let ended = 0
  const mayStart = () =>
    !stopping.aborted && clock() < deadline - attemptMs - settleMs && (!drained.aborted || clock() < lastStart())

  const begin = (endpoint: LeasedEndpoint, due: readonly DueDelivery[]) => {
    const entry = { done: Promise.resolve(), degraded: endpoint.degraded }
    const onSlow = () => {
      entry.degraded = true
    }
    entry.done = serve(options, endpoint, due, { mayStart, onSlow, signal: stopping, counts })
      .catch((error: unknown) => log('error', 'webhooks not delivered', { detail: reasonOf(error) }))
      .finally(() => {
        served.delete(entry)
        ended++
      })
    served.add(entry)
  }

  for (;;) {
    let found = 0
    const before = ended
    const degradedServed = [...served].filter(({ degraded }) => degraded).length
    const left = mostServed - served.size
    const quick = Math.max(0, Math.min(left, mostQuick - (served.size - degradedServed)))
    const degraded = Math.max(0, Math.min(left - quick, mostDegraded - degradedServed))
    if (mayStart() && quick + degraded > 0) {
      try {
        const endpoints = await leaseEndpoints(database, { quick, degraded })
        const due = Map.groupBy(
          await readDue(
            database,
            endpoints.map(({ id }) => id),
          ),
          ({ endpointId }) => endpointId,
        )
        for (const endpoint of endpoints) begin(endpoint, due.get(endpoint.id) ?? [])
        found = endpoints.length
      } catch (error) {
        log('error', 'webhooks not read', { detail: reasonOf(error) })
      }
    }
    // An endpoint that was given back during the look was leased to it: more may be due there.
    if (found === 0 && ended > before && mayStart()) continue
    if (served.size === 0 && found === 0 && (!mayStart() || drained.aborted)) return counts
    const wait = found > 0 ? Math.min(pollMs, 100) : pollMs
    await pause(
      wait,
      [...served].map(({ done }) => done),
      mayStart() ? signal : undefined,
      // A worker must not be kept, and paid, for a poll that is to come.
      drained.aborted ? undefined : drained,
    )
  }
}

interface Serving {
  readonly mayStart: () => boolean
  readonly onSlow: () => void
  readonly signal: AbortSignal
  readonly counts: { delivered: number; failed: number }
}

/** Sends what is due for one endpoint, what is of the same subject in order, and gives the endpoint back. */
async function serve(
  options: DeliverOptions,
  endpoint: LeasedEndpoint,
  due: readonly DueDelivery[],
  { mayStart, onSlow, signal, counts }: Serving,
): Promise<void> {
  const { database, clock, log, random, slowMs = 2_000 } = options
  const until = clock() + serveMs
  let { failures } = endpoint
  let stopped = false
  const goesOn = () => !stopped && mayStart() && clock() < until

  /** @returns whether the next delivery of the subject may be sent */
  const send = async (delivery: DueDelivery): Promise<boolean> => {
    if (delivery.expired) {
      await expireDelivery(database, delivery.id)
      return true
    }
    const { postWebhook } = await import('./send.ts')
    const target = await readTarget(database, endpoint)
    if (target === undefined) {
      stopped = true
      return false
    }
    const began = clock()
    const late = setTimeout(onSlow, slowMs)
    const message = {
      id: messageIdOf(delivery),
      timestamp: Math.floor(options.now() / 1000),
      body: JSON.stringify(payloadOf(delivery)),
    }
    const post = { url: target.url, headers: signedHeaders(message, target.secrets), body: message.body }
    const attempt = await postWebhook(post, { ...options, signal }).finally(() => clearTimeout(late))
    const slow = clock() - began > slowMs
    const before = { ...endpoint, failures }
    const { stop, disabled } = await recordAttempt(database, before, delivery, attempt, { slow, random })
    failures = attempt.error === undefined ? 0 : failures + 1
    counts[attempt.error === undefined ? 'delivered' : 'failed']++
    stopped ||= stop
    if (disabled) {
      const { id: webhookId, userId } = endpoint
      log('warn', 'webhook disabled', { webhookId, userId, reason: attempt.error === 'gone' ? 'gone' : 'failing' })
    }
    return attempt.error === undefined || attempt.error === 'gone'
  }

  // A delivery without a subject has no order: it is a chain of its own.
  const chains = [...Map.groupBy(due, ({ subject, id }) => subject ?? id).values()]
  const runners = Array.from({ length: endpoint.degraded ? 1 : mostAtOnce }, async () => {
    for (let chain = chains.shift(); chain && goesOn(); chain = chains.shift()) {
      const inOrder = chain.toSorted((one, other) => one.id - other.id)
      const waiting = inOrder.findIndex(({ waitsFor }) => waitsFor !== undefined)
      const later = waiting < 0 ? [] : inOrder.splice(waiting)
      if (later[0]?.waitsFor !== undefined) {
        const ids = later.map(({ id }) => id)
        await deferDeliveries(database, ids, later[0].waitsFor)
      }
      for (const delivery of inOrder) {
        // The others wait for this one, and are read again when the endpoint is served next.
        if (!goesOn() || !(await send(delivery))) break
      }
    }
  })
  try {
    const ended = await Promise.allSettled(runners)
    const failed = ended.find((one) => one.status === 'rejected')
    if (failed && !signal.aborted) throw failed.reason
  } finally {
    await releaseEndpoint(database, endpoint)
  }
}
