// Sidequest, in this process and without worker threads: each handler stores its result and the row of the ledger in one transaction and
// one round trip, then enqueues the next job.
import { Sidequest } from 'sidequest'
import { settings } from '../sidequest-settings.mjs'
import { Analysis, Nothing, pool } from './sidequest-jobs.mjs'
import { inFlight, isNoOp, measure, tables, units, url } from './support.mjs'

for (const statement of tables('bigint AUTO_INCREMENT')) await pool.query(statement)
const shared = settings(url, inFlight)
await Sidequest.configure(shared)
const before = (await Sidequest.job.count()).completed
for (let from = 0; from < units; from += 50) {
  const count = Math.min(50, units - from)
  await Promise.all(
    Array.from({ length: count }, (_, index) => Sidequest.build(isNoOp ? Nothing : Analysis).enqueue(from + index)),
  )
}
const jobs = isNoOp ? units : 2 * units
await measure(
  async () => {
    await Sidequest.start(shared)
    while ((await Sidequest.job.count()).completed < before + jobs)
      await new Promise((resolve) => setTimeout(resolve, 20))
  },
  async (query) => (await pool.query(query))[0][0].n,
)
