import type { TestDatabase } from './test-database.ts'

/**
 * Fills a queue. Of 5,000 users: 20,000 jobs pending, 2,000 of them expired, and 2,000 processing, 200 of them with an
 * expired lease. Of `big-user`: 10 jobs pending, 20,000 blocked, 6,000 scheduled (1,000 of them due), 2,000 scheduled ones
 * expired, 20,000 completed. Of `due-user`: 200
 * scheduled that are due for longer. All users may have blocked jobs, and nobody has looked after them for a while.
 */
export async function fillQueue(database: TestDatabase): Promise<void> {
  const user = "'big-user'"
  await insert(database, 18_000, { tag: 'n' })
  await insert(database, 2_000, { tag: '90000 + n', expires: '-n' })
  await insert(database, 10, { user, tag: 'n' })
  await insert(database, 20_000, { user, status: 'blocked' })
  await insert(database, 5_000, { user, status: 'scheduled', available: 'n + 3600' })
  await insert(database, 1_000, { user, status: 'scheduled', available: '-n' })
  await insert(database, 2_000, { user, status: 'scheduled', available: '3600', expires: '-n' })
  await insert(database, 200, { user: "'due-user'", status: 'scheduled', available: '-5000 - n' })
  await insert(database, 1_800, { status: 'processing', lease: 'n + 60' })
  await insert(database, 200, { status: 'processing', lease: '-n' })
  await insert(database, 20_000, { user, status: 'completed' })
  await database.sql(
    `INSERT INTO vision_users (user_id, blocked_seen_at)
     SELECT user_id, UTC_TIMESTAMP(3) - INTERVAL (60 + MIN(id)) SECOND FROM vision_jobs GROUP BY user_id`,
  )
  for (const table of ['vision_jobs', 'vision_job_outputs', 'vision_job_attempts', 'vision_users']) {
    await database.sql(`ANALYZE TABLE ${table}`)
  }
}

interface Rows {
  /** The user, as SQL of `n`, the row's number. */
  readonly user?: string
  readonly status?: string
  readonly tag?: string
  /** Seconds from now, as SQL of `n`. */
  readonly available?: string
  readonly lease?: string
  readonly expires?: string
}

async function insert(database: TestDatabase, count: number, rows: Rows): Promise<void> {
  const {
    user = "CONCAT('user-', n % 5000)",
    status = 'pending',
    tag = '0',
    available,
    lease,
    expires = '86400',
  } = rows
  const from = (seconds?: string) => (seconds ? `UTC_TIMESTAMP(3) + INTERVAL (${seconds}) SECOND` : 'NULL')
  const digits = (name: string) =>
    `(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
      UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) ${name}`
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, start_tag, version, attempt, max_retries, image_url, analysis_purpose,
       output_format, language, available_at, lease_expires_at, worker_id, created_at, updated_at, expires_at,
       idempotency_key)
     SELECT ${user}, ?, ${tag}, 1, ${lease ? 1 : 0}, 3,
       'https://images.example.com/poster.png', 'What is on the poster?', 'product_description', 'en',
       ${from(available)}, ${from(lease)}, ${lease ? "'worker-0'" : 'NULL'}, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3),
       ${from(expires)}, UUID()
     FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
       FROM ${['a', 'b', 'c', 'e', 'f'].map(digits).join(', ')}) numbers WHERE n < ?`,
    [status, count],
  )
}
