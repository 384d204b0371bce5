import { afterAll, describe, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { createBatch } from '../../core/batches/batches.ts'
import { createBrand } from '../../core/brands/brands.ts'
import { pauseByOperator, resumeByOperator } from '../../core/providers/availability/operator-pause.ts'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { estimatesPerMinute } from '../../core/usage/estimate-quota.ts'
import type { UserLimits } from '../../core/usage/quotas.ts'
import { createTestApi, job, json, type TestApi, token } from '../support/api/test-api.ts'
import { analysisOutput, contentOutput, spending } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import { png } from '../support/images/image-files.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase, inFlightPerUser: 10 })
})
afterAll(() => api.drop())

const estimate = async (body: object, as = 'ann') => json(api.call('POST', '/v1/estimate', { as, body }))
const outputs = [
  { outputFormat: 'alt_text', language: 'de' },
  { outputFormat: 'summary', variants: 3 },
]

/** A completed job whose calls took so much. */
async function ran(as: string, analysisCost: number | null, contentCost: number | null, milliseconds = 2_000) {
  const run = await api.claim(await api.create(as))
  const analysis = spending({ model: 'gemini-3.5-flash-lite', cost: analysisCost, milliseconds })
  const content = spending({ model: 'deepseek-flash', cost: contentCost, milliseconds: 2 * milliseconds })
  await saveAnalysis(api.database, run, analysisOutput, { analysis })
  await completeVisionJob(api.database, run, contentOutput, { analysis, content })
}

test('jobs, texts and calls by provider, with the medians of what the caller’s last jobs cost and took', async () => {
  for (const cost of [900, 1_000_000, 1_100_000, 1_200_000, 9_000_000]) await ran('ann', cost, cost / 10)
  await ran('bob', 5, 5)
  const jobs = Array.from({ length: 30 }, () => ({ imageUrl: job.imageUrl }))
  expect(await estimate({ jobs, defaults: { analysisPurpose: 'Sell it', outputs } })).toEqual({
    jobs: 30,
    texts: 120,
    calls: [
      {
        step: 'analysis',
        provider: 'gemini',
        model: 'gemini-3.5-flash-lite',
        calls: 30,
        costUsd: 0.033,
        milliseconds: 2_000,
      },
      {
        step: 'content',
        provider: 'deepseek',
        model: 'deepseek-flash',
        calls: 120,
        costUsd: 0.0132,
        milliseconds: 4_000,
      },
    ],
    costUsd: 0.0462,
    // Ten at once, one call after the other: 2 s and four times 4 s each.
    seconds: 54,
    basis: 'own',
    waitingJobs: 0,
    exceeds: [],
    rejected: [],
  })
  const few = await estimate({ jobs, defaults: { analysisPurpose: 'Sell it', outputs } }, 'bob')
  expect(few, 'who has run less than five goes by everybody').toMatchObject({ basis: 'all', costUsd: 0.042 })
})

test('what has no known price, and what has never been called, is null and never 0', async () => {
  const none = await estimate({ jobs: [job] })
  expect(none).toMatchObject({ jobs: 1, texts: 1, costUsd: null, seconds: null, basis: null })
  expect(none.calls).toEqual([
    { step: 'analysis', provider: null, model: null, calls: 1, costUsd: null, milliseconds: null },
    { step: 'content', provider: null, model: null, calls: 1, costUsd: null, milliseconds: null },
  ])
  for (let run = 0; run < 5; run++) await ran('ann', 1_000_000, null)
  const unpriced = await estimate({ jobs: [job] })
  expect(unpriced.calls.map((one: { costUsd: number | null }) => one.costUsd)).toEqual([0.001, null])
  expect(unpriced).toMatchObject({ costUsd: null, seconds: 6 })
})

