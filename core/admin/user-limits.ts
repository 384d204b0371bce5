import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'
import { lockUser } from '../queue/rows/users.ts'
import {
  type LimitOverrides,
  limitColumn,
  type Overridable,
  overridable,
  readOverrides,
} from '../usage/limit-overrides.ts'
import type { Operator } from './audit-log.ts'
import { noteAction } from './audit-log.ts'

/** The limits to set for a user: null is the setting again, and what is left out stays. */
export type LimitChange = { readonly [Name in Overridable]?: number | null | undefined }

/** What an operator has set for a user; nothing for users without a job. */
export function getLimits(database: Database, userId: string): Promise<LimitOverrides> {
  return database.run((on) => readOverrides(on, userId))
}

/**
 * Sets limits for one user, who need not have had a job yet. Blocked jobs that there is room for now are admitted within
 * seconds; of a lower limit, jobs in flight stay.
 *
 * @returns the user's overrides as they are then
 */
export function setLimits({ database, actor }: Operator, userId: string, change: LimitChange): Promise<LimitOverrides> {
  const names = overridable.filter((name) => change[name] !== undefined)
  return database.transact(
    async (tx) => {
      const { overrides: before } = await lockUser(tx, userId)
      const after: LimitOverrides = {
        ...before,
        ...Object.fromEntries(names.map((name) => [name, change[name] ?? null])),
      }
      // Overdue for the sweep of any worker, which knows the settings that apply.
      const sets = names.map((name) => sql`${limitColumn[name]} = ${after[name]}`)
      sets.push(sql`blocked_seen_at = IF(blocked_seen_at IS NULL, NULL, UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE)`)
      await matchedBy(tx, sql`UPDATE vision_users SET ${sql.join(sets, sql`, `)} WHERE user_id = ${userId}`)
      await noteAction(tx, {
        actor,
        action: 'set limits',
        parameters: { userId, ...pick(change, names) },
        result: { before: pick(before, names), done: true },
      })
      return after
    },
    // Setting them once more changes nothing, and the audit log has both attempts.
    async () => undefined,
  )
}

function pick(from: LimitChange, names: readonly Overridable[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, from[name]]))
}

/** Whether there is any job of the user: a limit of a name that was misspelt would limit nobody. */
export async function hasJobs(database: Database, userId: string): Promise<boolean> {
  const found = await database.run((on) =>
    rowsOf(on, sql`SELECT 1 FROM vision_jobs FORCE INDEX (history) WHERE user_id = ${userId} LIMIT 1`),
  )
  return found.length > 0
}
