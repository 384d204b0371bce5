type Sql = (query: string) => Promise<unknown>

/** How many rows one statement adds to a table: a transaction of some megabytes. */
const part = 50_000
const digit = `(${Array.from({ length: 10 }, (_, d) => `SELECT ${d} AS d`).join(' UNION ALL ')})`
const numbers = (first: number, count: number) =>
  `FROM (SELECT ${first} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
    FROM ${['f', 'e', 'c', 'b', 'a'].map((alias) => `${digit} AS ${alias}`).join(', ')}
    HAVING n < ${first + count}) numbers`

/**
 * Adds to each large table what others have stored for long, and the caller of most operations, who has half of it where a user may have
 * so much. A table is filled as a whole before the next, so that its indexes stay in memory.
 *
 * @param connections ask the server, each for one table at a time
 * @param rows how many rows a table gets
 */
export async function fill(connections: readonly [Sql, ...Sql[]], rows: number): Promise<void> {
  const left = [...tables]
  const fillNext = async (sql: Sql) => {
    for (let table = left.shift(); table; table = left.shift()) {
      for (let first = 0; first < rows; first += part) {
        await sql(`INSERT INTO ${table} ${numbers(first, Math.min(part, rows - first))}`)
      }
    }
  }
  await Promise.all(connections.map(fillNext))
  const [sql] = connections
  const [{ names } = { names: '' }] = (await sql(
    'SELECT GROUP_CONCAT(table_name) AS names FROM information_schema.tables WHERE table_schema = DATABASE()',
  )) as { names: string }[]
  await sql(`ANALYZE TABLE ${names}`)
}

const owner = "IF(n % 2, CONCAT('user-', n % 500), 'ann')"
/** Whose is what a user may have few of. */
const other = "CONCAT('other-', n)"
// No two in the same millisecond, as in life.
const now = '(UTC_TIMESTAMP(3) - INTERVAL 1000 * n MICROSECOND)'
const first = 1_000_000

/** Tables with their columns, and what is stored of the number n; those that take longest come first. */
const tables: readonly string[] = [
  `vision_jobs (id, user_id, status, next_step, version, attempt, max_retries, image_url, analysis_purpose, output_format, language,
      error_code, created_at, updated_at, started_at, finished_at, expires_at)
    SELECT ${first} + n, ${owner}, ELT(1 + (n + 5) % 10, 'failed', 'cancelled', 'completed', 'completed', 'completed', 'completed',
      'completed', 'completed', 'completed', 'completed'), 'content', 1, 1, 3, 'https://images.example/a.png', 'x', 'alt_text', 'en',
      IF((n + 5) % 10, NULL, 'image.not_found'), ${now}, ${now}, ${now}, ${now}, ${now} + INTERVAL 1 DAY`,
  `vision_webhook_deliveries (endpoint_id, type, job_id, version, data, status, due_at, expires_at, created_at, ended_at)
    SELECT ${first} + n, 'job.completed', ${first} + n, 1, '{}', 'delivered', ${now}, ${now}, ${now}, ${now}`,
  `vision_images (user_id, sha256, state, type, bytes, width, height, created_at)
    SELECT ${owner}, SHA2(n, 256), 'stored', 'image/png', 1, 1, 1, ${now}`,
  `vision_api_keys (user_id, name, hash, prefix, scopes, created_at)
    SELECT ${other}, 'old', SHA2(n, 256), 'vp_', 'read', ${now}`,
  `vision_webhook_endpoints (id, user_id, url, events, secrets, served_at, swept_at, created_at, updated_at)
    SELECT ${first} + n, ${other}, 'https://shop.example/hook', 'job.completed', '[]', ${now},
      UTC_TIMESTAMP(3) + INTERVAL 1 DAY, ${now}, ${now}`,
  `vision_batches (id, user_id, name, defaults, created_at, closes_at)
    SELECT ${first} + n, ${owner}, 'old', '{}', ${now}, ${now}`,
  ...['analysis', 'content'].map(
    (kind) => `vision_job_outputs (job_id, kind, text, attempt, version, model, body, created_at)
    SELECT ${first} + n, '${kind}', ${kind === 'content' ? 1 : 0}, 1, 1, 'm', '{}', ${now}`,
  ),
  `vision_job_deletions (job_id, user_id, deleted_at) SELECT 100000000 + n, ${owner}, ${now}`,
  `vision_job_sessions (user_id, job_id, transport, connected_at, last_seen_at, closed_at, close_reason)
    SELECT ${owner}, ${first} + n, 'sse', ${now}, ${now}, ${now}, 'left'`,
  `vision_failures (user_id, day, code, step, jobs, first_at, last_at, job_id)
    SELECT ${other}, UTC_DATE() - INTERVAL n % 2 DAY, 'image.not_found', 'analysis', 1, ${now}, ${now}, ${first} + n`,
  `vision_brands (id, user_id, name, version, created_at, updated_at) SELECT ${first} + n, ${other}, 'old', 1, ${now}, ${now}`,
  `vision_brand_versions (brand_id, version, profile, created_at) SELECT ${first} + n, 1, '{}', ${now}`,
  `vision_job_texts (job_id, text, output_format, language, status, revision, version, created_at, updated_at)
    SELECT ${first} + n, 1, 'alt_text', 'en', 'failed', 0, 1, ${now}, ${now}`,
  `vision_job_attempts (job_id, attempt, worker_id, outcome, step, started_at, ended_at)
    SELECT ${first} + n, 1, 'w', 'completed', 'content', ${now}, ${now}`,
  `vision_usage (user_id, day, model, status, jobs) SELECT CONCAT('user-', n), UTC_DATE(), '', 'created', 1`,
  `vision_users (user_id) SELECT ${other}`,
  `vision_batch_counts (batch_id, status, code, jobs) SELECT ${first} + n, 'completed', '', 10`,
]
