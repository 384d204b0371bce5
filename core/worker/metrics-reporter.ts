import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import { type Counts, noCounts, type Summary } from '../domain/tally.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { allowsCalls, readGates } from '../providers/circuit-breaker.ts'
import { oldestDueSeconds } from '../queue/oldest-due.ts'

export interface BeatOptions {
  readonly database: Database
  readonly metrics: Metrics
  readonly log: Log
  /** What the worker has done so far. */
  readonly counts: Summary
  /** How often a worker that drains says how it is doing, in milliseconds. */
  readonly everyMs: number
}

/** A database that does not answer must not hold a function up that has to end, in milliseconds. */
const patienceMs = 1_000

/**
 * Tells the metrics what a worker does: now and then while it drains, and once more when it is stopped.
 *
 * @returns stops it; resolves when all is told
 */
export function startBeats({ database, metrics, log, counts, everyMs }: BeatOptions): () => Promise<void> {
  const stopping = new AbortController()
  let told: Summary = noCounts()
  const beat = async () => {
    const look = inTime(Promise.all([oldestDueSeconds(database), database.run(readGates)]))
    const [oldest, gates] = await look.catch((error: unknown) => {
      log('error', 'the state of the queue could not be read', { detail: reasonOf(error) })
      return []
    })
    metrics.beat(difference(counts, told), oldest)
    if (gates) {
      for (const state of gates.all.filter(({ name }) => name !== 'all')) {
        metrics.providerPaused(state.name, !allowsCalls(state) || state.downSince !== null)
      }
    }
    told = { ...counts }
    metrics.flush()
  }
  const loop = async () => {
    for (;;) {
      await delay(everyMs, undefined, { signal: stopping.signal })
      await beat()
    }
  }
  const beating = loop().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
  })
  return async () => {
    stopping.abort()
    await beating
    await beat()
  }
}

function difference(now: Summary, before: Summary): Summary {
  const done: Counts = noCounts()
  for (const key of Object.keys(done) as (keyof Summary)[]) done[key] = now[key] - before[key]
  return done
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  const answered = new AbortController()
  const late = delay(patienceMs, undefined, { signal: answered.signal }).then(() => {
    throw new Error(`no answer within ${patienceMs} ms`)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    answered.abort()
    for (const loser of [answer, late]) loser.catch(() => undefined)
  }
}
