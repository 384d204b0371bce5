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
export function countReads<Result>(
  note: (statement: string, reads: number) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  /** Undefined on a connection that a test has broken. */
  const count = async (connection: object, query: Query) => {
    const answer = await query.call(connection, counters).catch(() => undefined)
    const [rows] = (answer ?? []) as [(readonly { readonly Value: string }[])?]
    return rows?.reduce((sum, { Value }) => sum + Number(Value), 0)
  }
  return intercept(async (connection, query, args) => {
    const first = await count(connection, query)
    const before = await count(connection, query)
    const result = await query.apply(connection, args)
    const after = await count(connection, query)
    if (first === undefined || before === undefined || after === undefined) return result
    // Reading the counters counts as well: by as much as the first two readings differ.
    note(textOf(args), after - before - (before - first))
    return result
  }, work)
}

/**
 * Takes the time of each statement of every pool of this process while some work lasts; of those that fail it takes none.
 *
 * @param note receives each statement, which it makes when it is called, and how many milliseconds its answer took
 */
export function timeStatements<Result>(
  note: (statement: () => string, milliseconds: number) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  return intercept(async (connection, query, args) => {
    const began = performance.now()
    const result = await query.apply(connection, args)
    const took = performance.now() - began
    note(() => textOf(args), took)
    return result
  }, work)
}

/** Has each query of every pool of this process made by another function while some work lasts. */
async function intercept<Result>(
  make: (connection: object, query: Query, args: unknown[]) => Promise<unknown>,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!PromiseConnection || !PromisePoolConnection) throw new Error('mysql2 has its classes elsewhere')
  const prototype: { query: Query } = PromiseConnection.prototype
  const real = prototype.query
  prototype.query = async function (...args) {
    // Not what a test asks by a connection of its own.
    return this instanceof PromisePoolConnection ? make(this, real, args) : real.apply(this, args)
  }
  try {
    return await work()
  } finally {
    prototype.query = real
  }
}

function textOf(args: unknown[]): string {
  const [asked, values] = args as [string | { readonly sql: string }, string[] | undefined]
  return driver.format(typeof asked === 'string' ? asked : asked.sql, values ?? [])
}
