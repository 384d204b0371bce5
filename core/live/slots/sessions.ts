import { sql } from 'drizzle-orm'
import type { CloseReason } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { wanted } from '../../database/sql-text.ts'
import { createTicker, type Sleep } from '../ticker.ts'
import { closeSessions, takeSlot } from './slots.ts'

/** One connection, as its row in `vision_job_sessions`. */
export interface Session {
  /** Records the version of the event being sent; the row gets it when it is touched or closed. */
  sent(version: number): void
  /** Closes the row, if it is open; never throws. */
  close(reason: CloseReason): void
}

export interface NewSession {
  readonly userId: string
  readonly jobId: number
  readonly transport: 'sse' | 'trpc'
  /** The version in the last event that an earlier connection received. */
  readonly lastEvent: number
  /** Called when another connection or process closed the row, so that this connection ends. */
  readonly onClosed: (reason: CloseReason) => void
}

/** The connections of this process. */
export interface Sessions {
  /**
   * Opens one. If its user has as many live ones as allowed, the oldest is closed: an EventSource that is refused never
   * retries. Undefined if the sessions that were just closed may not all have ended: the client should retry.
   */
  open(session: NewSession): Promise<Session | undefined>
  /** Resolves when all closed rows have been written, and nothing else is under way. */
  settled(): Promise<void>
}

export interface SessionOptions {
  readonly database: Database
  /** The most live ones of a user. */
  readonly perUser: number
  /** How often the process touches the rows of its connections, in milliseconds; well below `sessionLifeSeconds`. */
  readonly touchMs: number
  /** How often it checks for rows that another process has closed, in milliseconds; well below `endingSeconds`. */
  readonly lookMs: number
  /** 0 to 1. */
  readonly random: () => number
  readonly sleep: Sleep
  readonly onError: (error: unknown) => void
}

/** A connection that was not touched for this long, by the database's clock, counts as dead. */
const sessionLifeSeconds = 60
const keptDays = 7
const sweepBatch = 500
/** How many closed rows of a user are kept: whoever opens streams in a loop leaves no more. */
export const keptClosed = 1_000
/** In one opening of so many a process looks for what its user has beyond that; fewer than are deleted then. */
export const trimEvery = 50

interface OpenSession extends NewSession {
  readonly id: number
  version: number
}

/** One statement every `touchMs` touches the rows of all connections, whatever their number. */
export function createSessions(options: SessionOptions): Sessions {
  const { database, perUser, touchMs, lookMs, random, sleep, onError } = options
  const open = new Map<number, OpenSession>()
  const closing = new Set<Promise<void>>()
  let opened = 0
  const inBackground = (work: Promise<unknown>) => {
    const done = work.then(() => undefined, onError)
    closing.add(done)
    void done.finally(() => closing.delete(done))
  }

  const forget = (id: number) => {
    const session = open.get(id)
    open.delete(id)
    if (open.size === 0) for (const ticker of tickers) ticker.stop()
    return session
  }
  const look = async () => {
    for (const { id, reason } of await closedAmong(database, [...open.keys()])) forget(id)?.onClosed(reason)
  }
  const touch = async () => {
    if (!(await touchSessions(database, [...open.values()]))) await look()
  }
  const tickers = [createTicker(touchMs, sleep, touch, onError), createTicker(lookMs, sleep, look, onError)]

  return {
    open: async (requested) => {
      const { userId, jobId, transport, lastEvent } = requested
      const stream = { kind: 'stream', userId, jobId, transport, lastEvent } as const
      const taken = await takeSlot(database, stream, {
        perUser,
        lifeSeconds: sessionLifeSeconds,
        replaces: true,
        random,
      })
      for (const replaced of taken.replaced) forget(replaced)?.onClosed('replaced')
      const { id } = taken
      if (id === undefined) return undefined
      const session: OpenSession = { ...requested, id, version: lastEvent }
      open.set(id, session)
      for (const ticker of tickers) ticker.start()
      if (++opened % trimEvery === 0) inBackground(trimSessions(database, userId))
      const close = (reason: CloseReason) => {
        if (!forget(id)) return
        inBackground(closeSessions(database, [id], reason, session.version))
      }
      return {
        sent: (version) => {
          session.version = version
        },
        close,
      }
    },
    settled: async () => {
      await Promise.all([...tickers.map((ticker) => ticker.settled()), ...closing])
    },
  }
}

