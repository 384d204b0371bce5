import { afterAll, expect } from 'vitest'
import { readBatchNews } from '../../core/batches/news.ts'
import type { Changes } from '../../core/live/changes/changes.ts'
import { type Known, knownOf } from '../../core/live/event-id.ts'
import { type ManyEvent, watchMany } from '../../core/live/watch-many.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { getWatchedRows } from '../../core/queue/read/changes.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

test('a batch has its end told at the place of its last change, also where a state was read later than the change that led to it', async () => {
  const { batchId, jobs } = await json(api.call('POST', '/v1/jobs/batch', { as: 'ann', body: { jobs: [job] } }))
  const [{ jobId }] = jobs
  const closing = new AbortController()
  const connection = { closing: closing.signal, end: () => closing.abort(), sent: () => undefined }
  const late: Changes = {
    follow: () => ({
      next: async () => {
        await cancelVisionJob(api.database, { jobId, userId: 'ann' })
        const [row] = await getWatchedRows(api.database, [jobId])
        if (row === undefined) throw new Error('the job is gone')
        // What a poll makes of the job's second but last change, where its last one came before its state was read.
        const change = { jobId, at: row.updatedAt.getTime() - 1, version: row.version, gone: false }
        return { jobs: [{ ...change, batchId, row }], batches: await readBatchNews(api.database, [batchId]) }
      },
      ask: () => undefined,
      leave: () => undefined,
    }),
    settled: async () => undefined,
  }
  const watch = (known?: Known) =>
    watchMany(
      { userId: 'ann', batchId, known, since: undefined, transport: 'sse', signal: closing.signal },
      { database: api.database, changes: late, open: async () => connection, sleep: async () => undefined },
    )
  const told: ManyEvent[] = []
  const events = await watch()
  if (typeof events === 'string') throw new Error(events)
  for await (const event of events) told.push(event)
  expect(told.at(-1)).toMatchObject({ type: 'batch', news: { state: { ended: true } } })
  expect(await watch(knownOf(told.at(-1)?.id ?? ''))).toBe('complete')
})
