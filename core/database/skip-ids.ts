import { sql } from 'drizzle-orm'
import type { Database } from './client.ts'
import { type Queryable, rowsOf } from './sql.ts'

/** The next id of a table, before and after. */
export interface Skipped {
  readonly table: string
  readonly before: number
  readonly after: number
}

/**
 * Moves the next id of every table forward. A database that was restored gives ids out again that were given out after its
 * backup was taken: a client that still holds one would find another job, batch or brand under it.
 *
 * @param by how many ids to leave out; more than were given out since the backup
 */
export function skipIds(database: Database, by: number): Promise<readonly Skipped[]> {
  return database.run(async (on) => {
    const tables = await rowsOf<{ name: string }>(
      on,
      sql`SELECT TABLE_NAME AS name FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'vision\\_%' AND EXTRA LIKE '%auto_increment%' ORDER BY TABLE_NAME`,
    )
    const skipped: Skipped[] = []
    for (const { name: table } of tables) {
      const before = await nextId(on, table)
      const after = before + by
      await on.execute(sql`ALTER TABLE ${sql.identifier(table)} AUTO_INCREMENT = ${sql.raw(String(after))}`)
      skipped.push({ table, before, after })
    }
    return skipped
  })
}

/** From the table's definition: what MySQL says in `information_schema.TABLES` can be a day old. */
async function nextId(on: Queryable, table: string): Promise<number> {
  const [row] = await rowsOf<{ 'Create Table': string }>(on, sql`SHOW CREATE TABLE ${sql.identifier(table)}`)
  return Number(/ AUTO_INCREMENT=(\d+)/.exec(row?.['Create Table'] ?? '')?.[1] ?? 1)
}
