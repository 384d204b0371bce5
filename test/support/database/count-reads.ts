import * as driver from 'mysql2/promise'

type Query = (this: object, ...args: unknown[]) => Promise<unknown>
/** What the driver's types leave out. */
const { PromiseConnection, PromisePoolConnection } = driver as unknown as Record<string, new () => { query: Query }>

/** The entries and rows that the server has read for a session so far. */
const counters = "SHOW SESSION STATUS LIKE 'Handler\\_read%'"

/**
 * Has the server's counters read before and after each statement of every pool of this process while some work lasts.
 *
 * @param note receives each statement and how many index entries and rows the server read for it
 */
export async function countReads<Result>(
  note: (statement: string, reads: number) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!PromiseConnection || !PromisePoolConnection) throw new Error('mysql2 has its classes elsewhere')
  const prototype: { query: Query } = PromiseConnection.prototype
  const real = prototype.query
  /** Undefined on a connection that a test has broken. */
  const count = async (connection: object) => {
    const answer = await real.call(connection, counters).catch(() => undefined)
    const [rows] = (answer ?? []) as [(readonly { readonly Value: string }[])?]
    return rows?.reduce((sum, { Value }) => sum + Number(Value), 0)
  }
  prototype.query = async function (...args) {
    // Not what a test asks by a connection of its own.
    if (!(this instanceof PromisePoolConnection)) return real.apply(this, args)
    const first = await count(this)
    const before = await count(this)
    const result = await real.apply(this, args)
    const after = await count(this)
    if (first === undefined || before === undefined || after === undefined) return result
    const [asked, values] = args as [string | { readonly sql: string }, string[] | undefined]
    // Reading the counters counts as well: by as much as the first two readings differ.
    const reads = after - before - (before - first)
    note(driver.format(typeof asked === 'string' ? asked : asked.sql, values ?? []), reads)
    return result
  }
  try {
    return await work()
  } finally {
    prototype.query = real
  }
}
