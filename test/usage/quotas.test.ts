import { describe, expect } from 'vitest'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { createVisionJob, createVisionJobs } from '../../core/queue/create/create.ts'
import { completeVisionJob, failVisionJob, retryVisionJob } from '../../core/queue/settle/settle.ts'
import type { QuotaState, UserLimits } from '../../core/usage/quotas.ts'
import { badAnswer, claimOne, contentOutput, hour, nothingSpent, someJob, spending } from '../support/database/jobs.ts'
import { ledgerOf } from '../support/database/ledger.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const options = (limits: Partial<UserLimits>, userId = 'user-1') => ({
  userId,
  maxRetries: 3,
  // So that most of the jobs that wait are blocked.
  inFlightPerUser: 2,
  lifeMs: hour,
  limits: { jobsPerDay: 1_000, jobsWaiting: 1_000, costPerDay: undefined, ...limits },
})
const create = (limits: Partial<UserLimits>, userId?: string) =>
  createVisionJob(database, someJob, options(limits, userId))
const keyed = (key: string) => ({ ...someJob, idempotency: { key, requestHash: 'a'.repeat(64) } })
const codeOf = (error: { code: string }) => error.code
const countJobs = async () => (await database.sql('SELECT COUNT(*) AS jobs FROM vision_jobs'))[0]?.jobs

describe.each([
  ['limit.jobs_per_day', { jobsPerDay: 10 }],
  ['limit.jobs_waiting', { jobsWaiting: 10 }],
] as const)('%s', (code, limits) => {
  test('sixteen calls at once create ten jobs and no more', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, () =>
        create(limits).then(
          () => 'created',
          (error) => error.code,
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(10)
    expect(outcomes.filter((outcome) => outcome === code)).toHaveLength(6)
    expect(await countJobs()).toBe(10)
    expect(await ledgerOf(database)).toEqual({ created: { jobs: 10 } })
  })

  test('a batch that would pass it is refused as a whole, and one that just fits is not', async () => {
    const batch = (jobs: number) => createVisionJobs(database, Array(jobs).fill(someJob), options(limits))
    await batch(4)
    await expect(batch(7)).rejects.toMatchObject({ code })
    expect(await countJobs()).toBe(4)
    expect(await ledgerOf(database)).toEqual({ created: { jobs: 4 } })
    await batch(6)
    expect(await countJobs()).toBe(10)
  })

  test('a call that repeats an earlier one counts for nothing and is not refused', async () => {
    const jobs = Array.from({ length: 10 }, (_, n) => keyed(`k-${n}`))
    const first = await createVisionJobs(database, jobs, options(limits))
    await expect(create(limits)).rejects.toMatchObject({ code })
    for (let time = 0; time < 3; time++) {
      const again = await createVisionJobs(database, jobs, options(limits))
      expect(again).toEqual(first.map(({ jobId }) => ({ jobId, replayed: true })))
    }
    expect(await ledgerOf(database)).toEqual({ created: { jobs: 10 } })
  })

  test('is each user’s own', async () => {
    await createVisionJobs(database, Array(10).fill(someJob), options(limits))
    await expect(create(limits)).rejects.toMatchObject({ code })
    await create(limits, 'user-2')
  })
})

test('a deleted job counts for its day all the same, and the next day is another', async () => {
  const { jobId } = await create({ jobsPerDay: 1 })
  await deleteVisionJob(database, { jobId, userId: 'user-1' })
  expect(await create({ jobsPerDay: 1 }).catch(codeOf)).toBe('limit.jobs_per_day')
  await database.sql('UPDATE vision_usage SET day = day - INTERVAL 1 DAY')
  await create({ jobsPerDay: 1 })
})

test('a job waits no longer when it runs, and does again while it waits for its retry', async () => {
  const limits = { jobsWaiting: 1 }
  await create(limits)
  expect(await create(limits).catch(codeOf)).toBe('limit.jobs_waiting')
  const run = await claimOne(database)
  const { jobId } = await create(limits)
  await deleteVisionJob(database, { jobId, userId: 'user-1' })
  await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: hour, costsRetry: true })
  expect(await create(limits).catch(codeOf)).toBe('limit.jobs_waiting')
})

test('the cost of a user’s calls today, whatever their outcome, may reach the limit and not exceed it', async () => {
  const limits = { costPerDay: 300 }
  await create(limits)
  await create(limits)
  await failVisionJob(database, await claimOne(database), badAnswer, { analysis: spending({ cost: 200 }) })
  await create(limits)
  await completeVisionJob(database, await claimOne(database), contentOutput, {
    analysis: spending({ model: 'free', cost: null }),
    content: spending({ cost: 100 }),
  })
  expect(await create(limits).catch(codeOf)).toBe('limit.spend_per_day')
  // The call without a price counts as the mean of the others.
  expect(await create({ costPerDay: 450 }).catch(codeOf)).toBe('limit.spend_per_day')
  await create({ costPerDay: 451 })
  await create({ costPerDay: undefined })
  await create(limits, 'user-2')
  await database.sql('UPDATE vision_usage SET day = day - INTERVAL 1 DAY')
  await create(limits)
})

test('with a budget the jobs of today alone are counted, and a call without a price as the mean of the week', async () => {
  const limits = { jobsPerDay: 2, costPerDay: 1_000_000 }
  await create(limits)
  const [analysis, content] = [spending({ cost: 200 }), spending({ cost: 400 })]
  await completeVisionJob(database, await claimOne(database), contentOutput, { analysis, content })
  await database.sql('UPDATE vision_usage SET day = day - INTERVAL 3 DAY')
  await create(limits)
  await failVisionJob(database, await claimOne(database), badAnswer, { analysis: spending({ cost: null }) })
  expect(await create({ ...limits, costPerDay: 300 }).catch(codeOf)).toBe('limit.spend_per_day')
  await create({ ...limits, costPerDay: 301 })
  expect(await create(limits).catch(codeOf)).toBe('limit.jobs_per_day')
})

test('a refused caller learns when to retry, by the database’s clock', async () => {
  const error = await create({ jobsPerDay: 0 }).catch((thrown) => thrown)
  const [clock] = await database.sql(
    'SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), UTC_DATE() + INTERVAL 1 DAY) AS seconds',
  )
  expect(Math.abs(error.retryAfterMs / 1000 - Number(clock?.seconds))).toBeLessThan(60)
  expect(await create({ jobsWaiting: 0 }).catch((thrown) => thrown.retryAfterMs)).toBe(30_000)
})

test('what is left is told when the jobs are there', async () => {
  const told: QuotaState[] = []
  const limits = { jobsPerDay: 5, jobsWaiting: 4, costPerDay: 700 }
  const onQuotas = (left: QuotaState) => told.push(left)
  await createVisionJobs(database, [keyed('a'), someJob], { ...options(limits), onQuotas })
  await createVisionJobs(database, [keyed('a')], { ...options(limits), onQuotas })
  await createVisionJobs(database, Array(3).fill(someJob), { ...options(limits), onQuotas }).catch(() => undefined)
  expect(told.map(({ quotas }) => quotas.map(({ code, left }) => [code, left]))).toEqual(
    Array(2).fill([
      ['limit.jobs_per_day', 3],
      ['limit.spend_per_day', 700],
      ['limit.jobs_waiting', 2],
    ]),
  )
})
