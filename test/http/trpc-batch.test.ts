import { afterAll, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import type { Database } from '../../core/database/client.ts'
import { createTestApi, json, type TestApi, token } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

/** The API over the same database, counting what runs on it at once. */
function counting() {
  let running = 0
  let most = 0
  const { run } = api.database
  const database: Database = {
    ...api.database,
    run: async (work) => {
      most = Math.max(most, ++running)
      try {
        return await run(work)
      } finally {
        running--
      }
    },
  }
  return { app: createApp({ ...api.services, database }), most: () => most }
}

const histories = (calls: number) => {
  const input = Object.fromEntries(
    Array.from({ length: calls }, (_, n) => [n, { limit: 1 + n, status: ['failed'], outputFormat: ['alt_text'] }]),
  )
  const path = Array(calls).fill('visionPipeline.getJobHistory').join(',')
  return `/api/trpc/${path}?batch=1&input=${encodeURIComponent(JSON.stringify(input))}`
}

test('ten calls in a batch are all answered, and two run at once', async () => {
  const { app, most } = counting()
  const headers = { authorization: `Bearer ${await token('ann')}` }
  const replies = await json(app.request(histories(10), { headers }))
  expect(replies).toHaveLength(10)
  for (const reply of replies) expect(reply).toEqual({ result: { data: { jobs: [], nextCursor: null } } })
  expect(most()).toBe(2)
})

test('a call that fails midway starts the next one', async () => {
  const { app } = counting()
  const headers = { authorization: `Bearer ${await token('ann')}` }
  const input = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [n, { jobId: n + 1 }]))
  const path = Array(10).fill('visionPipeline.getJobStatus').join(',')
  const query = `batch=1&input=${encodeURIComponent(JSON.stringify(input))}`
  const replies = await json(app.request(`/api/trpc/${path}?${query}`, { headers }))
  expect(replies.map((reply: { error: { data: { errorCode: string } } }) => reply.error.data.errorCode)).toEqual(
    Array(10).fill('job.not_found'),
  )
})

test('eleven calls are refused, before any of them runs', async () => {
  const { app, most } = counting()
  const headers = { authorization: `Bearer ${await token('ann')}` }
  const refused = await app.request(histories(11), { headers })
  expect(refused.status).toBe(400)
  const { error } = await json(refused)
  expect(error.data.errorCode).toBe('request.invalid')
  expect(error.message).toContain('maxItems')
  expect(most()).toBe(0)
})
