// node bench/blocked-jobs.ts [mariadb|mysql] [--quick]: what the limit of a user's jobs in flight costs while one user has up to two
// million blocked jobs. On a private MariaDB, or on the server of TEST_DATABASE_URL. Filling it takes minutes; --quick: up to 5,000 jobs.
import { sql } from 'drizzle-orm'
import { openDatabase } from '../core/database/client.ts'
import { rowsOf } from '../core/database/sql.ts'
import { claimPendingVisionJobs } from '../core/queue/claim/claim.ts'
import { promoteDueVisionJobs } from '../core/queue/claim/promote.ts'
import { createVisionJob } from '../core/queue/create/create.ts'
import { admitVisionJobs } from '../core/queue/fairness/concurrency-limit.ts'
import { ms, quantile } from './support/measure.ts'
import { numbers, openBenchDatabase } from './support/server.ts'

const quick = process.argv.includes('--quick')
const sizes = quick ? [1_000, 5_000] : [1_000, 100_000, 2_000_000]
const rounds = quick ? 5 : 200
const cap = 10
const chunk = 100_000

await using cleanup = new AsyncDisposableStack()
const kind = process.argv.slice(2).find((one) => !one.startsWith('--'))
const { url, sql: query } = await openBenchDatabase(cleanup, kind)
const database = openDatabase(url, { connections: 1, random: Math.random })
cleanup.defer(() => database.close())

const options = { userId: 'bench', maxRetries: 0, inFlightPerUser: cap, lifeMs: 864_000_000 }
const job = { imageUrl: 'https://a.example/b.png', analysisPurpose: 'x', outputFormat: 'alt_text', language: 'en' }
for (let made = 0; made <= cap; made++) await createVisionJob(database, job, options)

for (const size of sizes) {
  await fillUp(size)
  const times: Record<string, number[]> = {}
  const reads: Record<string, number> = {}
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const before = await rowsRead()
    const began = performance.now()
    const result = await work()
    times[what] ??= []
    times[what].push(performance.now() - began)
    reads[what] = (await rowsRead()) - before
    return result
  }
  for (let round = -20; round < rounds; round++) {
    if (round === 0) for (const what of Object.keys(times)) delete times[what]
    const claim = { workerId: 'bench', lane: 'analysis', limit: cap, leaseMs: 60_000 } as const
    const { runs } = await timed('claim 10', () => claimPendingVisionJobs(database, claim))
    const ids = runs.map((run) => run.jobId)
    if (ids.length !== cap) throw new Error(`${ids.length} jobs were claimed`)
    // As ten settlements would leave them.
    await query(
      `UPDATE vision_jobs SET status = 'scheduled', lease_expires_at = NULL, worker_id = NULL,
         available_at = UTC_TIMESTAMP(3) WHERE id IN (?)`,
      [ids],
    )
    const admitted = await timed('admit 10', () => admitVisionJobs(database, 'bench', cap))
    if (admitted !== cap) throw new Error(`${admitted} jobs were admitted`)
    const nothing = await timed('admit none', () => admitVisionJobs(database, 'bench', cap))
    if (nothing !== 0) throw new Error(`${nothing} jobs too many were admitted`)
    await timed('create one', () => createVisionJob(database, job, options))
    const promoted = await timed('promote 10', () => promoteDueVisionJobs(database, cap))
    if (promoted !== cap) throw new Error(`${promoted} jobs were promoted`)
  }
  const parts = Object.entries(times).map(
    ([what, all]) => `${what} ${ms(quantile(all, 0.5))} (${ms(quantile(all, 0.99))}) ${reads[what]}`,
  )
  console.log(`${size.toLocaleString('en')} blocked, milliseconds, p50 (p99), and rows read: ${parts.join(', ')}`)
}

/** Index entries and rows that the connection has read so far. */
async function rowsRead(): Promise<number> {
  const rows = await database.run((on) =>
    rowsOf<{ Value: string }>(on, sql`SHOW SESSION STATUS LIKE 'Handler\\_read%'`),
  )
  return rows.reduce((sum, { Value }) => sum + Number(Value), 0)
}

/** Adds blocked jobs of the user up to a number. */
async function fillUp(size: number): Promise<void> {
  const [row] = await query("SELECT COUNT(*) AS jobs FROM vision_jobs WHERE status = 'blocked'")
  for (let missing = size - Number(row?.jobs); missing > 0; missing -= chunk) {
    await query(
      `INSERT INTO vision_jobs (user_id, status, version, max_retries, image_url, analysis_purpose, output_format,
         language, created_at, updated_at, expires_at)
       SELECT user_id, 'blocked', 1, 0, image_url, analysis_purpose, output_format, language, created_at, updated_at,
         expires_at
       FROM (SELECT * FROM vision_jobs ORDER BY id LIMIT 1) one, ${numbers(0, Math.min(missing, chunk))}`,
    )
  }
  await query('ANALYZE TABLE vision_jobs')
}
