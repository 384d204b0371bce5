// pg-boss: four loops of its own calls take and complete a hundred jobs at a time, since its workers poll every half second, and create
// the next hundred at once. `each`: each result is stored as it comes. `batch`: a hundred are stored at once.
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { body, inFlight, isNoOp, measure, steps, tables, units, url, userOf } from './support.mjs'

const isBatch = process.argv[6] === 'batch'
const pool = new pg.Pool({ connectionString: url, max: 12 })
const boss = new PgBoss({ connectionString: url, schema: 'bench_same', max: 12, supervise: false, schedule: false })
boss.on('error', console.error)
await pool.query('DROP SCHEMA IF EXISTS bench_same CASCADE')
for (const statement of tables('bigserial')) await pool.query(statement)
await boss.start()
for (const step of steps) await boss.createQueue(step)
for (let from = 0; from < units; from += 100) {
  const count = Math.min(100, units - from)
  await boss.insert(
    'analysis',
    Array.from({ length: count }, (_, index) => ({ data: { unit: from + index } })),
  )
}

const text = `WITH results AS (INSERT INTO bench_results (unit, step, body) SELECT unit, $2, $3 FROM unnest($1::int[]) AS unit)
  INSERT INTO bench_ledger (user_id, unit, model, tokens, cost)
  SELECT user_id, unit, 'a-model', 500, 1200 FROM unnest($1::int[], $4::text[]) AS given (unit, user_id)`
const store = (given, step) => pool.query({ name: 'store', text, values: [given, step, body, given.map(userOf)] })
const handle = async (given, step) => {
  if (isBatch) await store(given, step)
  else await Promise.all(given.map((unit) => store([unit], step)))
  if (step === 'content') return
  await boss.insert(
    'content',
    given.map((unit) => ({ data: { unit } })),
  )
}
const last = isNoOp ? 'analysis' : 'content'

await measure(
  async () => {
    let done = 0
    const loop = async () => {
      while (done < units) {
        for (const step of steps) {
          const taken = await boss.fetch(step, { batchSize: inFlight })
          if (taken.length === 0) continue
          const given = taken.map(({ data }) => data.unit)
          if (!isNoOp) await handle(given, step)
          await boss.complete(
            step,
            taken.map(({ id }) => id),
          )
          if (step === last) done += taken.length
        }
      }
    }
    await Promise.all(Array.from({ length: 4 }, loop))
  },
  async (query) => (await pool.query(query)).rows[0].n,
)
