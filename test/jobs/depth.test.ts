import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { countLimit, getOldestDueMs, getQueueDepth } from '../../core/jobs/depth.ts'
import { statuses } from '../../drizzle/schema.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { emptyQueue, jobIn, makeJob, makeJobs } from '../support/jobs.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(() => emptyQueue(database))
afterAll(() => database.drop())

const depth = async () =>
  Object.fromEntries((await database.run(getQueueDepth)).map(({ status, jobs, atLeast }) => [status, [jobs, atLeast]]))
const oldest = () => database.run(getOldestDueMs)
const ago = (column: string, seconds: number, jobId: number) =>
  database.sql(`UPDATE vision_jobs SET ${column} = UTC_TIMESTAMP(3) - INTERVAL ? SECOND WHERE id = ?`, [seconds, jobId])

test('every status is counted, an empty one too', async () => {
  expect(await depth()).toEqual(Object.fromEntries(statuses.map((status) => [status, [0, false]])))
  for (const [index, status] of (['completed', 'failed', 'cancelled', 'processing', 'scheduled'] as const).entries()) {
    for (let made = 0; made <= index; made++) await jobIn(database, status)
  }
  await makeJobs(database, 7)
  expect(await depth()).toMatchObject({
    completed: [1, false],
    failed: [2, false],
    cancelled: [3, false],
    processing: [4, false],
    scheduled: [5, false],
    pending: [7, false],
  })
})

test('nothing is counted beyond the limit, and the reply says so', async () => {
  for (let made = 0; made < countLimit; made += 100) await makeJobs(database, 100)
  expect((await depth()).pending).toEqual([countLimit, false])
  await makeJob(database)
  expect((await depth()).pending).toEqual([countLimit, true])
})

test('the oldest due job is the one that waits longest, pending or scheduled, in either lane', async () => {
  expect(await oldest()).toBeNull()
  const scheduled = await jobIn(database, 'scheduled')
  const running = await jobIn(database, 'processing')
  await ago('updated_at', 5_000, running.jobId)
  expect(await oldest(), 'neither a job that is not due nor one that runs waits').toBeNull()

  const [first = 0, second = 0] = await makeJobs(database, 3)
  await ago('updated_at', 100, second)
  expect(await oldest()).toBeGreaterThanOrEqual(100_000)
  expect(await oldest()).toBeLessThan(160_000)
  await ago('updated_at', 1_000, first)
  await database.sql("UPDATE vision_jobs SET next_step = 'content' WHERE id = ?", [first])
  expect(await oldest()).toBeGreaterThanOrEqual(1_000_000)
  await ago('available_at', 2_000, scheduled.jobId)
  expect(await oldest()).toBeGreaterThanOrEqual(2_000_000)
})
