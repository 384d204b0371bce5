// The same work, as the peers do it: each unit is two steps, each a job of its own. A step's handler stores its result and a row of
// the ledger, and the first one creates the second. With `no-op` as the last argument handlers do nothing, and there is one step.
export const [url, units, inFlight] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
export const isNoOp = process.argv[5] === 'no-op'
export const steps = ['analysis', 'content']

/** What the provider would have answered. */
export const body = JSON.stringify({ text: 'A poster of a brand of shoes that nobody wears any more.' })
export const userOf = (unit) => `user-${unit % 500}`

/** The tables of the results, of either server. @param id the type of a number that the server gives */
export const tables = (id) => [
  'DROP TABLE IF EXISTS bench_results',
  'DROP TABLE IF EXISTS bench_ledger',
  `CREATE TABLE bench_results (unit int NOT NULL, step varchar(16) NOT NULL, body text NOT NULL, PRIMARY KEY (unit, step))`,
  `CREATE TABLE bench_ledger (id ${id} PRIMARY KEY, user_id varchar(64) NOT NULL, unit int NOT NULL, model varchar(64) NOT NULL,
    tokens int NOT NULL, cost bigint NOT NULL)`,
]

/** Measures some work, and then counts its results. @param count runs a query and returns its only number */
export async function measure(work, count) {
  const before = process.cpuUsage()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(before)
  for (const table of isNoOp ? [] : ['bench_results', 'bench_ledger']) {
    const stored = Number(await count(`SELECT COUNT(*) AS n FROM ${table}`))
    if (stored !== 2 * units) throw new Error(`${table} has ${stored} rows of ${2 * units}`)
  }
  console.log(JSON.stringify({ perSecond: units / seconds, cpuMs: (user + system) / 1000 / units }))
  process.exit(0)
}
