import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { outputFormats } from '../../core/pipeline/formats.ts'
import { getUserVisionJobs, type HistoryQuery } from '../../core/queue/read/history.ts'
import { statuses } from '../../drizzle/schema.ts'
import { createFilled, type FilledDatabase } from '../support/database/filled.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

type Filter = Pick<HistoryQuery, 'statuses' | 'outputFormats'>

/** Every single value, every pair of a status and a format, and all of them at once. */
const filters: Filter[] = [
  {},
  ...statuses.map((status) => ({ statuses: [status] })),
  ...outputFormats.map((format) => ({ outputFormats: [format] })),
  ...statuses.flatMap((status) => outputFormats.map((format) => ({ statuses: [status], outputFormats: [format] }))),
  { statuses, outputFormats },
  { statuses: ['failed', 'cancelled', 'failed'], outputFormats: ['alt_text', 'social_post', 'alt_text'] },
  { statuses: statuses.slice(1) },
]

/**
 * Histories of one user in which nearly every job is completed and of one format: what is rare is the oldest, so that who
 * reads along the ids finds it last.
 */
async function fill(database: TestDatabase, jobs: number): Promise<void> {
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, version, max_retries, image_url, analysis_purpose, output_format,
       language, created_at, updated_at, expires_at)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
     SELECT IF(one.i + 1000 * many.i < ?, 'ann', 'bob'),
       IF(one.i + 1000 * many.i < 28, ELT(1 + one.i % 7, ${statuses.map((word) => `'${word}'`).join()}), 'completed'),
       1, 3, 'https://images.example/poster.png', 'A purpose',
       IF(one.i + 1000 * many.i < 24, ELT(1 + one.i % 6, ${outputFormats.map((word) => `'${word}'`).join()}), 'summary'),
       'en', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)
     FROM n AS many JOIN n AS one WHERE one.i + 1000 * many.i < ? ORDER BY many.i, one.i`,
    [jobs, jobs + 20],
  )
  await database.sql('ANALYZE TABLE vision_jobs')
}

describe.each([
  ['a long history', 60_000],
  ['a short one, which a server would rather scan', 40],
])('%s', (_, jobs) => {
  let filled: FilledDatabase
  beforeAll(async () => {
    filled = await createFilled((direct) => fill(direct, jobs))
  })
  afterAll(() => filled.drop())

  test('a page of any filter is found along an index, and costs the same however long the history is', async () => {
    for (const filter of filters) {
      for (const before of [undefined, Math.ceil(jobs * 0.9)]) {
        filled.proxy.statements.length = 0
        await getUserVisionJobs(filled.through, { userId: 'ann', limit: 20, before, ...filter })
        const sent = filled.proxy.statements.filter((statement) => /vision_jobs/.test(statement))
        expect(sent.length).toBeGreaterThan(0)
        let reads = 0
        for (const statement of sent) {
          for (const step of await filled.looker.planOf(statement)) {
            if (step.table !== 'vision_jobs') continue
            expect(step.key, statement).toMatch(/^(PRIMARY|history|status_history|format_history)$/)
            expect(step.type, statement).toMatch(/^(ref|range|const)$/)
            expect(step.Extra ?? '', statement).not.toMatch(/filesort|temporary/)
          }
          reads += await filled.looker.readsOf(statement)
        }
        // Both filters: up to 5,000 entries to find where to end, and these once more.
        const limit = filter.statuses && filter.outputFormats ? 10_500 : 800
        expect(reads, JSON.stringify([filter, before, sent])).toBeLessThanOrEqual(limit)
      }
    }
  })

  test('the pages of any filter together are what a plain query finds, and none is longer than asked for', async () => {
    for (const filter of filters) {
      const found: number[] = []
      let before: number | undefined
      let pages = 0
      do {
        const page = await getUserVisionJobs(filled.through, { userId: 'ann', limit: 100, before, ...filter })
        expect(page.jobs.length).toBeLessThanOrEqual(100)
        expect(page.next ?? 0).toBeLessThan(before ?? Number.POSITIVE_INFINITY)
        found.push(...page.jobs.map(({ id }) => id))
        before = page.next
        pages++
        // What all jobs fit takes long, and shows nothing more.
      } while (before !== undefined && pages < 30)
      const rows = await filled.direct.sql(
        `SELECT id FROM vision_jobs WHERE user_id = 'ann' AND id >= ? AND status IN (?) AND output_format IN (?)
          ORDER BY id DESC`,
        [before ?? 0, filter.statuses ?? statuses, filter.outputFormats ?? outputFormats],
      )
      expect(found, JSON.stringify(filter)).toEqual(rows.map(({ id }) => id))
    }
  })
})
