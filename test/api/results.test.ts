import { parse } from 'csv-parse/sync'
import { afterAll, expect } from 'vitest'
import { getVisionJobsUpTo } from '../../core/queue/read/read.ts'
import { saveText } from '../../core/queue/settle/save-text.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { analysisOutput, nothingSpent } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const hostile = {
  headline: '=HYPERLINK("https://evil.example","Look")',
  summary: 'One, two; "three"\r\nand four\twith 日本語, ελληνικά and 🎉',
  keyPoints: ['+1', '@SUM(A1)', 'a "quoted" point'],
}

/** A batch of an owner's with one job for each content, completed with it; one that failed, and one that waits. */
async function batchOf(user: string, contents: readonly object[]): Promise<{ batchId: number; ids: number[] }> {
  const post = (path: string, body: object) => json(api.call('POST', path, { as: user, body }))
  const { batchId } = await post('/v1/batches', {})
  const jobs = contents.map((_, index) => ({ ...job, metadata: { sku: `-${index}`, file: `=${index}.jpg` } }))
  const { jobs: made } = await post(`/v1/batches/${batchId}/jobs`, {
    jobs: [...jobs, { ...job, outputFormat: 'social_post', platform: 'x', language: 'de' }, job],
  })
  const ids = made.map(({ jobId }: { jobId: number }) => jobId)
  const run = await api.claim(ids[0])
  for (const [index, body] of contents.entries()) {
    const mine = { ...run, jobId: ids[index] ?? 0 }
    await saveAnalysis(api.database, mine, analysisOutput, nothingSpent)
    await completeVisionJob(api.database, mine, { model: 'm', body }, nothingSpent)
  }
  const failing = { ...run, jobId: ids[contents.length] ?? 0 }
  await failVisionJob(api.database, failing, { code: 'image.not_found', message: 'It is gone.' }, nothingSpent)
  return { batchId, ids }
}

const take = (user: string, batchId: number, query: string) =>
  api.call('GET', `/v1/batches/${batchId}/results?${query}`, { as: user })

test('every job is a row with its fields, whatever has become of it, in the order of creation', async () => {
  const { batchId, ids } = await batchOf('ann', [hostile, { ...hostile, headline: 'Plain' }])
  const { rows, nextCursor } = await json(take('ann', batchId, ''))
  expect(nextCursor).toBeNull()
  expect(rows).toMatchObject([
    {
      jobId: ids[0],
      status: 'completed',
      file: '=0.jpg',
      sku: '-0',
      'summary.en.headline': hostile.headline,
      errorCode: null,
    },
    { jobId: ids[1], 'summary.en.headline': 'Plain', 'summary.en.keyPoints': hostile.keyPoints },
    { jobId: ids[2], status: 'failed', errorCode: 'image.not_found', errorMessage: 'It is gone.' },
    { jobId: ids[3], status: 'processing', finishedAt: null },
  ])
  const failed = await json(take('ann', batchId, 'status=failed&status=cancelled'))
  expect(failed.rows.map((row: { jobId: number }) => row.jobId)).toEqual([ids[2]])
  expect((await take('mallory', batchId, '')).status).toBe(404)
  expect((await take('ann', batchId, 'format=xml')).status).toBe(400)
  const byTrpc = await api.client('ann').getBatchResults.query({ batchId })
  expect(byTrpc.rows).toEqual(rows)
})

