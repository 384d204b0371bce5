import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findJobs, type JobFilter } from '../../core/queue/read/find-jobs.ts'
import { type Status, statuses } from '../../drizzle/schema.ts'
import { createFilled, type FilledDatabase } from '../support/database/filled.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

const codes = ['analysis.timed_out', 'analysis.blocked', 'job.expired']
/** Half-way through the jobs, which were created a minute apart. */
const middle = (jobs: number) => new Date(Date.UTC(2026, 0, 1) + Math.floor(jobs / 2) * 60_000)

/** Every combination of the filters, each of them left out, rare and common. */
function filtersOf(jobs: number): JobFilter[] {
  const byStatus: (readonly Status[] | undefined)[] = [
    undefined,
    ['failed'],
    ['completed'],
    ['scheduled'],
    ['failed', 'pending'],
    statuses,
  ]
  return byStatus.flatMap((wanted) =>
    [undefined, 'analysis.timed_out', 'analysis.'].flatMap((code) =>
      [undefined, 'ann'].flatMap((userId) =>
        [undefined, 7].flatMap((batchId) =>
          [undefined, middle(jobs)].map((since) => ({ statuses: wanted, code, userId, batchId, since })),
        ),
      ),
    ),
  )
}

/** Nearly all jobs are completed and ann's; what is rare is the oldest, and one in a thousand after it. */
async function fill(database: TestDatabase, jobs: number): Promise<void> {
  const isRare = '(n.i < 70 OR n.i % 1000 = 0)'
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, available_at, error_code, batch_id, version, max_retries, image_url,
       analysis_purpose, output_format, language, created_at, updated_at, expires_at)
     WITH RECURSIVE thousand (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM thousand WHERE i < 999),
       n (i) AS (SELECT one.i + 1000 * many.i FROM thousand AS many JOIN thousand AS one WHERE many.i < ?)
     SELECT IF(n.i % 3 = 0, 'bob', IF(n.i % 200 = 1, 'carl', 'ann')),
       IF(${isRare}, ELT(1 + n.i % 7, ${statuses.map((word) => `'${word}'`).join()}), 'completed'),
       IF(${isRare} AND n.i % 7 = 0, UTC_TIMESTAMP(3) + INTERVAL 1 DAY - INTERVAL n.i SECOND, NULL),
       IF(${isRare} AND n.i % 7 IN (0, 2, 5), ELT(1 + n.i % 3, ${codes.map((word) => `'${word}'`).join()}), NULL),
       IF(n.i % 11 = 0 AND n.i < 9000, 7, NULL), 1, 3, 'https://images.example/a.png', 'A purpose', 'summary', 'en',
       TIMESTAMP '2026-01-01 00:00:00' + INTERVAL n.i MINUTE, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)
     FROM n WHERE n.i < ? ORDER BY n.i`,
    [Math.ceil(jobs / 1000), jobs],
  )
  await database.sql('ANALYZE TABLE vision_jobs')
}

describe.each([
  ['a long history', 20_000],
  ['a short one, which a server would rather scan', 60],
])('%s', (_, jobs) => {
  let filled: FilledDatabase
  beforeAll(async () => {
    filled = await createFilled((direct) => fill(direct, jobs))
  })
  afterAll(() => filled.drop())

  test('a page of any combination of filters reads along an index, and no more than it looks at', {
    tags: 'long',
  }, async () => {
    for (const filter of filtersOf(jobs)) {
      filled.proxy.statements.length = 0
      await findJobs(filled.through, filter, { limit: 20 })
      const sent = filled.proxy.statements.filter((statement) => /vision_jobs/.test(statement))
      let reads = 0
      for (const statement of sent) {
        for (const step of await filled.looker.planOf(statement)) {
          if (step.table !== 'vision_jobs') continue
          expect(step.key, statement).toMatch(/^(PRIMARY|due|batch|history|status_history|error)$/)
          expect(step.Extra ?? '', statement).not.toMatch(/filesort|temporary/)
        }
        reads += await filled.looker.readsOf(statement)
      }
      // What no index has looks at 5,000 entries, read once more where the server keeps them aside; the time at some forty.
      const looksAt = filter.code !== undefined || filter.userId !== undefined || filter.statuses !== undefined
      expect(reads, JSON.stringify([filter, sent])).toBeLessThanOrEqual(looksAt ? 11_000 : 400)
    }
  })

  test('what one index has costs its page', async () => {
    const cheap: JobFilter[] = [
      {},
      { statuses: ['failed'] },
      { statuses: ['completed', 'failed', 'cancelled'] },
      { code: 'analysis.timed_out' },
      { code: 'analysis.' },
      { userId: 'carl' },
      { userId: 'ann', statuses: ['failed'] },
      { batchId: 7 },
      { batchId: 7, statuses: ['failed'] },
    ]
    for (const filter of cheap) {
      for (const since of [undefined, middle(jobs)]) {
        filled.proxy.statements.length = 0
        await findJobs(filled.through, { ...filter, since }, { limit: 20 })
        let reads = 0
        for (const statement of filled.proxy.statements.filter((one) => /vision_jobs/.test(one))) {
          reads += await filled.looker.readsOf(statement)
        }
        expect(reads, JSON.stringify([filter, since])).toBeLessThanOrEqual(900)
      }
    }
  })

  test('the pages of any filter together are what a plain query finds, in order', async () => {
    for (const filter of filtersOf(jobs)) {
      const found: number[] = []
      let before: number | undefined
      // What most jobs fit shows nothing more.
      let full = 0
      do {
        const page = await findJobs(filled.through, filter, { limit: 100, before })
        expect(page.jobs.length).toBeLessThanOrEqual(100)
        expect(page.next ?? 0).toBeLessThan(before ?? Number.POSITIVE_INFINITY)
        found.push(...page.jobs.map(({ id }) => id))
        before = page.next
        if (page.jobs.length === 100) full++
      } while (before !== undefined && full < 3)
      const { statuses: wanted, code, userId, batchId, since } = filter
      const rows = await filled.direct.sql(
        `SELECT id FROM vision_jobs WHERE id >= ? AND status IN (?) AND (? IS NULL OR error_code LIKE ?)
          AND user_id LIKE ? AND (? IS NULL OR batch_id = ?) AND created_at >= ? ORDER BY id DESC`,
        [
          before ?? 0,
          wanted ?? statuses,
          code ?? null,
          `${code}${code?.endsWith('.') ? '%' : ''}`,
          userId ?? '%',
          batchId ?? null,
          batchId ?? null,
          since?.toISOString().slice(0, 19).replace('T', ' ') ?? '2025-01-01',
        ],
      )
      expect(found, JSON.stringify(filter)).toEqual(rows.map(({ id }) => id))
    }
  })
})

test('a code that no release knows finds nothing, and an unknown prefix either', async () => {
  const direct = await createTestDatabase()
  try {
    await fill(direct, 20)
    for (const code of ['analysis.no_such', 'nothing.']) {
      expect(await findJobs(direct, { code }, { limit: 10 })).toEqual({ jobs: [], next: undefined })
    }
  } finally {
    await direct.drop()
  }
})
