import type { TestDatabase } from './database.ts'

/**
 * Fills a queue: 50,000 jobs pending, 99 % of them of `big-user`, 6,000 scheduled (1,000 of them due), 2,000 processing
 * (200 with an expired lease), 20,000 completed, 2,000 pending and 2,000 scheduled ones expired.
 */
export async function fillQueue(database: TestDatabase): Promise<void> {
  await insert(database, 48_000, { turn: 'n' })
  await insert(database, 2_000, { turn: '90000 + n', expires: '-n' })
  await insert(database, 5_000, { status: 'scheduled', available: 'n + 3600' })
  await insert(database, 1_000, { status: 'scheduled', available: '-n' })
  await insert(database, 2_000, { status: 'scheduled', available: '3600', expires: '-n' })
  await insert(database, 1_800, { status: 'processing', lease: 'n + 60' })
  await insert(database, 200, { status: 'processing', lease: '-n' })
  await insert(database, 20_000, { status: 'completed' })
  for (const table of ['vision_jobs', 'vision_job_outputs', 'vision_job_attempts']) {
    await database.sql(`ANALYZE TABLE ${table}`)
  }
}

interface Rows {
  readonly status?: string
  readonly turn?: string
  /** Seconds from now, as SQL of `n`, the row's number. */
  readonly available?: string
  readonly lease?: string
  readonly expires?: string
}

async function insert(database: TestDatabase, count: number, rows: Rows): Promise<void> {
  const { status = 'pending', turn = '0', available, lease, expires = '86400' } = rows
  const from = (seconds?: string) => (seconds ? `UTC_TIMESTAMP(3) + INTERVAL (${seconds}) SECOND` : 'NULL')
  const digits = (name: string) =>
    `(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
      UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) ${name}`
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, turn, version, attempt, max_retries, image_url, analysis_purpose,
       output_format, language, available_at, lease_expires_at, worker_id, created_at, updated_at, expires_at,
       idempotency_key)
     SELECT IF(n % 100 = 99, CONCAT('user-', n), 'big-user'), ?, ${turn}, 1, ${lease ? 1 : 0}, 3,
       'https://images.example.com/poster.png', 'What is on the poster?', 'product_description', 'en',
       ${from(available)}, ${from(lease)}, ${lease ? "'worker-0'" : 'NULL'}, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3),
       ${from(expires)}, UUID()
     FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
       FROM ${['a', 'b', 'c', 'e', 'f'].map(digits).join(', ')}) numbers WHERE n < ?`,
    [status, count],
  )
}
