import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'

/** One step of a statement's plan. */
export interface PlanStep {
  readonly table: string | null
  readonly type: string | null
  readonly key: string | null
  readonly Extra: string | null
}

/** A connection of its own that looks at how statements read, in READ COMMITTED as they run in the product. */
export interface Looker {
  readonly connection: Connection
  planOf(statement: string): Promise<readonly PlanStep[]>
  /** How many index entries and rows a statement reads; what it changes is rolled back. */
  readsOf(statement: string, values?: unknown[]): Promise<number>
  close(): Promise<void>
}

export async function openLooker(url: string): Promise<Looker> {
  const connection = await mysql.createConnection({ uri: url, timezone: 'Z' })
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
  const count = async () => {
    const [rows] = await connection.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Handler\\_read%'")
    return rows.reduce((sum, row) => sum + Number(row.Value), 0)
  }
  return {
    connection,
    planOf: async (statement) => {
      const [rows] = await connection.query<(PlanStep & RowDataPacket)[]>(`EXPLAIN FORMAT=TRADITIONAL ${statement}`)
      return rows
    },
    readsOf: async (statement, values = []) => {
      await connection.query('BEGIN')
      const before = await count()
      const own = (await count()) - before
      const start = await count()
      await connection.query(statement, values)
      const reads = (await count()) - start - own
      await connection.query('ROLLBACK')
      return reads
    },
    close: () => connection.end(),
  }
}
