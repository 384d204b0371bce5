import { type SQL, sql } from 'drizzle-orm'
import type { Step } from '../../../drizzle/schema.ts'
import { lockUserRow } from '../../database/lock-user.ts'
import { type Queryable, rowsOf, tableOfUsers } from '../../database/sql.ts'
import { type LimitOverrides, type OverrideRow, overrideColumns, overridesIn } from '../../usage/limit-overrides.ts'

/** A user whose row the transaction has locked. */
export interface LockedUser {
  readonly userId: string
  /** Whether any of the user's jobs may be blocked. */
  readonly mayHaveBlocked: boolean
  /** The last turn that was issued to the user's jobs, by lane; 0 if none was. Updated by each transaction that issues tags. */
  readonly lastTags: Record<Step, number>
  /** The largest weight of one of the user's jobs since virtual time last passed all of them, by lane. */
  readonly widths: Record<Step, number>
  /** The limits that an operator has set for the user. */
  readonly overrides: LimitOverrides
  /** The weight of the user's jobs in flight; undefined until they have been counted. */
  textsInFlight: number | undefined
  /** The virtual time of lanes whose jobs' tags may be issued next, where it was read with the jobs in flight. */
  virtualTimes: Partial<Record<Step, number>>
}

/** The columns of a user's last turn and largest weight, by lane. */
export const lastTagColumn: Readonly<Record<Step, SQL>> = { analysis: sql`analysis_tag`, content: sql`content_tag` }
export const widthColumn: Readonly<Record<Step, SQL>> = { analysis: sql`analysis_width`, content: sql`content_width` }

interface Row extends Record<Step | 'analysisWidth' | 'contentWidth', number>, OverrideRow {
  readonly blocked: 0 | 1
}

const columns = sql`blocked_seen_at IS NOT NULL AS blocked, analysis_tag AS analysis, content_tag AS content,
  analysis_width AS analysisWidth, content_width AS contentWidth, ${overrideColumns}`

/**
 * Locks a user's row, which is inserted when it is first needed. Every transaction that adds to the user's jobs in flight
 * holds it. It takes it before any job's row, and one user's alone: another order could deadlock.
 */
export async function lockUser(tx: Queryable, userId: string): Promise<LockedUser> {
  // The INSERT comes first: in REPEATABLE READ a locking read of a missing row locks the gap, and two transactions that
  // then insert into it deadlock. IGNORE would leave each of several with a shared lock that none can upgrade.
  await lockUserRow(tx, userId)
  const [row] = await rowsOf<Row>(tx, sql`SELECT ${columns} FROM vision_users WHERE user_id = ${userId} FOR UPDATE`)
  if (row === undefined) throw new Error(`the row of the user ${userId} is gone`)
  return locked(userId, row)
}

/**
 * The same without waiting: undefined if another connection, perhaps a dead one, holds the row, or if there is none. For
 * work that serves all users in turn and is repeated.
 */
export async function tryLockUser(tx: Queryable, userId: string): Promise<LockedUser | undefined> {
  const [row] = await rowsOf<Row>(
    tx,
    sql`SELECT ${columns} FROM vision_users WHERE user_id = ${userId} FOR UPDATE SKIP LOCKED`,
  )
  return row && locked(userId, row)
}

/** Creates the missing rows of users who have jobs: rarely needed, as creating a job creates one. */
export async function ensureUsers(on: Queryable, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return
  const rows = await rowsOf<{ userId: string }>(
    on,
    sql`SELECT vision_users.user_id AS userId FROM ${tableOfUsers(userIds)} wanted STRAIGHT_JOIN vision_users
      FORCE INDEX (PRIMARY) ON vision_users.user_id = wanted.user_id`,
  )
  const known = new Set(rows.map(({ userId }) => userId))
  for (const userId of userIds) if (!known.has(userId)) await lockUserRow(on, userId)
}

function locked(userId: string, row: Row): LockedUser {
  const lastTags = { analysis: Number(row.analysis), content: Number(row.content) }
  const widths = { analysis: Number(row.analysisWidth), content: Number(row.contentWidth) }
  return {
    userId,
    mayHaveBlocked: row.blocked === 1,
    lastTags,
    widths,
    textsInFlight: undefined,
    virtualTimes: {},
    overrides: overridesIn(row),
  }
}
