import { sql } from 'drizzle-orm'
import type { Provider, RunStats } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { asDate, rowsOf } from '../database/sql.ts'
import { countLiveSessions } from '../live/slots/sessions.ts'
import { type ProviderState, readProviderStates } from '../providers/availability/provider-state.ts'
import { type ProviderUsage, usageOf } from '../providers/availability/rate-limit.ts'
import { providerNames } from '../providers/registry.ts'
import { type Depth, getQueueDepth } from '../queue/claim/depth.ts'
import { oldestDueSeconds } from '../queue/claim/oldest-due.ts'
import { readWebhookHealth, type WebhookHealth } from '../webhooks/health.ts'
import { getMinutes, sumOfMinutes } from '../worker/report/minutes.ts'
import {
  countRunningWorkers,
  getRecentWorkers,
  getThroughput,
  type Throughput,
  type WorkerView,
} from '../worker/report/registry.ts'

/** The status of the queue, its workers and the providers. */
export interface Status {
  /** By the database’s clock. */
  readonly at: Date
  readonly depth: readonly Depth[]
  /** How long the oldest runnable job has waited; 0 if none waits. */
  readonly oldestDueSeconds: number
  readonly runningWorkers: number
  /** The workers that reported within the last hour, the latest first, up to 20. */
  readonly workers: readonly WorkerView[]
  readonly throughput: readonly (Throughput & { readonly stats: RunStats })[]
  /** Claiming as a whole. */
  readonly claims: ProviderState
  readonly providers: readonly ProviderState[]
  readonly usage: ReadonlyMap<Provider, ProviderUsage>
  readonly liveSessions: number
  readonly webhooks: WebhookHealth
}

const shownWorkers = 20
const windows = [5, 60]

/**
 * Reads everything at about one moment: a dozen small statements, each with a limit, or along an index over at most an hour
 * of workers' reports, so that the cost does not grow with the tables.
 */
export async function getStatus(database: Database): Promise<Status> {
  const waited = await oldestDueSeconds(database)
  return database.run(async (on) => {
    const [clock] = await rowsOf<{ now: string }>(on, sql`SELECT UTC_TIMESTAMP(3) AS now`)
    const states = await readProviderStates(on)
    const usage = new Map<Provider, ProviderUsage>()
    for (const provider of providerNames) usage.set(provider, await usageOf(on, provider))
    const throughput: Status['throughput'][0][] = []
    for (const minutes of windows) {
      const { stats } = sumOfMinutes(await getMinutes(on, minutes))
      throughput.push({ ...(await getThroughput(on, minutes)), stats })
    }
    return {
      at: asDate(clock?.now ?? ''),
      depth: await getQueueDepth(on),
      oldestDueSeconds: waited,
      runningWorkers: await countRunningWorkers(on),
      workers: await getRecentWorkers(on, shownWorkers),
      throughput,
      claims: states.of('all'),
      providers: providerNames.map(states.of),
      usage,
      liveSessions: await countLiveSessions(on),
      webhooks: await readWebhookHealth(on),
    }
  })
}
