import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { rowsOf } from '../../core/database/sql.ts'
import { findJobs } from '../../core/queue/read/find-jobs.ts'
import { getFailures } from '../../core/usage/failures.ts'
import { getMinutes } from '../../core/worker/report/minutes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let filled: TestDatabase
let database: Database
beforeAll(async () => {
  // Its own: tables are filled by the thousand.
  filled = await createTestDatabase()
  // One session, whose own counters are read.
  database = openDatabase(filled.url, { connections: 1, random: Math.random })
})
afterAll(async () => {
  await database.close()
  await filled.drop()
})

/** Jobs of 50 users, half of which failed of one of two codes, in the days before today; as many failures, and minutes of a worker. */
async function fill(from: number, to: number, minute: unknown): Promise<void> {
  const numbers = `(WITH RECURSIVE s AS (SELECT ${from} AS n UNION ALL SELECT n + 1 FROM s WHERE n < ${to - 1}) SELECT n FROM s) AS numbers`
  for (const setting of ['max_recursive_iterations', 'cte_max_recursion_depth']) {
    await filled.sql(`SET SESSION ${setting} = 100000`).catch(() => undefined)
  }
  // A fifth of them as jobs: their rows are the heaviest.
  await filled.sql(`INSERT INTO vision_jobs (user_id, status, version, attempt, max_retries, image_url, analysis_purpose,
      output_format, language, error_code, created_at, updated_at, finished_at, expires_at)
    SELECT CONCAT('user-', n % 50), IF(n % 2, 'failed', 'completed'), 1, 1, 3, 'https://images.example/a.png', 'Why?', 'summary', 'en',
      ELT(1 + n % 4, NULL, 'image.not_found', NULL, 'analysis.timed_out'), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3),
      UTC_TIMESTAMP(3) FROM ${numbers} WHERE n % 5 = 0`)
  await filled.sql(`INSERT INTO vision_failures (user_id, day, code, step, jobs, first_at, last_at, job_id)
    SELECT CONCAT('user-', n), UTC_DATE() - INTERVAL (n < 20) DAY, IF(n % 2, 'image.not_found', 'analysis.timed_out'), 'analysis', 1,
      UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), n + 1 FROM ${numbers}`)
  await filled.sql(
    `INSERT INTO vision_worker_minutes (minute, worker_id, completed)
    SELECT CAST(? AS DATETIME(3)) - INTERVAL n MINUTE, 1, 25 FROM ${numbers}`,
    [minute],
  )
  for (const table of ['vision_jobs', 'vision_failures', 'vision_worker_minutes']) {
    await filled.sql(`ANALYZE TABLE ${table}`)
  }
}

async function readsOf(call: () => Promise<unknown>): Promise<number> {
  const count = async () => {
    const rows = await database.run((on) =>
      rowsOf<{ Value: string }>(on, sql`SHOW SESSION STATUS LIKE 'Handler\_read%'`),
    )
    return rows.reduce((sum, { Value }) => sum + Number(Value), 0)
  }
  await call()
  const before = await count()
  const own = (await count()) - before
  const start = await count()
  await call()
  return (await count()) - start - own
}

const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  'a page of jobs': () => findJobs(database, {}, { limit: 20 }),
  'a page of failed jobs': () => findJobs(database, { statuses: ['failed'] }, { limit: 20 }),
  'a page of one code': () => findJobs(database, { statuses: ['failed'], code: 'image.not_found' }, { limit: 20 }),
  'a page of one user': () => findJobs(database, { userId: 'user-10' }, { limit: 20 }),
  'failures by code': () => database.run((on) => getFailures(on, 2)),
  'the minutes of an hour': () => database.run((on) => getMinutes(on, 60)),
}

test('what an operator looks at reads as many rows from twenty times as much', async () => {
  const all = async () => {
    const reads: Record<string, number> = {}
    for (const [name, call] of Object.entries(calls)) reads[name] = await readsOf(call)
    return reads
  }
  // The same for both: the next minute may begin between them.
  const [{ minute } = {}] = await filled.sql("SELECT DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%d %H:%i:00') AS minute")
  await fill(0, 2_500, minute)
  const few = await all()
  await fill(2_500, 50_000, minute)
  const many = await all()
  for (const name of Object.keys(calls)) {
    expect(few[name], name).toBeGreaterThan(10)
    // A page of a code looks at the last 5,000 jobs of its statuses at most.
    const most = name === 'a page of one code' ? 5_100 : 1.5 * (few[name] ?? 0)
    expect(many[name], `${name}: ${few[name]}, then ${many[name]}`).toBeLessThan(most)
  }
})
