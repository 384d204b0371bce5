import { and, asc, eq, or, sql } from 'drizzle-orm'
import { visionFailures, visionUsage } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { insertRows } from '../database/insert-rows.ts'
import type { Queryable } from '../database/sql.ts'
import { counters } from '../usage/ledger.ts'
import { addCounts, increments } from '../usage/merge-counts.ts'

const page = 100

/**
 * Gives what a user spent, and what their jobs failed of, to a pseudonym. It may have such rows already, where an erasure was cut off:
 * they are added up. In pages, each a transaction, so that nothing is lost or counted twice.
 */
export async function keepForBooks(
  database: Database,
  userId: string,
  pseudonym: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const move of [moveUsage, moveFailures]) {
    for (let moved = page; moved === page && !signal?.aborted; ) {
      // What was moved does not match any more, so that a lost answer is no reason to stop.
      moved = await database.transact(
        (tx) => move(tx, userId, pseudonym),
        async () => undefined,
      )
    }
  }
}

/** @returns how many rows there were, no more than a page of them */
async function moveUsage(tx: Queryable, userId: string, pseudonym: string): Promise<number> {
  const { day, model, status, userId: owner } = visionUsage
  const rows = await tx
    .select()
    .from(visionUsage)
    .where(eq(owner, userId))
    .orderBy(asc(day), asc(model), asc(status))
    .limit(page)
    .for('update')
  if (rows.length === 0) return 0
  const given = rows.map((row) => ({ ...row, userId: pseudonym }))
  await addCounts(tx, visionUsage, counters, given)
  const same = rows.map((row) => and(eq(owner, userId), eq(day, row.day), eq(model, row.model), eq(status, row.status)))
  await tx.delete(visionUsage).where(or(...same))
  return rows.length
}

async function moveFailures(tx: Queryable, userId: string, pseudonym: string): Promise<number> {
  const { day, code, step, userId: owner } = visionFailures
  const rows = await tx
    .select()
    .from(visionFailures)
    .where(eq(owner, userId))
    .orderBy(asc(day), asc(code), asc(step))
    .limit(page)
    .for('update')
  if (rows.length === 0) return 0
  await insertRows(
    tx,
    visionFailures,
    rows.map((row) => ({ ...row, userId: pseudonym })),
    sql`${increments(visionFailures, ['jobs'])}, first_at = LEAST(first_at, VALUES(first_at)),
      last_at = GREATEST(last_at, VALUES(last_at)), job_id = GREATEST(job_id, VALUES(job_id))`,
  )
  const same = rows.map((row) => and(eq(owner, userId), eq(day, row.day), eq(code, row.code), eq(step, row.step)))
  await tx.delete(visionFailures).where(or(...same))
  return rows.length
}