/**
 * Closes the sessions of dead processes, and deletes rows a week after their end, both in small batches: one long
 * transaction would hold up the purge of the whole server.
 */
export async function sweepSessions(database: Database, signal?: AbortSignal): Promise<void> {
  await inBatches(
    database,
    signal,
    sql`UPDATE vision_job_sessions
    SET closed_at = UTC_TIMESTAMP(3), close_reason = 'expired', slot = NULL
    WHERE closed_at IS NULL AND last_seen_at <= UTC_TIMESTAMP(3) - INTERVAL ${sessionLifeSeconds} SECOND
    ORDER BY last_seen_at LIMIT ${sweepBatch}`,
  )
  await inBatches(
    database,
    signal,
    sql`DELETE FROM vision_job_sessions
    WHERE closed_at <= UTC_TIMESTAMP(3) - INTERVAL ${keptDays} DAY ORDER BY closed_at LIMIT ${sweepBatch}`,
  )
}

/** Deletes the oldest closed rows of a user beyond those that are kept, 500 at most. */
export async function trimSessions(database: Database, userId: string, kept = keptClosed): Promise<void> {
  // A plain read, then row by row: so no gap is locked in which others open streams.
  const rows = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`SELECT id FROM vision_job_sessions FORCE INDEX (live) WHERE user_id = ${userId} AND closed_at IS NOT NULL
        ORDER BY closed_at DESC, id DESC LIMIT ${sweepBatch} OFFSET ${kept}`,
    ),
  )
  if (rows.length === 0) return
  const ids = rows.map(({ id }) => [id])
  await database.run((on) =>
    matchedBy(
      on,
      sql`DELETE s FROM ${wanted(['id'], ids)} STRAIGHT_JOIN vision_job_sessions s FORCE INDEX (PRIMARY)
        ON s.id = wanted.id`,
    ),
  )
}

/** How many connections are live. */
export async function countLiveSessions(on: Queryable): Promise<number> {
  const [row] = await rowsOf<{ sessions: number }>(
    on,
    sql`SELECT COUNT(*) AS sessions FROM vision_job_sessions FORCE INDEX (closing)
      WHERE closed_at IS NULL AND last_seen_at > UTC_TIMESTAMP(3) - INTERVAL ${sessionLifeSeconds} SECOND`,
  )
  return Number(row?.sessions ?? 0)
}

async function inBatches(
  database: Database,
  signal: AbortSignal | undefined,
  statement: ReturnType<typeof sql>,
): Promise<void> {
  while (!signal?.aborted) {
    if ((await database.run((on) => matchedBy(on, statement))) < sweepBatch) return
  }
}

/** @returns whether all of them were still open */
async function touchSessions(database: Database, sessions: readonly OpenSession[]): Promise<boolean> {
  const versions = sql.join(
    sessions.map(({ id, version }) => sql`WHEN ${id} THEN ${version}`),
    sql` `,
  )
  const touched = await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_job_sessions FORCE INDEX (PRIMARY)
        SET last_seen_at = UTC_TIMESTAMP(3), last_event = CASE id ${versions} END
        WHERE id IN ${sessions.map(({ id }) => id)} AND closed_at IS NULL`,
    ),
  )
  return touched === sessions.length
}

/** Those that are no longer open, and why. */
async function closedAmong(
  database: Database,
  ids: readonly number[],
): Promise<readonly { readonly id: number; readonly reason: CloseReason }[]> {
  if (ids.length === 0) return []
  const rows = await database.run((on) =>
    rowsOf<{ id: number; reason: CloseReason | null }>(
      on,
      sql`SELECT id, close_reason AS reason FROM vision_job_sessions FORCE INDEX (PRIMARY) WHERE id IN ${[...ids]}`,
    ),
  )
  const reasons = new Map(rows.map(({ id, reason }) => [id, reason]))
  return ids.flatMap((id) => {
    // A missing row was pruned long after it had expired.
    const reason = reasons.has(id) ? reasons.get(id) : 'expired'
    return reason ? [{ id, reason }] : []
  })
}
