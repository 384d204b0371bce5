import { expect } from 'vitest'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { crashesUntilFailed, reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { failVisionJob } from '../../core/queue/settle/settle.ts'
import { getFailures, getUserFailures } from '../../core/usage/failures.ts'
import { badAnswer, claimOne, hour, makeJob, noBackoff, noCap, nothingSpent } from '../support/database/jobs.ts'
import { openLooker } from '../support/database/looker.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const failures = () => database.run((on) => getFailures(on, 2))
const counted = async () =>
  (await failures()).map(({ code, step, jobs, users, sampleJobId }) => [code, step, jobs, users, sampleJobId])

test('failures of two causes are told apart by code and step, with a job of each to look at', async () => {
  const last: number[] = []
  for (const [userId, code] of [
    ['ann', 'analysis.timed_out'],
    ['bob', 'analysis.timed_out'],
    ['ann', 'analysis.timed_out'],
    ['ann', 'image.not_found'],
  ] as const) {
    const jobId = await makeJob(database, { userId })
    await failVisionJob(database, await claimOne(database), { ...badAnswer, code }, nothingSpent)
    last.push(jobId)
  }
  expect((await counted()).toSorted()).toEqual([
    ['analysis.timed_out', 'analysis', 3, 2, last[2]],
    ['image.not_found', 'analysis', 1, 1, last[3]],
  ])
  const [latest] = await failures()
  expect(latest?.code).toBe('image.not_found')
  expect(latest?.lastAt.getTime()).toBeGreaterThanOrEqual(latest?.firstAt.getTime() ?? Number.NaN)
})

test('jobs that expire or whose workers die are counted as those that fail by themselves', async () => {
  const expired = await makeJob(database, { userId: 'ann' })
  await database.sql("UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND, next_step = 'content'")
  expect(await expireVisionJobs(database)).toBe(1)
  const lost = await makeJob(database, { userId: 'ann' })
  await claimOne(database)
  await database.sql('UPDATE vision_jobs SET crashes = ?, lease_expires_at = UTC_TIMESTAMP(3) WHERE id = ?', [
    crashesUntilFailed - 1,
    lost,
  ])
  expect(await reclaimVisionJobs(database, noBackoff)).toBe(1)
  const due = await makeJob(database, { userId: 'bob' })
  await database.sql(
    "UPDATE vision_jobs SET status = 'scheduled', available_at = UTC_TIMESTAMP(3), expires_at = UTC_TIMESTAMP(3) WHERE id = ?",
    [due],
  )
  await promoteDueVisionJobs(database, noCap)
  expect((await counted()).toSorted()).toEqual([
    ['job.expired', 'analysis', 1, 1, due],
    ['job.expired', 'content', 1, 1, expired],
    ['worker.lost', 'analysis', 1, 1, lost],
  ])
})

test('a job that is redriven and fails again is another failure, and a failure outlives its job', async () => {
  const jobId = await makeJob(database, { userId: 'ann' })
  await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
  await redriveVisionJob(database, { jobId, userId: 'ann' }, { lifeMs: hour })
  await promoteDueVisionJobs(database, noCap)
  await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
  await database.sql('DELETE FROM vision_jobs')
  expect(await counted()).toEqual([['analysis.invalid_answer', 'analysis', 2, 1, jobId]])
  const [mine] = await getUserFailures(database, 'ann', { from: '2020-01-01', to: '2099-12-31' })
  expect(mine).toMatchObject({ code: 'analysis.invalid_answer', step: 'analysis', jobs: 2, jobId })
})

test('what is older than the days that are asked for is left out', async () => {
  await makeJob(database)
  await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
  await database.sql('UPDATE vision_failures SET day = UTC_DATE() - INTERVAL 2 DAY')
  expect(await counted()).toEqual([])
  expect(await database.run((on) => getFailures(on, 3))).toHaveLength(1)
})

test('however many users fail, of each code and step no more than 2,000 rows are read, and it says so', async () => {
  await database.sql(
    `INSERT INTO vision_failures (user_id, day, code, step, jobs, first_at, last_at, job_id)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
     SELECT CONCAT('user-', n.i, '-', many.i), UTC_DATE() - INTERVAL many.i % 2 DAY, ELT(1 + many.i % 3, 'a.one', 'b.two', 'c.three'),
       'analysis', 2, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), n.i
     FROM n JOIN n AS many WHERE many.i <= 24`,
  )
  await database.sql('ANALYZE TABLE vision_failures')
  const through = await openProxied(database.url)
  const { proxy } = through
  const looker = await openLooker(database.url)
  try {
    const found = await through.run((on) => getFailures(on, 2))
    expect(found.map(({ code, jobs, users, atLeast }) => [code, jobs, users, atLeast]).toSorted()).toEqual([
      ['a.one', 4000, 2000, true],
      ['b.two', 4000, 2000, true],
      ['c.three', 4000, 2000, true],
    ])
    let reads = 0
    for (const statement of proxy.statements.filter((one) => /vision_failures/.test(one))) {
      for (const step of await looker.planOf(statement)) {
        if (step.table === 'vision_failures') expect([step.key, step.type]).not.toContain('ALL')
      }
      reads += await looker.readsOf(statement)
    }
    // Of 7,200: 2,000 of each of three, index and row, and again where the server keeps them aside and sorts them.
    expect(reads).toBeLessThanOrEqual(3 * 2_000 * 6)
    expect(proxy.statements.filter((one) => /vision_failures/.test(one)).length).toBeLessThanOrEqual(12)
  } finally {
    await looker.close()
    await through.close()
  }
})
