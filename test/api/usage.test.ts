import { TRPCClientError } from '@trpc/client'
import { afterAll, describe, expect } from 'vitest'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { analysisOutput, contentOutput, spending } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
let strict: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
  strict = await createTestApi({
    database: workerDatabase,
    limits: { jobsPerDay: 3, jobsWaiting: 2, costPerDay: 1_239_999_999 },
  })
})
afterAll(async () => {
  await api.drop()
  await strict.drop()
})

const today = async (): Promise<string> => {
  const [row] = await api.database.sql('SELECT CAST(UTC_DATE() AS CHAR) AS day')
  return String(row?.day)
}
const daysBefore = (day: string, days: number) =>
  new Date(Date.parse(day) - days * 86_400_000).toISOString().slice(0, 10)

async function finishJob(user: string): Promise<number> {
  const jobId = await api.create(user)
  const run = await api.claim(jobId)
  const analysis = spending({ model: 'sees', cost: 1_500_000, cachedTokens: 4 })
  await saveAnalysis(api.database, run, analysisOutput, { analysis, imageMs: 5 })
  const content = spending({ model: 'writes', cost: null, thinkingTokens: 6 })
  await completeVisionJob(api.database, run, contentOutput, { analysis, content, imageMs: 5 })
  return jobId
}

const taken = {
  calls: 2,
  possiblyBilled: 0,
  inputTokens: 20,
  cachedTokens: 4,
  outputTokens: 40,
  thinkingTokens: 6,
  costUsd: 0.0015,
  unpricedCalls: 1,
  waitingMs: expect.any(Number),
  imageMs: 5,
  analysisMs: 30,
  contentMs: 30,
}

describe('what was used', () => {
  test('is shown by day, status and model, and in all, over REST and over tRPC', async () => {
    await finishJob('ann')
    const day = await today()
    const response = await api.call('GET', `/v1/usage?from=${day}&to=${day}`, { as: 'ann' })
    expect(response.status).toBe(200)
    const usage = await json(response)
    expect(usage).toMatchObject({ from: day, to: day })
    expect(usage.usage).toMatchObject([
      { day, status: 'completed', model: null, jobs: 1, runs: 1, calls: 0, imageMs: 5 },
      { day, status: 'created', model: null, jobs: 1, runs: 0, calls: 0 },
      { day, status: 'completed', model: 'sees', calls: 1, inputTokens: 10, cachedTokens: 4, costUsd: 0.0015 },
      { day, status: 'completed', model: 'writes', calls: 1, thinkingTokens: 6, costUsd: null, unpricedCalls: 1 },
    ])
    expect(usage.totals).toEqual({
      jobs: { created: 1, completed: 1, failed: 0, cancelled: 0, deleted: 0 },
      runs: 1,
      ...taken,
    })
    expect(await api.client('ann').getUsage.query({ from: day, to: day })).toEqual(usage)
  })

  test('is the caller’s alone', async () => {
    await finishJob('ann')
    const { usage, totals } = await json(api.call('GET', '/v1/usage', { as: 'bob' }))
    expect(usage).toEqual([])
    expect(totals).toMatchObject({ runs: 0, calls: 0, costUsd: 0, jobs: { created: 0 } })
    expect((await api.call('GET', '/v1/usage')).status).toBe(401)
  })

  test('stays when the job is deleted', async () => {
    const jobId = await finishJob('ann')
    const before = await json(api.call('GET', '/v1/usage', { as: 'ann' }))
    expect((await api.call('DELETE', `/v1/jobs/${jobId}`, { as: 'ann' })).status).toBe(204)
    expect(await json(api.call('GET', '/v1/usage', { as: 'ann' }))).toEqual(before)
  })

  test('is that of the last 30 days unless others are asked for, at most 366', async () => {
    const day = await today()
    const days = async (query: string) => {
      const response = await api.call('GET', `/v1/usage?${query}`, { as: 'ann' })
      const { from, to, errors } = await json(response)
      return errors ? errors[0] : [from, to]
    }
    expect(await days('')).toEqual([daysBefore(day, 29), day])
    expect(await days('to=2026-03-31')).toEqual(['2026-03-02', '2026-03-31'])
    expect(await days('from=2025-11-23&to=2026-11-23')).toEqual(['2025-11-23', '2026-11-23'])
    expect(await days('from=2025-11-22&to=2026-11-23')).toMatchObject({ pointer: '#/from' })
    expect(await days('from=2026-02-02&to=2026-02-01')).toMatchObject({ pointer: '#/from' })
    expect(await days('from=2026-02-30')).toMatchObject({ pointer: '#/from' })
    expect(await days('since=2026-02-01')).toMatchObject({ pointer: '#/since' })
  })

  test('of one job is the sum of its runs, each of which tells its own', async () => {
    const jobId = await finishJob('ann')
    expect((await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))).usage).toEqual(taken)
    const { attempts } = await json(api.call('GET', `/v1/jobs/${jobId}/attempts`, { as: 'ann' }))
    expect(attempts).toMatchObject([
      {
        imageMs: 5,
        waitingMs: expect.any(Number),
        usage: {
          analysis: { model: 'sees', inputTokens: 10, cachedTokens: 4, costUsd: 0.0015, milliseconds: 30 },
          content: { model: 'writes', outputTokens: 20, thinkingTokens: 6, costUsd: null },
        },
      },
    ])
  })
})

