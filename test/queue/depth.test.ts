import { expect } from 'vitest'
import { countLimit } from '../../core/database/bounded-counts.ts'
import { getQueueDepth } from '../../core/queue/claim/depth.ts'
import { statuses } from '../../drizzle/schema.ts'
import { jobIn, makeJob, makeJobs } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

const depth = async (db: TestDatabase) =>
  Object.fromEntries((await db.run(getQueueDepth)).map(({ status, jobs, atLeast }) => [status, [jobs, atLeast]]))

test('every status is counted, an empty one too', async ({ db }) => {
  expect(await depth(db)).toEqual(Object.fromEntries(statuses.map((status) => [status, [0, false]])))
  for (const [index, status] of (['completed', 'failed', 'cancelled', 'processing', 'scheduled'] as const).entries()) {
    for (let made = 0; made <= index; made++) await jobIn(db, status)
  }
  await makeJobs(db, 7)
  expect(await depth(db)).toMatchObject({
    completed: [1, false],
    failed: [2, false],
    cancelled: [3, false],
    processing: [4, false],
    scheduled: [5, false],
    pending: [7, false],
  })
})

test('nothing is counted beyond the limit, and the reply says so', async ({ db }) => {
  for (let made = 0; made < countLimit; made += 100) await makeJobs(db, 100)
  expect((await depth(db)).pending).toEqual([countLimit, false])
  await makeJob(db)
  expect((await depth(db)).pending).toEqual([countLimit, true])
})
