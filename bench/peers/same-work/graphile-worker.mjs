// graphile-worker: each handler stores its result, the row of the ledger and the next job by one statement. `plain`: jobs are taken and
// completed one by one. `batch`: taken 500 at a time into a queue of the worker, and completed together.
import { open, start } from '../graphile-worker-settings.mjs'
import { body, inFlight, isNoOp, measure, tables, units, url, userOf } from './support.mjs'

const isBatch = process.argv[6] === 'batch'
const { pool, utils } = await open(url, 24)
for (const statement of tables('bigserial')) await pool.query(statement)
for (let from = 0; from < units; from += 100) {
  const count = Math.min(100, units - from)
  await utils.addJobs(
    Array.from({ length: count }, (_, index) => ({ identifier: 'analysis', payload: { unit: from + index } })),
  )
}

const insert = `WITH results AS (INSERT INTO bench_results (unit, step, body) VALUES ($1, $2, $3)), ledger AS (
  INSERT INTO bench_ledger (user_id, unit, model, tokens, cost) VALUES ($4, $1, 'a-model', 500, 1200))`
const store = (unit, step) =>
  pool.query({
    name: step,
    text:
      step === 'content'
        ? `${insert} SELECT 1`
        : `${insert} SELECT graphile_worker.add_job('content', json_build_object('unit', $1::int))`,
    values: [unit, step, body, userOf(unit)],
  })

let done = 0
const all = Promise.withResolvers()
const end = () => {
  if (++done === units) all.resolve()
}
await measure(
  async () => {
    await start(pool, inFlight, isBatch, {
      analysis: async ({ unit }) => {
        if (isNoOp) return end()
        await store(unit, 'analysis')
      },
      content: async ({ unit }) => {
        await store(unit, 'content')
        end()
      },
    })
    await all.promise
  },
  async (query) => (await pool.query(query)).rows[0].n,
)
