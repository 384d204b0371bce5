import { sql } from 'drizzle-orm'
import { type CloseReason, type Transport, visionJobSessions } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { createTicker, type Sleep } from './ticker.ts'

/** One connection, as its row in `vision_job_sessions`. */
export interface Session {
  /** Notes the version in the event that is being sent; the row learns of it when it is touched or closed. */
  sent(version: number): void
  /** Closes the row, if nobody has; never throws. */
  close(reason: CloseReason): void
}

export interface NewSession {
  readonly userId: string
  readonly jobId: number
  readonly transport: Transport
  /** The version in the last event that an earlier connection had. */
  readonly lastEvent: number
  /** Told when somebody else closed the row, so that the connection ends: at the next touch, or at once if it was us. */
  readonly onClosed: (reason: CloseReason) => void
}

/** The connections of this process. */
export interface Sessions {
  /**
   * Opens one. If its user then has more live ones than allowed, the oldest are closed: an EventSource that is refused
   * never tries again.
   */
  open(session: NewSession): Promise<Session>
  /** Resolves when every row that was being closed is, and nothing else is under way. */
  settled(): Promise<void>
}

export interface SessionOptions {
  readonly database: Database
  /** At most so many live ones of a user. */
  readonly perUser: number
  /** How often the process says which of its connections live, in milliseconds; well below `sessionLifeSeconds`. */
  readonly touchMs: number
  readonly sleep: Sleep
  readonly onError: (error: unknown) => void
}

/** Who was not seen for so long, by the database's clock, is taken for dead. */
export const sessionLifeSeconds = 60
const keptDays = 7
const sweepBatch = 500
const sweepBatches = 10

interface Held extends NewSession {
  readonly id: number
  version: number
}

/** One statement every `touchMs` says of all connections that they live, whatever their number. */
export function createSessions({ database, perUser, touchMs, sleep, onError }: SessionOptions): Sessions {
  const held = new Map<number, Held>()
  const closing = new Set<Promise<void>>()

  const forget = (id: number) => {
    const session = held.get(id)
    held.delete(id)
    if (held.size === 0) ticker.stop()
    return session
  }
  const touch = async () => {
    const sessions = [...held.values()]
    if (await touchSessions(database, sessions)) return
    for (const { id, reason } of await closedAmong(database, sessions)) forget(id)?.onClosed(reason)
  }
  const ticker = createTicker(touchMs, sleep, touch, onError)

  return {
    open: async (wanted) => {
      const id = await insertSession(database, wanted)
      const session: Held = { ...wanted, id, version: wanted.lastEvent }
      held.set(id, session)
      ticker.start()
      const close = (reason: CloseReason) => {
        if (!forget(id)) return
        const done = closeSessions(database, [id], reason, session.version).catch(onError)
        closing.add(done)
        void done.finally(() => closing.delete(done))
      }
      try {
        for (const replaced of await makeRoom(database, wanted.userId, perUser)) {
          forget(replaced)?.onClosed('replaced')
        }
      } catch (error) {
        close('failed')
        throw error
      }
      return {
        sent: (version) => {
          session.version = version
        },
        close,
      }
    },
    settled: async () => {
      await Promise.all([ticker.settled(), ...closing])
    },
  }
}

/**
 * Closes the sessions whose process has died, and deletes rows a week after their end, both in small batches: one long
 * transaction would hold up the purge of the whole server.
 */
export async function sweepSessions(database: Database): Promise<void> {
  await inBatches(
    database,
    sql`UPDATE vision_job_sessions
    SET closed_at = UTC_TIMESTAMP(3), close_reason = 'expired'
    WHERE closed_at IS NULL AND last_seen_at <= UTC_TIMESTAMP(3) - INTERVAL ${sessionLifeSeconds} SECOND
    ORDER BY last_seen_at LIMIT ${sweepBatch}`,
  )
  await inBatches(
    database,
    sql`DELETE FROM vision_job_sessions
    WHERE closed_at <= UTC_TIMESTAMP(3) - INTERVAL ${keptDays} DAY ORDER BY closed_at LIMIT ${sweepBatch}`,
  )
}

