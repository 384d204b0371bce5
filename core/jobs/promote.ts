import { type SQL, sql } from 'drizzle-orm'
import type { Step } from '../../drizzle/schema.ts'
import { type Database, matchedBy, rowsOf } from '../db.ts'
import { expiryMoments, readGates } from '../providers/gates.ts'
import { failExpired } from './expire.ts'
import { nextTurn } from './turns.ts'

interface Row {
  readonly id: number
  readonly userId: string
  readonly lane: Step
  readonly expired: 0 | 1
}

/** Must match the due index: see `claimQuery`. */
export function promoteQuery(limit: number, expiry: Readonly<Record<Step, SQL>>): SQL {
  return sql`SELECT id, user_id AS userId, next_step AS lane,
      COALESCE(expires_at <= IF(next_step = 'content', ${expiry.content}, ${expiry.analysis}), 0) AS expired
    FROM vision_jobs FORCE INDEX (due) WHERE status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3)
    ORDER BY available_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED`
}

/**
 * Moves up to 200 scheduled jobs whose time has come to `pending`, each with a fresh turn: its old one would put a
 * retry before everybody who came meanwhile. Those that expired while they waited fail.
 *
 * @returns how many may be claimed now
 */
export function promoteDueVisionJobs(database: Database): Promise<number> {
  return database.transact(async (tx) => {
    const due = await rowsOf<Row>(tx, promoteQuery(200, expiryMoments(await readGates(tx))))
    await failExpired(
      tx,
      due.filter((row) => row.expired === 1),
    )
    const ready = due.filter((row) => row.expired === 0)
    if (ready.length === 0) return 0
    const turns = new Map<string, number>()
    const cases: SQL[] = []
    for (const { id, userId, lane } of ready) {
      const key = `${lane} ${userId}`
      const turn = turns.get(key) ?? (await nextTurn(tx, userId, lane))
      turns.set(key, turn + 1)
      cases.push(sql`WHEN ${id} THEN ${turn}`)
    }
    await matchedBy(
      tx,
      sql`UPDATE vision_jobs SET status = 'pending', turn = CASE id ${sql.join(cases, sql` `)} END,
          available_at = NULL, version = version + 1, updated_at = UTC_TIMESTAMP(3)
        WHERE id IN ${ready.map((row) => row.id)}`,
    )
    return ready.length
  })
}
