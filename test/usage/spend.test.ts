import { afterAll, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import type { Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import type { NewJob } from '../../core/queue/create/new-job.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { lockUser } from '../../core/queue/rows/users.ts'
import { completeVisionJob, recordSpending, retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { callCostAtFirst, readSpend } from '../../core/usage/spend.ts'
import { createTestApi, json, type TestApi, token } from '../support/api/test-api.ts'
import {
  analysisOutput,
  attemptRows,
  badAnswer,
  claim,
  claimOne,
  contentOutput,
  emptyQueue,
  hour,
  nothingSpent,
  someJob,
  spending,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const userId = 'user-1'
const cap = 10
/** Of one job, as each of these costs: two calls. */
const jobCost = 2 * callCostAtFirst
const limits = (costPerDay: number | undefined) => ({ jobsPerDay: 1_000, jobsWaiting: 1_000, costPerDay })
const batch = (jobs: number, costPerDay: number | undefined) =>
  createVisionJobs(api.database, Array(jobs).fill(someJob), {
    userId,
    maxRetries: 3,
    inFlightPerUser: cap,
    lifeMs: hour,
    limits: limits(costPerDay),
  })
const admit = (costPerDay: number | undefined) => admitVisionJobs(api.database, userId, cap, lockUser, costPerDay)
const complete = async (run: Run) => {
  const [analysis, content] = [spending({ cost: callCostAtFirst }), spending({ cost: callCostAtFirst })]
  await saveAnalysis(api.database, run, analysisOutput, { analysis })
  await completeVisionJob(api.database, run, contentOutput, { analysis, content })
}
const count = async (status: string) =>
  Number((await api.database.sql('SELECT COUNT(*) AS jobs FROM vision_jobs WHERE status = ?', [status]))[0]?.jobs)
const spent = async () => (await api.database.run((on) => readSpend(on, userId))).spent
const nextDay = () => api.database.sql('UPDATE vision_usage SET day = day - INTERVAL 1 DAY')

test('one batch costs what a day may cost and no more, and goes on the next day', async () => {
  const costPerDay = 3 * jobCost
  await batch(100, costPerDay)
  for (let round = 0; round < 30; round++) {
    for (const run of await claim(api.database)) await complete(run)
    await admit(costPerDay)
  }
  expect(await spent()).toBe(costPerDay)
  expect([await count('completed'), await count('blocked'), await count('pending')]).toEqual([3, 97, 0])
  await nextDay()
  expect(await admit(costPerDay)).toBe(3)
  // Without a limit as many as there are places.
  expect(await admit(undefined)).toBe(7)
})

test('what is in flight counts as if it had run, and with nothing in flight one goes as long as there is any money', async () => {
  await batch(20, Math.floor(2.5 * jobCost))
  expect(await count('pending')).toBe(2)
  expect(await admit(Math.floor(2.5 * jobCost))).toBe(0)
  await emptyQueue(api.database)
  await batch(20, 1)
  expect(await count('pending')).toBe(1)
})

test('a job is reckoned with a call for its analysis and one for each of its texts', async () => {
  const outputs = [{ outputFormat: 'summary', variants: 24 }]
  const { outputFormat: _, language: __, ...job } = someJob
  const create = (jobs: readonly NewJob[], calls: number) =>
    createVisionJobs(api.database, jobs, {
      userId,
      maxRetries: 3,
      inFlightPerUser: cap,
      lifeMs: hour,
      limits: limits(calls * callCostAtFirst),
    })
  const heavy = { ...job, outputs }
  await create([heavy, heavy, heavy, someJob], 51)
  // The small one does not go before the large one, which comes first.
  expect([await count('pending'), await count('blocked')]).toEqual([2, 2])
  expect(await admit(74 * callCostAtFirst)).toBe(0)
  expect(await admit(75 * callCostAtFirst)).toBe(1)
  await emptyQueue(api.database)
  // Whatever its estimate, one goes as long as there is any money, and none beside it.
  await create([heavy, someJob], 3)
  expect([await count('pending'), await count('blocked')]).toEqual([1, 1])
})

test('a retry that is due waits too, once its owner has spent the day', async () => {
  const costPerDay = 2 * jobCost
  await batch(1, costPerDay)
  const run = await claimOne(api.database)
  const analysis = spending({ cost: costPerDay })
  await retryVisionJob(api.database, run, badAnswer, { analysis }, { delayMs: 0, costsRetry: true })
  expect(await promoteDueVisionJobs(api.database, cap, { costPerDay })).toBe(1)
  expect(await count('blocked')).toBe(1)
  await nextDay()
  expect(await admit(costPerDay)).toBe(1)
})

test.each([
  ['cancelled', cancelVisionJob],
  ['deleted', deleteVisionJob],
])('a call that was %s costs its estimate until its worker has told, and for good if it is dead', async (_, remove) => {
  const costPerDay = 3 * jobCost
  await batch(3, costPerDay)
  const runs = await claim(api.database)
  expect(runs).toHaveLength(3)
  for (const run of runs) await remove(api.database, run)
  expect(await spent()).toBe(3 * callCostAtFirst)
  // Of six calls that may be paid for, the user has half of the money left, and not all of it.
  await batch(10, costPerDay)
  expect(await count('pending')).toBe(1)
  const [first, second] = runs as [Run, Run]
  await recordSpending(api.database, first, nothingSpent)
  expect(await spent()).toBe(2 * callCostAtFirst)
  await recordSpending(api.database, second, { analysis: spending({ cost: 5 }) })
  // What a call costs is known by now.
  expect(await spent()).toBe(5 + 5)
})

test('a cancelled run is told to be possibly billed until its worker says what was', async () => {
  await batch(1, undefined)
  const run = await claimOne(api.database)
  await cancelVisionJob(api.database, run)
  expect(await attemptRows(api.database, run.jobId)).toMatchObject([{ possibly_billed: 'analysis' }])
  await recordSpending(api.database, run, nothingSpent)
  expect(await attemptRows(api.database, run.jobId)).toMatchObject([{ possibly_billed: null }])
})

test('a blocked job says what it waits for', async () => {
  const read = async (costPerDay: number) => {
    const app = createApp({ ...api.services, limits: limits(costPerDay) })
    const headers = { authorization: `Bearer ${await token(userId)}` }
    const { jobs } = await json(app.request('/v1/jobs?status=blocked&limit=1', { headers }))
    const [{ jobId }] = jobs
    const one = await json(app.request(`/v1/jobs/${jobId}`, { headers }))
    expect(one.blockedBy).toBe(jobs[0].blockedBy)
    return one.blockedBy
  }
  await batch(12, 100 * jobCost)
  expect(await read(100 * jobCost)).toBe('jobs_in_flight')
  const run = await claimOne(api.database)
  await retryVisionJob(
    api.database,
    run,
    badAnswer,
    { analysis: spending({ cost: 100 * jobCost }) },
    { delayMs: hour, costsRetry: true },
  )
  expect(await read(100 * jobCost)).toBe('spend_per_day')
})
