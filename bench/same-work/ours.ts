// node bench/same-work/ours.ts <mysql://…> <jobs> <in flight>: this product's part of bench/same-work.ts, in a process of its own as
// the peers have. Its last line is what it found.
import assert from 'node:assert/strict'
import { sql } from 'drizzle-orm'
import { openDatabase } from '../../core/database/client.ts'
import { rowsOf } from '../../core/database/sql.ts'
import { createMany, runAll } from '../support/no-op-jobs.ts'

const [url = '', jobs, inFlight] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const database = openDatabase(url, { connections: 8, random: Math.random })
await createMany(database, jobs)
const before = process.cpuUsage()
const began = performance.now()
await runAll(database, inFlight)
const seconds = (performance.now() - began) / 1_000
const { user, system } = process.cpuUsage(before)
const [stored] = await database.run((on) =>
  rowsOf<{ readonly jobs: number; readonly outputs: number; readonly calls: string }>(
    on,
    sql`SELECT (SELECT COUNT(*) FROM vision_jobs WHERE status = 'completed') AS jobs,
      (SELECT COUNT(*) FROM vision_job_outputs) AS outputs,
      (SELECT SUM(calls) FROM vision_usage WHERE model <> '') AS calls`,
  ),
)
assert.deepEqual([stored?.jobs, stored?.outputs, Number(stored?.calls)], [jobs, 2 * jobs, 2 * jobs])
await database.close()
console.log(JSON.stringify({ perSecond: jobs / seconds, cpuMs: (user + system) / 1_000 / jobs }))
