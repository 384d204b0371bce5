import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { countLimit, getQueueDepth } from '../../core/queue/depth.ts'
import { statuses } from '../../drizzle/schema.ts'
import { emptyQueue, jobIn, makeJob, makeJobs } from '../support/database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(() => emptyQueue(database))
afterAll(() => database.drop())

const depth = async () =>
  Object.fromEntries((await database.run(getQueueDepth)).map(({ status, jobs, atLeast }) => [status, [jobs, atLeast]]))

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
