import { afterAll, beforeAll, expect, test } from 'vitest'
import { getUserVisionJobs, type HistoryQuery } from '../../core/queue/read/history.ts'
import { firstJobSince } from '../../core/queue/read/job-since.ts'
import { createFilled, type FilledDatabase } from '../support/database/filled.ts'

const jobs = 8_000
/** When the first job was created; one more came each second. */
const begin = Date.parse('2026-11-01T00:00:00.000Z')
let filled: FilledDatabase
let first: number

beforeAll(async () => {
  filled = await createFilled(async (direct) => {
    // Every second job is somebody else's; of ann's, each tenth failed, each third is a post, and the first half is in a batch.
    await direct.sql(
      `INSERT INTO vision_jobs (user_id, status, version, max_retries, image_url, analysis_purpose, output_format,
       language, batch_id, error_code, metadata, created_at, updated_at, expires_at)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199)
     SELECT IF(i % 2 = 0, 'ann', 'bob'), IF(i % 20 = 0, 'failed', 'completed'), 1, 3, 'https://images.example/a.png', 'x',
       IF(i % 3 = 0, 'social_post', 'summary'), 'en', IF(k < ${jobs / 2} AND i % 2 = 0, 7, NULL),
       IF(i % 20 = 0, IF(i % 40 = 0, 'image.not_found', 'content.blocked'), NULL),
       CONCAT('{"sku":"S-', k % 400, '","count":', k % 5, ',"Größe 大":true}'),
       TIMESTAMP('2026-11-01 00:00:00') + INTERVAL k SECOND, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)
     FROM (SELECT one.i + 200 * many.i AS k, one.i FROM n AS many JOIN n AS one) AS numbers
     WHERE k < ${jobs} ORDER BY k`,
    )
    await direct.sql('ANALYZE TABLE vision_jobs')
    first = Number((await direct.sql('SELECT MIN(id) AS id FROM vision_jobs'))[0]?.id)
  })
})
afterAll(() => filled.drop())

const at = (second: number) => new Date(begin + second * 1000)
const nth = (job: number) => first + job

/** Each filter, and what it means in plain SQL. */
const parts: readonly (readonly [Partial<HistoryQuery>, () => string])[] = [
  [{ statuses: ['failed', 'cancelled'] }, () => "status IN ('failed', 'cancelled')"],
  [{ outputFormats: ['social_post', 'alt_text'] }, () => "output_format = 'social_post'"],
  [{ batchId: 7 }, () => 'batch_id = 7'],
  [{ code: 'image.' }, () => "error_code LIKE 'image.%'"],
  [
    { createdFrom: at(1_000.5), createdTo: at(7_000) },
    () => "created_at >= '2026-11-01 00:16:40.500' AND created_at < '2026-11-01 01:56:40'",
  ],
  [{ metadata: { key: 'sku', value: 'S-40' } }, () => `metadata LIKE '{"sku":"S-40","%'`],
  [
    { ids: [40, 80, 440, 1_240, 1_241, 2_440, 5_640, 5_640, 999_999].map((job) => job + 1) },
    () => `id IN (${[40, 80, 440, 1_240, 1_241, 2_440, 5_640].map((job) => job + 1)})`,
  ],
]
const combinations = Array.from({ length: 2 ** parts.length }, (_, bits) =>
  parts.filter((_, part) => (bits >> part) % 2 === 1),
)

test('every combination of filters reads along an index, a bounded number of rows, and finds what a plain query does', {
  tags: 'long',
  timeout: 300_000,
}, async () => {
  expect(first, 'the ids of the filter by ids').toBe(1)
  for (const chosen of combinations) {
    const filter = Object.assign({}, ...chosen.map(([part]) => part)) as Partial<HistoryQuery>
    const label = JSON.stringify(filter)
    const found: number[] = []
    let before: number | undefined
    let pages = 0
    do {
      filled.proxy.statements.length = 0
      const page = await getUserVisionJobs(filled.through, { userId: 'ann', limit: 20, before, ...filter })
      if (pages++ === 0) await expectBounded(label, filter)
      expect(page.jobs.length, label).toBeLessThanOrEqual(20)
      expect(page.next ?? 0, label).toBeLessThan(before ?? Number.POSITIVE_INFINITY)
      found.push(...page.jobs.map(({ id }) => id))
      before = page.next
      // What most jobs fit shows nothing more.
    } while (before !== undefined && pages < 4)
    const where = ["user_id = 'ann'", `id >= ${before ?? 0}`, ...chosen.map(([, sql]) => sql())].join(' AND ')
    const rows = await filled.direct.sql(`SELECT id FROM vision_jobs WHERE ${where} ORDER BY id DESC`)
    expect(found, label).toEqual(rows.map(({ id }) => id))
  }
})

async function expectBounded(label: string, filter: Partial<HistoryQuery>): Promise<void> {
  let reads = 0
  const sent = filled.proxy.statements.filter((statement) => /vision_jobs/.test(statement))
  for (const statement of sent) {
    for (const step of await filled.looker.planOf(statement)) {
      if (step.table !== 'vision_jobs') continue
      expect(step.key, statement).toMatch(/^(PRIMARY|history|status_history|format_history|batch)$/)
      expect(step.type, statement).toMatch(/^(ref|range|const)$/)
      expect(step.Extra ?? '', statement).not.toMatch(/filesort|temporary/)
    }
    reads += await filled.looker.readsOf(statement)
  }
  const { statuses, outputFormats, batchId, ids, code, metadata } = filter
  const looks = (code ?? metadata ?? (outputFormats && (statuses || batchId))) && !ids
  // To find where to end, and these once more; of each a row may be read as well. And two times the looks for a moment.
  expect(reads, `${label} ${sent.length}`).toBeLessThanOrEqual(looks ? 10_500 : 300)
}

test('a moment is found by as many looks as the ids between the first and the last have digits', async () => {
  for (const [second, job] of [
    [-5, 0],
    [0, 0],
    [0.001, 2],
    [1, 2],
    [2, 2],
    [4_001, 4_002],
    [7_998, 7_998],
  ] as const) {
    filled.proxy.statements.length = 0
    expect(await firstJobSince(filled.through, 'ann', at(second)), String(second)).toBe(nth(job))
    expect(filled.proxy.statements.length).toBeLessThanOrEqual(20)
  }
  expect(await firstJobSince(filled.through, 'ann', at(7_999))).toBeUndefined()
  expect(await firstJobSince(filled.through, 'nobody', at(0))).toBeUndefined()
})

test.each([
  [{ key: 'count', value: '3' }, 800],
  [{ key: 'count', value: '03' }, 0],
  [{ key: 'Größe 大', value: 'true' }, 4_000],
  [{ key: 'größe 大', value: 'true' }, 0],
  [{ key: 'sku', value: 's-40' }, 0],
  [{ key: 'sku', value: 'S-40 ' }, 0],
  [{ key: "x'), (SELECT 1", value: '1' }, 0],
  [{ key: 'a.b[0]*', value: '1' }, 0],
])('metadata %j is compared byte by byte with what was given', async (metadata, count) => {
  let found = 0
  for (let before: number | undefined; ; ) {
    const page = await getUserVisionJobs(filled.through, { userId: 'ann', limit: 5_000, before, metadata })
    found += page.jobs.length
    before = page.next
    if (before === undefined) break
  }
  expect(found).toBe(count)
})
