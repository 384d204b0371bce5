import { sql } from 'drizzle-orm'
import { type Step, visionWakes } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { reasonOf } from '../../domain/errors.ts'
import { withTimeout } from '../../platform/async.ts'
import type { Log } from '../../platform/log.ts'
import { isRunning } from '../report/registry.ts'

/** Starts workers for pending jobs that no live worker has a place for. */
export interface Waker {
  /** Returns at once, and never throws: what fails is logged, and made good by the schedule. */
  wake(): void
  /** Resolves when nothing is under way, at the latest after `wakeMs`: a function is frozen when it returns. */
  settled(): Promise<void>
  /** Wakes nobody for a while: jobs are pending, but their provider is paused. */
  rest(): Promise<void>
}

export interface WakerOptions {
  readonly database: Database
  /** Starts a worker elsewhere, and tells it what it was woken as. */
  readonly start: (wakeId: string, signal: AbortSignal) => Promise<void>
  /** The most workers at once, those of the schedule included. */
  readonly mostWorkers: number
  /** How many jobs one has in flight at most. */
  readonly concurrency: number
  readonly newId: () => string
  readonly log: Log
}

/** The longest that a reply waits for the workers that it wakes, in milliseconds: a cold function's TLS and the call fit in. */
const wakeMs = 1_000
/** Between two wakes of all callers together, in milliseconds: long enough that the second sees what the first has woken. */
const wakeGapMs = 250
/** A worker that was woken and has not reported after this long, in seconds, will not come: longer than any cold start. */
const arrivalSeconds = 15
const restMs = 10_000

/** What is pending, and what there is for it, each counted no further than all workers together could take. */
export interface Demand {
  /** Those that are due included, which a worker makes pending. */
  readonly pending: number
  readonly inFlight: number
  /** Of the workers that run. */
  readonly places: number
  readonly workers: number
  /** Workers that were woken and have not reported yet. */
  readonly woken: number
}

/**
 * How many workers to start: as many as the jobs beyond all places need. One is left to the schedule, whose worker also sweeps
 * and takes back what is lost, unless there may be but one.
 *
 * @param most the most workers at once
 */
export function workersToStart(
  { pending, inFlight, places, workers, woken }: Demand,
  { most, concurrency }: { readonly most: number; readonly concurrency: number },
): number {
  const lacking = pending === 0 ? 0 : Math.ceil((pending + inFlight - places) / concurrency) - woken
  const free = Math.max(1, most - 1) - workers - woken
  return Math.max(0, Math.min(lacking, free))
}

/** Asks the database who runs and what waits, and calls for the workers that lack; calls of one process share one look. */
export function createWaker(options: WakerOptions): Waker {
  const { database, start, mostWorkers: most, concurrency, newId, log } = options
  const limit = most * concurrency + 1
  let again = false
  let looking: Promise<void> | undefined

  const lacking = async (on: Queryable | Database) => {
    const demand = 'run' in on ? await on.run((one) => readDemand(one, limit)) : await readDemand(on, limit)
    return workersToStart(demand, { most, concurrency })
  }

  const call = async (wakeId: string) => {
    try {
      await start(wakeId, AbortSignal.timeout(2 * wakeMs))
    } catch (error) {
      log('warn', 'worker not woken', { detail: reasonOf(error) })
      await database.run((on) => matchedBy(on, sql`DELETE FROM vision_wakes WHERE id = ${wakeId}`))
    }
  }

  const lookOnce = async () => {
    if ((await lacking(database)) === 0) return
    const ids = await database.transact(async (tx) => {
      if (!(await isFirst(tx))) return []
      // Again: whoever was first a moment ago has woken some.
      const ids = Array.from({ length: await lacking(tx) }, newId)
      if (ids.length > 0) {
        await tx.insert(visionWakes).values(ids.map((id) => ({ id, wokenAt: sql`UTC_TIMESTAMP(3)` })))
      }
      return ids
    })
    if (ids.length === 0) return
    log('info', 'workers woken', { workers: ids.length })
    await Promise.all(ids.map(call))
  }

  const look = async () => {
    try {
      while (again) {
        again = false
        await lookOnce()
      }
    } catch (error) {
      log('warn', 'workers not woken', { detail: reasonOf(error) })
    } finally {
      looking = undefined
    }
  }

  return {
    wake: () => {
      again = true
      looking ??= look()
    },
    settled: () => withTimeout(wakeMs, looking ?? Promise.resolve(), () => undefined),
    rest: async () => {
      const until = sql`UTC_TIMESTAMP(3) + INTERVAL ${sql.raw(String(restMs * 1000))} MICROSECOND`
      await database.run((on) => matchedBy(on, sql`UPDATE vision_wakes SET woken_at = ${until} WHERE id = 'last'`))
    },
  }
}

/** One plain read that locks nothing, of at most `limit` entries of each index. */
async function readDemand(on: Queryable, limit: number): Promise<Demand> {
  const waiting = (lane: Step) => sql`(SELECT COUNT(*) FROM (SELECT 1 FROM vision_jobs FORCE INDEX (claim)
    WHERE waiting_as = 'pending' AND lane = ${lane} LIMIT ${limit}) j)`
  const [row] = await rowsOf<Record<keyof Demand, number | string>>(
    on,
    sql`SELECT ${waiting('content')} + ${waiting('analysis')}
        + (SELECT COUNT(*) FROM (SELECT 1 FROM vision_jobs FORCE INDEX (due)
          WHERE status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3) LIMIT ${limit}) j) AS pending,
      (SELECT COUNT(*) FROM (SELECT 1 FROM vision_jobs FORCE INDEX (lease) WHERE status = 'processing' LIMIT ${limit}) j)
        AS inFlight,
      w.workers, w.places,
      (SELECT COUNT(*) FROM vision_wakes FORCE INDEX (woken)
        WHERE woken_at > UTC_TIMESTAMP(3) - INTERVAL ${sql.raw(String(arrivalSeconds))} SECOND AND id <> 'last') AS woken
    FROM (SELECT COUNT(*) AS workers, COALESCE(SUM(concurrency), 0) AS places
      FROM vision_workers FORCE INDEX (running) WHERE ${isRunning}) w`,
  )
  const read = (key: keyof Demand) => Number(row?.[key] ?? 0)
  return {
    pending: read('pending'),
    inFlight: read('inFlight'),
    places: read('places'),
    workers: read('workers'),
    woken: read('woken'),
  }
}

/**
 * Whether nobody else wakes workers now or has within the gap. Whoever is first keeps the row until its transaction ends; nobody
 * waits for it.
 */
async function isFirst(tx: Queryable): Promise<boolean> {
  const last = sql`SELECT woken_at <= UTC_TIMESTAMP(3) - INTERVAL ${sql.raw(String(wakeGapMs * 1000))} MICROSECOND AS isOver
    FROM vision_wakes WHERE id = 'last'`
  const [known] = await rowsOf(tx, last)
  // Before the first wake of all.
  if (!known) await tx.execute(sql`INSERT IGNORE INTO vision_wakes (id, woken_at) VALUES ('last', '1970-01-02')`)
  const [locked] = await rowsOf<{ isOver: number }>(tx, sql`${last} FOR UPDATE SKIP LOCKED`)
  if (!locked || Number(locked.isOver) === 0) return false
  await tx.execute(sql`UPDATE vision_wakes SET woken_at = UTC_TIMESTAMP(3) WHERE id = 'last'`)
  return true
}