describe('limits', () => {
  const post = (user: string, headers = {}) => strict.call('POST', '/v1/jobs', { as: user, body: job, headers })
  const policy = '"jobs-per-day";q=3;w=86400, "spend-per-day";q=123;qu="us-cents";w=86400, "jobs-waiting";q=2'
  const left = (jobs: number, waiting: number) =>
    new RegExp(`^"jobs-per-day";r=${jobs};t=\\d+, "spend-per-day";r=123;t=\\d+, "jobs-waiting";r=${waiting}$`)

  test('are told with every job that is created, and with one that was there', async () => {
    const first = await post('ann', { 'idempotency-key': 'k' })
    expect(first.status).toBe(201)
    expect(first.headers.get('ratelimit-policy')).toBe(policy)
    expect(first.headers.get('ratelimit')).toMatch(left(2, 1))
    const again = await post('ann', { 'idempotency-key': 'k' })
    expect(again.status).toBe(200)
    expect(again.headers.get('ratelimit')).toMatch(left(2, 1))
    const batch = await strict.call('POST', '/v1/jobs/batch', { as: 'ann', body: { jobs: [job] } })
    expect(batch.headers.get('ratelimit')).toMatch(left(1, 0))
  })

  test('are kept: what would pass one is 429 with the time to wait, and creates nothing', async () => {
    await post('ann')
    const refused = await strict.call('POST', '/v1/jobs/batch', { as: 'ann', body: { jobs: [job, job] } })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(refused.headers.get('retry-after')).toBe('30')
    expect(refused.headers.get('ratelimit-policy')).toBe(policy)
    expect(refused.headers.get('ratelimit')).toMatch(left(2, 1))
    expect(await json(refused)).toMatchObject({ status: 429, code: 'limit.jobs_waiting', title: 'Too Many Requests' })
    expect((await json(strict.call('GET', '/v1/jobs', { as: 'ann' }))).jobs).toHaveLength(1)

    const tooMany = await strict.call('POST', '/v1/jobs/batch', { as: 'ann', body: { jobs: [job, job, job] } })
    expect(await json(tooMany)).toMatchObject({ code: 'limit.jobs_per_day' })
    const seconds = Number(tooMany.headers.get('retry-after'))
    expect(seconds).toBeGreaterThanOrEqual(0)
    expect(seconds).toBeLessThanOrEqual(86_400)
    expect(tooMany.headers.get('ratelimit')).toContain(`"jobs-per-day";r=2;t=${seconds}`)
  })

  test('hold for a failed job that is retried, which was counted in its day but costs and waits anew', async () => {
    const { jobId } = await json(post('ann'))
    await strict.database.sql("UPDATE vision_jobs SET status = 'failed', finished_at = UTC_TIMESTAMP(3)")
    const retry = async () => (await json(strict.call('POST', `/v1/jobs/${jobId}/retry`, { as: 'ann' }))).code
    await strict.database.sql(
      `INSERT INTO vision_usage (user_id, day, model, status, cost) VALUES ('ann', UTC_DATE(), 'm', 'failed', 9000000000)`,
    )
    expect(await retry()).toBe('limit.spend_per_day')
    await strict.database.sql("DELETE FROM vision_usage WHERE model = 'm'")
    await post('ann')
    await post('ann')
    expect(await retry()).toBe('limit.jobs_waiting')
    await strict.database.sql("UPDATE vision_jobs SET status = 'cancelled' WHERE status <> 'failed'")
    // The day's three jobs are used up, and this is none more.
    expect(await retry()).toBeUndefined()
  })

  test('are told in tRPC as TOO_MANY_REQUESTS, with the same headers', async () => {
    await strict.client('ann').createJob.mutate(job)
    await strict.client('ann').createJob.mutate(job)
    const error = await strict
      .client('ann', { batch: false })
      .createJob.mutate(job)
      .catch((thrown) => thrown)
    expect(error).toBeInstanceOf(TRPCClientError)
    expect(error.data).toMatchObject({
      code: 'TOO_MANY_REQUESTS',
      httpStatus: 429,
      errorCode: 'limit.jobs_waiting',
    })
    const call = (user: string) => strict.call('POST', '/api/trpc/visionPipeline.createJob', { as: user, body: job })
    const refused = await call('ann')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('30')
    expect(refused.headers.get('ratelimit')).toMatch(left(1, 0))
    expect((await call('bob')).headers.get('ratelimit')).toMatch(left(2, 1))
  })
})
