import { expect, inject, test } from 'vitest'
import { createTestApi } from '../support/api/test-api.ts'
import { countReads } from '../support/database/count-reads.ts'
import { startProxy } from '../support/database/proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { startTestServices } from '../support/functions/services.ts'
import { callEveryOperation } from './api-tour.ts'
import { meetEveryCase } from './case-tour.ts'
import { eraseSomebody } from './erase-tour.ts'
import { normalize } from './normalize.ts'
import { runEveryCommand } from './operator-tour.ts'
import { drainAndSweep } from './worker-tour.ts'

const digits = ['a', 'b', 'c', 'd', 'e'].map(
  (name) => `(${Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS d`).join(' UNION ALL ')}) ${name}`,
)
const numbers = `(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS n FROM ${digits.join(', ')}) numbers`

/** What others have stored for long, and the caller of most operations, who has half of it. */
async function fill({ sql }: TestDatabase, rows: number): Promise<void> {
  const from = `FROM ${numbers} WHERE n < ${rows}`
  const owner = "IF(n % 2, CONCAT('user-', n % 500), 'ann')"
  // No two in the same millisecond, as in life.
  const now = '(UTC_TIMESTAMP(3) - INTERVAL 1000 * n MICROSECOND)'
  const first = 1_000_000
  await sql(`INSERT INTO vision_jobs (id, user_id, status, next_step, version, attempt, max_retries, image_url, analysis_purpose,
      output_format, language, error_code, created_at, updated_at, started_at, finished_at, expires_at)
    SELECT ${first} + n, ${owner}, ELT(1 + (n + 5) % 10, 'failed', 'cancelled', 'completed', 'completed', 'completed', 'completed',
      'completed', 'completed', 'completed', 'completed'), 'content', 1, 1, 3, 'https://images.example/a.png', 'x', 'alt_text', 'en',
      IF((n + 5) % 10, NULL, 'image.not_found'), ${now}, ${now}, ${now}, ${now}, ${now} + INTERVAL 1 DAY ${from}`)
  await sql(`INSERT INTO vision_job_texts (job_id, text, output_format, language, status, revision, version, created_at, updated_at)
    SELECT ${first} + n, 1, 'alt_text', 'en', 'failed', 0, 1, ${now}, ${now} ${from}`)
  for (const kind of ['analysis', 'content']) {
    await sql(`INSERT INTO vision_job_outputs (job_id, kind, text, attempt, version, model, body, created_at)
      SELECT ${first} + n, '${kind}', ${kind === 'content' ? 1 : 0}, 1, 1, 'm', '{}', ${now} ${from}`)
  }
  await sql(`INSERT INTO vision_job_attempts (job_id, attempt, worker_id, outcome, step, started_at, ended_at)
    SELECT ${first} + n, 1, 'w', 'completed', 'content', ${now}, ${now} ${from}`)
  await sql(
    `INSERT INTO vision_job_deletions (job_id, user_id, deleted_at) SELECT 2000000 + n, ${owner}, ${now} ${from}`,
  )
  await sql(`INSERT INTO vision_users (user_id) SELECT CONCAT('other-', n) ${from}`)
  await sql(`INSERT INTO vision_images (user_id, sha256, state, type, bytes, width, height, created_at)
    SELECT ${owner}, SHA2(n, 256), 'stored', 'image/png', 1, 1, 1, ${now} ${from}`)
  await sql(`INSERT INTO vision_usage (user_id, day, model, status, jobs)
    SELECT CONCAT('user-', n), UTC_DATE(), '', 'created', 1 ${from}`)
  const [{ tables } = { tables: '' }] = await sql(
    'SELECT GROUP_CONCAT(table_name) AS tables FROM information_schema.tables WHERE table_schema = DATABASE()',
  )
  await sql(`ANALYZE TABLE ${tables}`)
}

/** The most that each form of statement reads when everything is done once on a database of so many rows a table. */
async function readsAt(rows: number): Promise<ReadonlyMap<string, number>> {
  const most = new Map<string, number>()
  const proxy = await startProxy(inject('databaseServer'))
  const database = await createTestDatabase({ through: proxy.url })
  const services = await startTestServices()
  const api = await createTestApi({ database })
  try {
    await fill(database, rows)
    const note = (statement: string, reads: number) => {
      const form = normalize(statement)
      most.set(form, Math.max(most.get(form) ?? 0, reads))
    }
    await countReads(note, async () => {
      await callEveryOperation(api)
      await meetEveryCase(api, proxy)
      await eraseSomebody(api)
      const [key] = await database.sql('SELECT MAX(id) AS id FROM vision_api_keys')
      await runEveryCommand(database.url, {
        jobId: Number((await database.sql('SELECT MIN(id) AS id FROM vision_jobs'))[0]?.id),
        keyId: Number(key?.id),
      })
      await drainAndSweep(database, services)
    })
  } finally {
    await api.drop()
    await services.stop()
    await database.drop()
    await proxy.close()
  }
  return most
}

// The smaller one is larger than what any statement may take.
test('no statement reads more where there is twenty times as much', { tags: 'long', timeout: 600_000 }, async () => {
  const small = await readsAt(5_000)
  const large = await readsAt(100_000)
  const shared = [...small].filter(([form]) => large.has(form))
  // Of the 370 of docs/statements.sql.
  expect(shared.length).toBeGreaterThan(350)
  const grown = shared.flatMap(([form, reads]) => {
    const now = large.get(form) ?? 0
    return now > 2 * reads + 100 ? [`${reads} then ${now}: ${form}`] : []
  })
  expect(grown).toEqual([])
})