/** How many connections live. */
export async function countLiveSessions(on: Queryable): Promise<number> {
  const [row] = await rowsOf<{ sessions: number }>(
    on,
    sql`SELECT COUNT(*) AS sessions FROM vision_job_sessions FORCE INDEX (closing)
      WHERE closed_at IS NULL AND last_seen_at > UTC_TIMESTAMP(3) - INTERVAL ${sessionLifeSeconds} SECOND`,
  )
  return Number(row?.sessions ?? 0)
}

async function inBatches(database: Database, statement: ReturnType<typeof sql>): Promise<void> {
  for (let batch = 1; batch <= sweepBatches; batch++) {
    if ((await database.run((on) => matchedBy(on, statement))) < sweepBatch) return
  }
}

async function insertSession(database: Database, session: NewSession): Promise<number> {
  const { userId, jobId, transport, lastEvent } = session
  const [result] = await database.run((on) =>
    on.insert(visionJobSessions).values({
      userId,
      jobId,
      transport,
      lastEvent,
      connectedAt: sql`UTC_TIMESTAMP(3)`,
      lastSeenAt: sql`UTC_TIMESTAMP(3)`,
    }),
  )
  return result.insertId
}

/**
 * Closes what is too much of a user's: first the dead, then the oldest of the living. Each connection looks after it has
 * inserted its own row, so of several that come at once the last to look sees them all, and no lock is needed.
 *
 * @returns the living ones that were closed
 */
async function makeRoom(database: Database, userId: string, perUser: number): Promise<readonly number[]> {
  const open = await database.run((on) =>
    rowsOf<{ id: number; expired: 0 | 1 }>(
      on,
      sql`SELECT id, last_seen_at <= UTC_TIMESTAMP(3) - INTERVAL ${sessionLifeSeconds} SECOND AS expired
        FROM vision_job_sessions FORCE INDEX (live) WHERE user_id = ${userId} AND closed_at IS NULL ORDER BY id`,
    ),
  )
  if (open.length <= perUser) return []
  const dead = open.filter((session) => session.expired === 1).map(({ id }) => id)
  const living = open.filter((session) => session.expired === 0).map(({ id }) => id)
  const replaced = living.slice(0, Math.max(0, living.length - perUser))
  await closeSessions(database, dead, 'expired')
  await closeSessions(database, replaced, 'replaced')
  return replaced
}

async function closeSessions(
  database: Database,
  ids: readonly number[],
  reason: CloseReason,
  version?: number,
): Promise<void> {
  if (ids.length === 0) return
  const lastEvent = version === undefined ? sql`` : sql`last_event = ${version}, last_seen_at = UTC_TIMESTAMP(3), `
  await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_job_sessions FORCE INDEX (PRIMARY)
        SET ${lastEvent}closed_at = UTC_TIMESTAMP(3), close_reason = ${reason}
        WHERE id IN ${ids} AND closed_at IS NULL`,
    ),
  )
}

/** @returns whether all of them were still open */
async function touchSessions(database: Database, sessions: readonly Held[]): Promise<boolean> {
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

async function closedAmong(
  database: Database,
  sessions: readonly Held[],
): Promise<readonly { readonly id: number; readonly reason: CloseReason }[]> {
  const ids = sessions.map(({ id }) => id)
  const rows = await database.run((on) =>
    rowsOf<{ id: number; reason: CloseReason | null }>(
      on,
      sql`SELECT id, close_reason AS reason FROM vision_job_sessions WHERE id IN ${ids}`,
    ),
  )
  const reasons = new Map(rows.map(({ id, reason }) => [id, reason]))
  return ids.flatMap((id) => {
    // A row that is not there at all was pruned, long after it had expired.
    const reason = reasons.has(id) ? reasons.get(id) : 'expired'
    return reason ? [{ id, reason }] : []
  })
}
