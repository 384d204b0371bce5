import { desc, lt, sql } from 'drizzle-orm'
import { visionOperatorActions } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { matchedBy, type Queryable } from '../database/sql.ts'

/** The actions of operators. */
export const operatorVerbs = [
  'pause',
  'resume',
  'redrive',
  'cancel',
  'prune',
  'create key',
  'revoke key',
  'set limits',
  'erase',
] as const
export type OperatorVerb = (typeof operatorVerbs)[number]

/** The operator, and the database that the commands work on. */
export interface Operator {
  readonly database: Database
  /** A user id, or `cli:` and an account’s name. */
  readonly actor: string
}

/** A row of `vision_operator_actions`. */
export type ActionRow = typeof visionOperatorActions.$inferSelect

export interface NewAction {
  /** A user id, or `cli:` and an account’s name. */
  readonly actor: string
  readonly action: OperatorVerb
  readonly parameters: Record<string, unknown>
  readonly result: Record<string, unknown>
  readonly dryRun?: boolean
}

/**
 * Logs an operator's action, in the transaction of the action.
 *
 * @returns the row’s id, for `noteResult`
 */
export async function noteAction(tx: Queryable, { dryRun = false, ...action }: NewAction): Promise<number> {
  const [{ insertId }] = await tx
    .insert(visionOperatorActions)
    .values({ ...action, dryRun: dryRun ? 1 : 0, at: sql`UTC_TIMESTAMP(3)` })
  return insertId
}

/**
 * Logs an action before it begins, so that one that is cut off is on record.
 *
 * @returns the row’s id, for `noteResult`
 */
export function beginAction(
  { database, actor }: Operator,
  action: OperatorVerb,
  parameters: Record<string, unknown>,
  dryRun = false,
): Promise<number> {
  const row = { actor, action, parameters, result: { done: false }, dryRun }
  return database.transact(
    (tx) => noteAction(tx, row),
    async () => undefined,
  )
}

/** Updates an action’s row, in the transaction of a batch. */
export async function noteResult(tx: Queryable, id: number, result: Record<string, unknown>): Promise<void> {
  await matchedBy(tx, sql`UPDATE vision_operator_actions SET result = ${JSON.stringify(result)} WHERE id = ${id}`)
}

/** The actions of operators, the latest first. */
export function getOperatorActions(
  database: Database,
  { limit, before }: { readonly limit: number; readonly before?: number | undefined },
): Promise<readonly ActionRow[]> {
  return database.run((on) =>
    on
      .select()
      .from(visionOperatorActions)
      .where(before === undefined ? undefined : lt(visionOperatorActions.id, before))
      .orderBy(desc(visionOperatorActions.id))
      .limit(limit),
  )
}