test('every text of a job has columns of its own, whatever others there are', async () => {
  const outputs = [
    { outputFormat: 'summary', language: 'de', variants: 2 },
    { outputFormat: 'social_post', platform: 'x', language: 'fr' },
  ]
  const post = (path: string, body: object) => json(api.call('POST', path, { as: 'meg', body }))
  const { batchId } = await post('/v1/batches', { defaults: { analysisPurpose: 'Sell it', outputs } })
  const { jobs } = await post(`/v1/batches/${batchId}/jobs`, {
    jobs: [{ imageUrl: job.imageUrl }, { imageUrl: job.imageUrl, outputFormat: 'summary' }],
  })
  const run = await api.claim(jobs[0].jobId)
  await saveAnalysis(api.database, run, analysisOutput, nothingSpent)
  for (const text of [2, 1]) {
    const body = { headline: `Text ${text}`, summary: 's', keyPoints: ['k'] }
    await saveText(api.database, run, { model: 'm', body }, nothingSpent, { text, revision: 1 })
  }
  const { rows } = await json(take('meg', batchId, ''))
  expect(rows[0]).toMatchObject({ 'summary.de.headline': 'Text 1', 'summary.de.2.headline': 'Text 2' })
  expect(Object.keys(rows[0]).some((name) => name.startsWith('social_post'))).toBe(false)
  const csv = parse(await (await take('meg', batchId, 'format=csv')).text(), { columns: true, bom: true })
  expect(csv).toMatchObject([
    { 'summary.de.headline': 'Text 1', 'summary.de.2.headline': 'Text 2', 'social_post.fr.x.caption': '' },
    { 'summary.en.headline': '' },
  ])
})

test('a CSV says in any program what was said: commas, quotes, lines and every script, and runs nothing', async () => {
  const { batchId } = await batchOf('bea', [hostile])
  const reply = await take('bea', batchId, 'format=csv')
  expect([reply.headers.get('content-type'), reply.headers.get('content-disposition')]).toEqual([
    'text/csv; charset=utf-8; header=present',
    `attachment; filename="batch-${batchId}.csv"`,
  ])
  const bytes = new Uint8Array(await reply.arrayBuffer())
  expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
  const rows: Record<string, string>[] = parse(Buffer.from(bytes), { columns: true, bom: true })
  expect(rows).toHaveLength(3)
  expect(rows[0]).toMatchObject({
    file: "'=0.jpg",
    sku: "'-0",
    'summary.en.headline': `'${hostile.headline}`,
    'summary.en.summary': hostile.summary,
    'summary.en.keyPoints': `'${hostile.keyPoints.join('\n')}`,
    'social_post.de.x.caption': '',
  })
  for (const cell of rows.flatMap((row) => Object.values(row))) expect(cell).not.toMatch(/^[=+\-@\t\r]/)
})

test('pages follow each other without a gap, have the same columns, and name the next', async () => {
  const { batchId, ids } = await batchOf('cyd', [hostile, hostile, hostile])
  const seen: number[] = []
  const headers = new Set<string>()
  let path: string | null = `/v1/batches/${batchId}/results?format=csv&limit=2`
  while (path !== null) {
    const reply: Response = await api.call('GET', path, { as: 'cyd' })
    const [header = [], ...rows] = parse(await reply.text(), { bom: true }) as string[][]
    headers.add(header.join())
    seen.push(...rows.map(([jobId]) => Number(jobId)))
    const [, query] = /^<(.*)>; rel="next"$/.exec(reply.headers.get('link') ?? '') ?? []
    path = query === undefined ? null : `/v1/batches/${batchId}/results${query}`
  }
  expect(seen).toEqual(ids)
  expect(headers.size).toBe(1)
  const lines = await (await take('cyd', batchId, 'format=jsonl')).text()
  expect(
    lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).jobId),
  ).toEqual(ids)
})

test('a page has no more bytes than a function may answer, and at least one row', async () => {
  const large = { ...hostile, summary: 'x'.repeat(1_500_000) }
  const { batchId, ids } = await batchOf('dot', [large, large, large, { ...large, summary: 'x'.repeat(5_000_000) }])
  const first = await json(take('dot', batchId, ''))
  expect(first.rows.map((row: { jobId: number }) => row.jobId)).toEqual(ids.slice(0, 2))
  const second = await json(take('dot', batchId, `cursor=${first.nextCursor}`))
  expect(second.rows.map((row: { jobId: number }) => row.jobId)).toEqual(ids.slice(2, 3))
  const third = await json(take('dot', batchId, `cursor=${second.nextCursor}`))
  expect(third.rows.map((row: { jobId: number }) => row.jobId)).toEqual(ids.slice(3, 4))
})

