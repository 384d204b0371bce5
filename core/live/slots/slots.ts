import { sql } from 'drizzle-orm'
import { type CloseReason, type Transport, visionJobSessions } from '../../../drizzle/schema.ts'
import { isDuplicate } from '../../database/classify-error.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, rowsOf } from '../../database/sql.ts'
import { connectionLimit, limitColumn } from '../../usage/limit-overrides.ts'

// A user has a fixed number of slots for streams and another for waits, and each connection holds one: its row has the slot
// under a unique key. The cap therefore holds at the moment of opening, over all processes, without a lock that outlives a
// statement: each statement here commits by itself.

/** A connection that needs a slot. */
export interface NewConnection {
  readonly kind: 'stream' | 'wait'
  readonly userId: string
  readonly jobId: number
  readonly transport: Transport
  readonly lastEvent: number
}

export interface SlotOptions {
  /** How many slots of this kind a user has for whom no operator has set another limit. */
  readonly perUser: number
  /** A connection that was not touched for this long, by the database's clock, counts as dead. */
  readonly lifeSeconds: number
  /** Whether the oldest connection is replaced when no slot is free. */
  readonly replaces: boolean
  /** 0 to 1. */
  readonly random: () => number
}

export interface TakenSlot {
  /** The id of the row; undefined if no slot is free. */
  readonly id: number | undefined
  /** The connections that were replaced. */
  readonly replaced: readonly number[]
}

/** How long a replaced connection may stay open, in seconds: its process checks every second. */
export const endingSeconds = 3
/** The most ending connections of a user: never more are open than these and the slots together. */
export const endingAtOnce = 5
/** An attempt fails only if another connection of the same user took the slot at the same moment. */
const tries = 20

/** Takes a slot for a connection, by inserting its row. */
export async function takeSlot(
  database: Database,
  wanted: NewConnection,
  { perUser, lifeSeconds, replaces, random }: SlotOptions,
): Promise<TakenSlot> {
  const { kind, userId } = wanted
  const replaced: number[] = []
  for (let attempt = 1; attempt <= tries; attempt++) {
    const { override, holders } = await readHolders(database, wanted, lifeSeconds)
    const most = connectionLimit(perUser, override)
    const dead = holders.filter((holder) => holder.dead === 1).map(({ id }) => id)
    await closeSessions(database, dead, 'expired')
    const living = holders.filter((holder) => holder.dead === 0)
    const free = Array.from({ length: most }, (_, n) => `${kind}-${n}`).filter(
      (slot) => !living.some((holder) => holder.slot === slot),
    )
    // If the number of slots was reduced, those beyond count as well.
    if (living.length < most) {
      const id = await insert(database, wanted, free[Math.floor(random() * free.length)] ?? `${kind}-0`)
      if (id !== undefined) return { id, replaced }
    } else if (replaces && (await countEnding(database, userId)) < endingAtOnce) {
      const oldest = Math.min(...living.map(({ id }) => id))
      if ((await closeSessions(database, [oldest], 'replaced')) > 0) replaced.push(oldest)
    } else break
  }
  return { id: undefined, replaced }
}

/** The connections that hold a user's slots of a kind, and how many slots an operator has set for the user, in one statement. */
async function readHolders(database: Database, { kind, userId }: NewConnection, lifeSeconds: number) {
  const limit = limitColumn[kind === 'stream' ? 'streams' : 'waits']
  const rows = await database.run((on) =>
    rowsOf<{ id: number | null; slot: string; dead: 0 | 1; override: number | null }>(
      on,
      sql`SELECT s.id, s.slot, s.last_seen_at <= UTC_TIMESTAMP(3) - INTERVAL ${lifeSeconds} SECOND AS dead,
          u.${limit} AS \`override\`
        FROM (SELECT 1 AS one) AS always
        LEFT JOIN vision_users u ON u.user_id = ${userId}
        LEFT JOIN vision_job_sessions s FORCE INDEX (slot) ON s.user_id = ${userId} AND s.slot LIKE ${`${kind}-%`}`,
    ),
  )
  const holders = rows.flatMap(({ id, slot, dead }) => (id === null ? [] : [{ id, slot, dead }]))
  return { override: rows[0]?.override ?? null, holders }
}

/** Closes open rows, frees their slots, and records the last version sent. */
export async function closeSessions(
  database: Database,
  ids: readonly number[],
  reason: CloseReason,
  version?: number,
): Promise<number> {
  if (ids.length === 0) return 0
  const lastEvent = version === undefined ? sql`` : sql`last_event = ${version}, last_seen_at = UTC_TIMESTAMP(3), `
  return database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_job_sessions FORCE INDEX (PRIMARY)
        SET ${lastEvent}closed_at = UTC_TIMESTAMP(3), close_reason = ${reason}, slot = NULL
        WHERE id IN ${[...ids]} AND closed_at IS NULL`,
    ),
  )
}

/** @returns the row's id; undefined if another connection has taken the slot meanwhile */
async function insert(database: Database, wanted: NewConnection, slot: string): Promise<number | undefined> {
  const { kind: _, ...row } = wanted
  const now = sql`UTC_TIMESTAMP(3)`
  try {
    const [{ insertId }] = await database.run((on) =>
      on.insert(visionJobSessions).values({ ...row, slot, connectedAt: now, lastSeenAt: now }),
    )
    return insertId
  } catch (error) {
    if (isDuplicate(error)) return undefined
    throw error
  }
}

/** How many of a user's streams were replaced a moment ago, and may still be open. */
async function countEnding(database: Database, userId: string): Promise<number> {
  const [row] = await database.run((on) =>
    rowsOf<{ ending: number }>(
      on,
      sql`SELECT COUNT(*) AS ending FROM vision_job_sessions FORCE INDEX (live) WHERE user_id = ${userId}
        AND closed_at > UTC_TIMESTAMP(3) - INTERVAL ${endingSeconds} SECOND AND close_reason = 'replaced'`,
    ),
  )
  return Number(row?.ending ?? 0)
}
