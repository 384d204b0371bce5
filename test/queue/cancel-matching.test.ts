import { expect } from 'vitest'
import { cancelMatchingJobs } from '../../core/queue/change/cancel-matching.ts'
import { makeJobs, statusOf } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeEach(({ db }) => {
  database = db
})

const all = { limit: Number.POSITIVE_INFINITY, dryRun: false }
const set = (ids: readonly number[], columns: string) =>
  database.sql(`UPDATE vision_jobs SET ${columns} WHERE id IN (${ids.join()})`)
const statuses = async (ids: readonly number[]) => Promise.all(ids.map((id) => statusOf(database, id)))

test('all that is named must match, and what has ended stays', async () => {
  const ids = await makeJobs(database, 7)
  const [ann = 0, annOther = 0, bob = 0, annDone = 0, annBatch = 0, annPrefix = 0, annRunning = 0] = ids
  await set(ids, "user_id = 'ann'")
  await set([bob], "user_id = 'bob'")
  await set([ann, bob, annDone, annBatch, annRunning], "error_code = 'analysis.timed_out'")
  await set([annOther], "error_code = 'content.timed_out'")
  await set([annPrefix], "error_code = 'analysis.overloaded'")
  await set([annDone], "status = 'failed', finished_at = UTC_TIMESTAMP(3)")
  await set([annBatch], 'batch_id = 77')
  const matching = (filter: object) =>
    cancelMatchingJobs(database, filter, { ...all, dryRun: true }).then(({ sample }) =>
      sample.toSorted((a, b) => a - b),
    )
  expect(await matching({ userId: 'ann', code: 'analysis.timed_out' })).toEqual([ann, annBatch, annRunning])
  expect(await matching({ userId: 'ann', code: 'analysis.' })).toEqual([ann, annBatch, annPrefix, annRunning])
  expect(await matching({ code: 'analysis.timed_out' })).toEqual([ann, bob, annBatch, annRunning])
  expect(await matching({ batchId: 77 })).toEqual([annBatch])
  expect(await matching({ batchId: 77, userId: 'bob' })).toEqual([])
  expect(await matching({ userId: 'ann' })).toEqual(ids.filter((id) => id !== bob && id !== annDone))
  expect(await cancelMatchingJobs(database, { code: 'analysis.timed_out' }, all)).toMatchObject({
    jobs: 4,
    more: false,
  })
  expect(await statuses([ann, bob, annBatch, annRunning])).toEqual(Array(4).fill('cancelled'))
  expect(await statuses([annOther, annPrefix, annDone])).toEqual(['pending', 'pending', 'failed'])
})

test('it goes page by page, ends when it is told to, and goes on when it is called again', async () => {
  const ids = await makeJobs(database, 450)
  await set(ids, "user_id = 'ann'")
  const stopping = new AbortController()
  const totals: number[] = []
  const note = async (_: unknown, { jobs }: { jobs: number }) => {
    totals.push(jobs)
    stopping.abort()
  }
  const first = await cancelMatchingJobs(database, { userId: 'ann' }, { ...all, signal: stopping.signal, note })
  expect([first.jobs, first.more, totals]).toEqual([200, true, [200]])
  expect(first.sample).toHaveLength(20)
  expect(await cancelMatchingJobs(database, { userId: 'ann' }, all)).toMatchObject({ jobs: 250, more: false })
  expect(await cancelMatchingJobs(database, { userId: 'ann' }, all)).toMatchObject({ jobs: 0, more: false })
})

test('without a filter nothing is cancelled', async () => {
  const [id = 0] = await makeJobs(database, 1)
  await expect(cancelMatchingJobs(database, {}, all)).rejects.toThrow('names a user, a batch or a code')
  expect(await statusOf(database, id)).toBe('pending')
})