test('approved only: the texts that were approved, as they were approved, on pages that go on and end', async () => {
  const { batchId, ids } = await batchOf('zoe', [hostile, { ...hostile, headline: 'Second' }, hostile, hostile])
  const texts = (index: number) => `/v1/jobs/${ids[index]}/texts/1`
  const edit = (index: number, body: object) =>
    api.call('PATCH', texts(index), { as: 'zoe', body, headers: { 'if-match': '*' } })
  const columns = (row: object) => Object.keys(row).filter((name) => name.includes('.'))
  expect(await json(take('zoe', batchId, 'approved=true'))).toEqual({ rows: [], nextCursor: null })
  await edit(1, { approved: true })
  await edit(3, { approved: true })
  // What comes after an approval is not approved with it.
  await api.call('POST', `${texts(1)}/regenerate`, { as: 'zoe', body: {} })
  await api.database.sql(
    `INSERT INTO vision_job_outputs (job_id, kind, text, revision, model, body, created_at)
     SELECT job_id, kind, text, 2, model, REPLACE(body, 'Second', 'Third'), created_at FROM vision_job_outputs
     WHERE job_id = ? AND kind = 'content'`,
    [ids[1]],
  )
  await api.database.sql("UPDATE vision_job_texts SET revision = 2, status = 'completed' WHERE job_id = ?", [ids[1]])
  const all = await json(take('zoe', batchId, 'approved=true'))
  expect(all.rows.map(({ jobId }: { jobId: number }) => jobId)).toEqual([ids[1], ids[3]])
  expect(all.rows[0]).toMatchObject({ 'summary.en.headline': 'Second' })
  const [current] = (await json(take('zoe', batchId, 'limit=1'))).rows
  expect(columns(current)).not.toEqual([])
  const unfiltered = (await json(take('zoe', batchId, 'approved=false'))).rows
  expect([unfiltered.length, unfiltered[1]['summary.en.headline']]).toEqual([6, 'Third'])
  // Two jobs a page, of which one may show: no row twice, none left out, and an end.
  const seen: number[] = []
  for (let cursor = ''; ; ) {
    const page = await json(take('zoe', batchId, `approved=true&limit=1${cursor}`))
    seen.push(...page.rows.map(({ jobId }: { jobId: number }) => jobId))
    if (page.nextCursor === null) break
    // A job that comes behind, and an approval of one that was passed, change no page before.
    await edit(0, { approved: true })
    cursor = `&cursor=${page.nextCursor}`
  }
  expect(seen).toEqual([ids[1], ids[3]])
  const lines = await (await take('zoe', batchId, 'approved=true&format=jsonl')).text()
  expect(lines.trim().split('\n')).toHaveLength(3)
  const csv = parse(await (await take('zoe', batchId, 'approved=true&format=csv')).text(), { columns: true, bom: true })
  expect((csv as Record<string, string>[]).map((row) => row['summary.en.headline'])).toEqual([
    hostile.headline.replace('=', "'="),
    'Second',
    hostile.headline.replace('=', "'="),
  ])
  expect((await api.client('zoe').getBatchResults.query({ batchId, approved: true })).rows).toHaveLength(3)
  expect((await take('zoe', batchId, 'approved=maybe')).status).toBe(400)
})

test('a page of large texts ends early, and what it cannot hold is not even read', async () => {
  const long = { headline: 'h', summary: 'x'.repeat(200_000), keyPoints: ['k'] }
  const { batchId, ids } = await batchOf('max', Array(45).fill(long))
  const seen: number[] = []
  let pages = 0
  for (let cursor = ''; ; pages++) {
    const text = await (await take('max', batchId, `limit=500${cursor}`)).text()
    expect(text.length).toBeLessThan(4_500_000)
    const page = JSON.parse(text)
    seen.push(...page.rows.map(({ jobId }: { jobId: number }) => jobId))
    if (page.nextCursor === null) break
    cursor = `&cursor=${page.nextCursor}`
  }
  expect([seen, pages]).toEqual([ids, 2])
  const { jobs, last } = await getVisionJobsUpTo(api.database, ids, 1_000_000)
  expect([jobs.length, last]).toEqual([20, ids[19]])
})
