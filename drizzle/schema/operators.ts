import { mysqlTable, tinyint } from 'drizzle-orm/mysql-core'
import { id, json, key, time } from './columns.ts'

/** The audit log of operators, kept forever: one row for each command, dry runs included. */
export const visionOperatorActions = mysqlTable('vision_operator_actions', {
  id: id('id').autoincrement().primaryKey(),
  at: time('at').notNull(),
  /** A user id, or `cli:` and the name of the account that ran the command. */
  actor: key('actor', { length: 300 }).notNull(),
  action: key('action', { length: 40 }).notNull(),
  parameters: json<Record<string, unknown>>('parameters').notNull(),
  /** Kept up to date with every batch; `done` is false for a command that did not finish. */
  result: json<Record<string, unknown>>('result').notNull(),
  dryRun: tinyint('dry_run', { unsigned: true }).notNull(),
})
