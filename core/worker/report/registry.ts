import { hostname } from 'node:os'
import { eq, sql } from 'drizzle-orm'
import { type RunStats, visionWakes, visionWorkerMinutes, visionWorkers } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { asDate, matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { reasonOf } from '../../domain/errors.ts'
import { addStats, noStats, statsSince } from '../../domain/run-stats.ts'
import { type Counter, counters, type Tally } from '../../domain/tally.ts'
import { every, withTimeout } from '../../platform/async.ts'
import type { Log } from '../../platform/log.ts'

/** A worker's state, as it reports it. */
export interface WorkerReport {
  readonly inFlight: number
  /** The most jobs in flight, where it is less than its settings say: it takes no more before it ends. */
  readonly concurrency?: number | undefined
  /** The totals since its start. */
  readonly tally: Tally
  /** The waits, durations and failures of its runs, since its start. */
  readonly stats?: RunStats | undefined
}

export interface HeartbeatOptions {
  readonly database: Database
  readonly workerId: string
  /** Where an operator can follow it: a log stream; the host name if left out. */
  readonly host?: string | undefined
  readonly concurrency: number
  /** How often it reports, in milliseconds. */
  readonly everyMs: number
  /** What it was woken as, if it was: from its first report on it counts as itself. */
  readonly wakeId?: string | undefined
  readonly log: Log
}

/** A worker that has neither reported nor stopped for this long is dead; three reports fit into it. */
const workerLifeSeconds = 60
const keptDays = 7
const sweepBatch = 1_000
/** How long the last report may delay the end of a function, in milliseconds. */
const farewellMs = 2_000

/**
 * Reports a worker's state at once and then every `everyMs`, beside its work; a later report makes up for a failed one.
 *
 * @returns stops it with a last report, for which it waits a limited time
 */
export function startHeartbeat(options: HeartbeatOptions, read: () => WorkerReport): () => Promise<void> {
  const { everyMs, log } = options
  const heartbeat = (stopped: boolean) =>
    reportWorker(options, read(), stopped).catch((error: unknown) =>
      log('warn', 'heartbeat not written', { detail: reasonOf(error) }),
    )
  let reported = false
  const reporting = every(
    () => (reported ? everyMs : 0),
    async () => {
      reported = true
      await heartbeat(false)
    },
  )
  return async () => {
    await withTimeout(
      farewellMs,
      reporting.stop().then(() => heartbeat(true)),
      () => undefined,
    )
  }
}

/**
 * Writes a worker's state, and adds its increase to the current minute. The worker's own row records what was added before,
 * so a report may be repeated.
 */
async function reportWorker(
  { database, workerId, wakeId, host = hostname(), concurrency }: HeartbeatOptions,
  { tally, inFlight, concurrency: reduced = concurrency, stats = noStats() }: WorkerReport,
  stopped: boolean,
): Promise<void> {
  const now = sql`UTC_TIMESTAMP(3)`
  const state = {
    ...tally,
    stats,
    inFlight,
    concurrency: reduced,
    lastHeartbeatAt: now,
    stoppedAt: stopped ? now : null,
  }
  await database.transact(
    async (tx) => {
      const [before] = await rowsOf<Tally & Stored>(
        tx,
        sql`SELECT ${sql.raw(counters.join(', '))}, stats FROM vision_workers WHERE id = ${workerId} FOR UPDATE`,
      )
      const news = counters.map((one) => [one, tally[one] - (before?.[one] ?? 0)] as const)
      if (news.some(([, more]) => more > 0)) {
        // The minute is read once: the next may begin between two statements.
        const [row] = await rowsOf<Stored & { minute: string }>(
          tx,
          sql`SELECT CAST(now.minute AS CHAR) AS minute, m.stats FROM (SELECT ${sql.raw(minuteNow)} AS minute) AS now
            LEFT JOIN vision_worker_minutes m ON m.minute = now.minute AND m.worker_id = ${workerId}`,
        )
        const merged = addStats(readStats(row), statsSince(readStats(before), stats))
        const minute = sql`${row?.minute ?? ''}`
        await tx
          .insert(visionWorkerMinutes)
          .values({ minute, workerId, ...Object.fromEntries(news), stats: merged })
          .onDuplicateKeyUpdate({
            set: {
              ...Object.fromEntries(news.map(([one, more]) => [one, sql`${sql.raw(one)} + ${more}`])),
              stats: merged,
            },
          })
      }
      await tx
        .insert(visionWorkers)
        .values({ id: workerId, host: host.slice(0, 255), startedAt: now, ...state })
        .onDuplicateKeyUpdate({ set: state })
      if (wakeId !== undefined) await tx.delete(visionWakes).where(eq(visionWakes.id, wakeId))
    },
    // It may or may not have taken effect: a repetition adds nothing.
    async () => undefined,
  )
}

const minuteNow = "CAST(DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%d %H:%i:00') AS DATETIME(3))"

/** The stats of a row in the form of raw SQL. */
interface Stored {
  readonly stats: string | null
}

function readStats(row: Stored | undefined): RunStats {
  return row?.stats ? (JSON.parse(row.stats) as RunStats) : noStats()
}

export type WorkerState = 'running' | 'stopped' | 'silent'

/** A worker's last reported state. */
export interface WorkerView extends Omit<WorkerReport, 'stats' | 'concurrency'> {
  readonly workerId: string
  readonly host: string
  /** `silent`: it has neither stopped nor reported for a minute, so it is dead. */
  readonly state: WorkerState
  readonly concurrency: number
  readonly startedAt: Date
  readonly lastHeartbeatAt: Date
  readonly stoppedAt: Date | null
}

/** The workers that reported within the last hour, the latest first. */
export async function getRecentWorkers(on: Queryable, limit: number): Promise<readonly WorkerView[]> {
  const rows = await rowsOf<WorkerRow>(on, recentWorkersQuery(limit))
  return rows.map(({ id, host, state, concurrency, inFlight, startedAt, lastHeartbeatAt, stoppedAt, ...tally }) => ({
    workerId: id,
    host,
    state,
    concurrency,
    inFlight,
    tally,
    startedAt: asDate(startedAt),
    lastHeartbeatAt: asDate(lastHeartbeatAt),
    stoppedAt: stoppedAt === null ? null : asDate(stoppedAt),
  }))
}

interface WorkerRow extends Tally {
  readonly id: string
  readonly host: string
  readonly state: WorkerState
  readonly concurrency: number
  readonly inFlight: number
  readonly startedAt: string
  readonly lastHeartbeatAt: string
  readonly stoppedAt: string | null
}

const isAlive = sql`last_heartbeat_at > UTC_TIMESTAMP(3) - INTERVAL ${sql.raw(String(workerLifeSeconds))} SECOND`
/** Neither stopped nor silent. Must match the index `running`. */
export const isRunning = sql`stopped_at IS NULL AND ${isAlive}`

/** Must match the index: otherwise a week of workers is read for the last of them. */
function recentWorkersQuery(limit: number) {
  return sql`SELECT id, host, concurrency, in_flight AS inFlight, started_at AS startedAt, last_heartbeat_at AS lastHeartbeatAt,
      stopped_at AS stoppedAt, IF(stopped_at IS NOT NULL, 'stopped', IF(${isAlive}, 'running', 'silent')) AS state,
      ${sql.raw(counters.join(', '))}
    FROM vision_workers FORCE INDEX (heartbeat) WHERE last_heartbeat_at > UTC_TIMESTAMP(3) - INTERVAL 1 HOUR
    ORDER BY last_heartbeat_at DESC LIMIT ${limit}`
}

/** How many workers are running. */
export async function countRunningWorkers(on: Queryable): Promise<number> {
  const [row] = await rowsOf<{ workers: number }>(
    on,
    sql`SELECT COUNT(*) AS workers FROM vision_workers FORCE INDEX (running) WHERE ${isRunning}`,
  )
  return Number(row?.workers ?? 0)
}

/** The total concurrency of the running workers; 0 if none runs. */
export async function sumOfConcurrency(on: Queryable): Promise<number> {
  const [row] = await rowsOf<{ jobs: number | string | null }>(
    on,
    sql`SELECT SUM(concurrency) AS jobs FROM vision_workers FORCE INDEX (running) WHERE ${isRunning}`,
  )
  return Number(row?.jobs ?? 0)
}

/** The totals of all workers over a period. */
export interface Throughput {
  readonly minutes: number
  readonly tally: Tally
  /** Completed jobs. */
  readonly perMinute: number
  /** The share of finished runs that failed, 0 to 1; null if there were none. */
  readonly failureRate: number | null
}

/**
 * The sums of all workers' reports for the last whole minutes and the current one. A worker that dies loses at most what it
 * had not reported yet.
 */
export async function getThroughput(on: Queryable, minutes: number): Promise<Throughput> {
  const [row] = await rowsOf<Record<Counter | 'seconds', number | string | null>>(on, throughputQuery(minutes))
  const tally = Object.fromEntries(counters.map((one) => [one, Number(row?.[one] ?? 0)])) as Record<Counter, number>
  const wrong = tally.retried + tally.failed + tally.reclaimed
  const runs = tally.completed + wrong
  return {
    minutes,
    tally,
    perMinute: (tally.completed * 60) / (minutes * 60 + Number(row?.seconds ?? 0)),
    failureRate: runs === 0 ? null : wrong / runs,
  }
}

function throughputQuery(minutes: number) {
  return sql`SELECT ${sql.raw(counters.map((one) => `SUM(${one}) AS ${one}`).join(', '))},
      SECOND(UTC_TIMESTAMP(3)) AS seconds
    FROM vision_worker_minutes WHERE minute >= ${sql.raw(minuteNow)} - INTERVAL ${minutes} MINUTE`
}

/** Deletes rows older than a week, in small batches. */
export async function sweepWorkers(database: Database, signal?: AbortSignal): Promise<void> {
  const old = sql`<= UTC_TIMESTAMP(3) - INTERVAL ${keptDays} DAY`
  for (const which of [
    sql`vision_worker_minutes WHERE minute ${old} ORDER BY minute`,
    sql`vision_workers WHERE last_heartbeat_at ${old} ORDER BY last_heartbeat_at`,
    sql`vision_wakes WHERE woken_at ${old} ORDER BY woken_at`,
  ]) {
    while (!signal?.aborted) {
      const deleted = await database.run((on) => matchedBy(on, sql`DELETE FROM ${which} LIMIT ${sweepBatch}`))
      if (deleted < sweepBatch) break
    }
  }
}