test('the time counts what the caller has waiting, who else has, and what the workers can do; none is known in a pause', async () => {
  for (let run = 0; run < 5; run++) await ran('ann', 1, 1, 1_000)
  for (let waiting = 0; waiting < 7; waiting++) await api.create('ann')
  expect(await estimate({ jobs: Array(13).fill(job) })).toMatchObject({ waitingJobs: 7, seconds: 6 })
  for (const other of ['bob', 'eve', 'mia']) await api.create(other)
  await api.database.sql(`INSERT INTO vision_workers (id, host, concurrency, started_at, last_heartbeat_at)
    VALUES ('worker-1', 'here', 8, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`)
  // Two at once are left to each of four users.
  expect(await estimate({ jobs: Array(13).fill(job) })).toMatchObject({ seconds: 30 })
  for (const name of ['all', 'gemini', 'deepseek']) {
    await api.database.transact((tx) => pauseByOperator(tx, name, 'ops'))
    expect(await estimate({ jobs: [job] }), name).toMatchObject({ seconds: null })
    await api.database.transact((tx) => resumeByOperator(tx, name))
  }
  await api.database.sql('DELETE FROM vision_workers')
})

test('the limits that the jobs would pass are named, and money makes them wait for another day', async () => {
  for (let run = 0; run < 5; run++) await ran('ann', 1_000_000, 1_000_000)
  const asking = async (limits: Partial<UserLimits>) => {
    const app = createApp({ ...api.services, limits: { ...api.services.limits, ...limits } })
    const headers = { authorization: `Bearer ${await token('ann')}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ jobs: Array(20).fill(job) })
    return json(app.request('/v1/estimate', { method: 'POST', headers, body }))
  }
  expect(await asking({ jobsPerDay: 24, jobsWaiting: 19 })).toMatchObject({
    exceeds: ['limit.jobs_per_day', 'limit.jobs_waiting'],
  })
  expect(await asking({ jobsPerDay: 25, jobsWaiting: 20 })).toMatchObject({ exceeds: [] })
  // Of 0.05 dollars 0.01 is spent, and 0.04 wanted; of 0.02 the last part waits for the second night from now.
  expect(await asking({ costPerDay: 50_000_000 })).toMatchObject({ exceeds: [] })
  const { exceeds, seconds } = await asking({ costPerDay: 20_000_000 })
  expect(exceeds).toEqual(['limit.spend_per_day'])
  expect(seconds).toBeGreaterThanOrEqual(86_400)
  expect(seconds).toBeLessThanOrEqual(2 * 86_400)
})

describe('what could not be made', () => {
  const dataUrl = `data:image/png;base64,${Buffer.from(png(3, 2)).toString('base64')}`
  const brokenUrl = `data:image/png;base64,${Buffer.from('no image').toString('base64')}`

  test('is listed by its index with the reasons that its creation gives, and the others are reckoned', async () => {
    const { id: brandId } = await createBrand(api.database, 'ann', { name: 'Ours' })
    const { id: theirs } = await createBrand(api.database, 'bob', { name: 'Theirs' })
    const images = [
      job.imageUrl,
      dataUrl,
      'https://10.0.0.7/shoe.jpg',
      'https://[::1]/shoe.jpg',
      'http://example.com/shoe.jpg',
      brokenUrl,
      'upload:uploads/of-nobody/nothing',
    ]
    const jobs: object[] = [
      ...images.map((imageUrl) => ({ ...job, imageUrl })),
      { ...job, brandId },
      { ...job, brandId: theirs },
      { ...job, outputs },
      { ...job, language: 'no language', analysisPurpose: '' },
    ]
    const { jobs: count, texts, rejected } = await estimate({ jobs })
    expect([count, texts]).toEqual([3, 3])
    const codes = rejected.map(({ index, errors }: { index: number; errors: { code: string; pointer: string }[] }) => [
      index,
      ...errors.map(({ code, pointer }) => `${code} ${pointer}`),
    ])
    expect(codes).toEqual([
      [2, 'image.forbidden_address #/jobs/2/imageUrl'],
      [3, 'image.forbidden_address #/jobs/3/imageUrl'],
      [4, 'image.invalid_url #/jobs/4/imageUrl'],
      [5, 'image.unsupported_type #/jobs/5/imageUrl'],
      [6, 'upload.not_found #/jobs/6/imageUrl'],
      [8, 'brand.not_found #/jobs/8/brandId'],
      [9, 'field.conflict #/jobs/9/outputFormat'],
      [10, 'field.too_small #/jobs/10/analysisPurpose', 'field.malformed #/jobs/10/language'],
    ])
    // As the creation says.
    for (const { index, errors } of rejected) {
      const refused = await json(api.call('POST', '/v1/jobs', { as: 'ann', body: jobs[index] }))
      const own = errors.map(({ pointer, ...error }: { pointer: string }) => ({
        ...error,
        pointer: pointer.replace(`/jobs/${index}`, ''),
      }))
      expect(refused.errors).toEqual(own)
    }
  })

  test('takes no more of an answer than the answer can hold', async () => {
    const broken = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`${n}${'長'.repeat(40)}`, 1]))
    const response = await api.call('POST', '/v1/estimate', { as: 'ann', body: { jobs: Array(450).fill(broken) } })
    const text = await response.text()
    expect(JSON.parse(text).rejected).toHaveLength(450)
    expect(text.length).toBeLessThan(1_500_000)
  })
})

test('a batch lends its defaults, and is its owner’s alone', async () => {
  const defaults = { analysisPurpose: 'Sell it', outputs }
  const { batchId } = await createBatch(api.database, 'ann', { name: null, defaults, onInvalid: 'refuse' })
  const body = { batchId, jobs: [{ imageUrl: job.imageUrl }] }
  expect(await estimate(body)).toMatchObject({ jobs: 1, texts: 4 })
  expect(await estimate(body, 'bob')).toMatchObject({ code: 'batch.not_found' })
  const both = await estimate({ ...body, defaults })
  expect(both.errors).toMatchObject([{ code: 'field.conflict', pointer: '#/defaults' }])
})

test('over tRPC it is the same, and nothing is stored either way', async () => {
  const tables = ['vision_jobs', 'vision_job_texts', 'vision_images', 'vision_batches', 'vision_usage', 'vision_users']
  const rows = async () => {
    const counts = tables.map((table) => api.database.sql(`SELECT COUNT(*) AS n FROM ${table}`))
    return (await Promise.all(counts)).map(([row]) => Number(row?.n))
  }
  const before = await rows()
  const body = {
    jobs: [{ ...job, imageUrl: `data:image/png;base64,${png(3, 2).toString('base64')}` }],
  }
  const [rest, trpc] = [await estimate(body), await api.client('ann').estimateJobs.mutate(body)]
  expect(trpc).toEqual(rest)
  expect(rest).toMatchObject({ jobs: 1, rejected: [] })
  expect(await rows()).toEqual(before)
})

test('a user may ask so often in a minute, over all processes; headers say what is left', async () => {
  const ask = () => api.call('POST', '/v1/estimate', { as: 'eve', body: { jobs: [job] } })
  const first = await ask()
  expect(first.headers.get('ratelimit')).toMatch(/^"estimates-per-minute";r=59;t=\d+$/)
  expect(first.headers.get('ratelimit-policy')).toBe('"estimates-per-minute";q=60;w=60')
  const replies = await Promise.all(Array.from({ length: estimatesPerMinute + 5 }, ask))
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(estimatesPerMinute - 1)
  const refused = await ask()
  expect([refused.status, (await json(refused)).code]).toEqual([429, 'limit.estimates_per_minute'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  await api.database.sql('UPDATE vision_estimate_quotas SET begun_at = begun_at - INTERVAL 61 SECOND')
  expect((await ask()).status).toBe(200)
})
