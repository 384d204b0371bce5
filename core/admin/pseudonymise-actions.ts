import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'

const page = 500
/** The fields of an action that name a user, and those that people write. */
const ids = new Set(['userId', 'user', 'actor'])
const texts = new Set(['reason', 'name'])

interface Row {
  readonly id: number
  readonly actor: string
  readonly parameters: string
  readonly result: string
  /** Nothing before it is still to be committed. */
  readonly settled: 0 | 1
}

/**
 * Puts a pseudonym for a user into the audit log and into the pauses that the user may have set as an operator. The log is read along
 * its primary key, page by page, since no index has the users that its rows name. How far it has come is kept in the user's row, so
 * that the next call goes on there; only the actions of the last hour are read again, since one with an earlier id may be committed later.
 *
 * @param userId whose row exists, since the erasure has begun
 */
export async function pseudonymiseActions(
  database: Database,
  userId: string,
  pseudonym: string,
  signal?: AbortSignal,
): Promise<void> {
  const inText = mention(userId)
  const replace = (text: string) => text.replaceAll(inText, () => pseudonym)
  const renamed = (json: string) =>
    JSON.stringify(JSON.parse(json), (key, value) => {
      if (typeof value !== 'string') return value
      if (texts.has(key)) return replace(value)
      return ids.has(key) && value === userId ? pseudonym : value
    })
  const [user] = await database.run((on) =>
    rowsOf<{ last: number }>(on, sql`SELECT actions_renamed AS last FROM vision_users WHERE user_id = ${userId}`),
  )
  for (let last = Number(user?.last ?? 0); !signal?.aborted; ) {
    const rows = await database.run((on) =>
      rowsOf<Row>(
        on,
        sql`SELECT id, actor, parameters, result, at < UTC_TIMESTAMP(3) - INTERVAL 1 HOUR AS settled
          FROM vision_operator_actions WHERE id > ${last} ORDER BY id LIMIT ${page}`,
      ),
    )
    for (const row of rows) {
      const actor = row.actor === userId ? pseudonym : row.actor
      const parameters = renamed(row.parameters)
      const result = renamed(row.result)
      if (actor === row.actor && parameters === row.parameters && result === row.result) continue
      await database.run((on) =>
        matchedBy(
          on,
          sql`UPDATE vision_operator_actions SET actor = ${actor}, parameters = ${parameters}, result = ${result}
            WHERE id = ${row.id}`,
        ),
      )
    }
    last = Number(rows.at(-1)?.id ?? last)
    const settled = rows.findLast((row) => row.settled === 1)
    if (settled) {
      await database.run((on) =>
        matchedBy(on, sql`UPDATE vision_users SET actions_renamed = ${settled.id} WHERE user_id = ${userId}`),
      )
    }
    if (rows.length < page) break
  }
  const pauses = await database.run((on) =>
    rowsOf<{ provider: string; by: string | null; reason: string | null }>(
      on,
      sql`SELECT provider, paused_by AS \`by\`, paused_reason AS reason FROM vision_provider_states`,
    ),
  )
  for (const { provider, by, reason } of pauses) {
    const changed = { by: by === userId ? pseudonym : by, reason: reason && replace(reason) }
    if (changed.by === by && changed.reason === reason) continue
    await database.run((on) =>
      matchedBy(
        on,
        sql`UPDATE vision_provider_states SET paused_by = ${changed.by}, paused_reason = ${changed.reason}
          WHERE provider = ${provider}`,
      ),
    )
  }
}

/** A user's id where it is no part of a longer word: `ann` in "for ann." and not in "planned". */
function mention(userId: string): RegExp {
  return new RegExp(`(?<![\\w@.-])${userId.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(?![\\w@-])`, 'g')
}
