import { afterAll, beforeEach, expect } from 'vitest'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { nothingSpent } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
let woken = 0
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase, wakeWorker: () => void woken++ })
})
beforeEach(() => {
  woken = 0
})
afterAll(() => api.drop())

const as = 'ann'
const failed = async () => {
  const jobId = await api.create(as)
  await api.database.sql(
    `UPDATE vision_jobs SET status = 'failed', error_code = 'analysis.refused', finished_at = UTC_TIMESTAMP(3) WHERE id = ?`,
    [jobId],
  )
  return jobId
}

/** A job with its analysis and its text. */
const completed = async () => {
  const jobId = await api.create(as)
  const run = await api.claim(jobId)
  await saveAnalysis(api.database, run, { model: 'sees', body: exampleJob.outputs.analysis?.result }, nothingSpent)
  await completeVisionJob(api.database, run, { model: 'writes', body: { text: 'A shoe.' } }, nothingSpent)
  return jobId
}
/** A batch with a job that has failed. */
const failedBatch = async () => {
  const { batchId } = await json(api.call('POST', '/v1/batches', { as, body: { name: 'spring' } }))
  const { jobs } = await json(api.call('POST', `/v1/batches/${batchId}/jobs`, { as, body: { jobs: [job] } }))
  const run = await api.claim(jobs[0].jobId)
  await failVisionJob(api.database, run, { code: 'image.not_found', message: 'It is gone.' }, nothingSpent)
  return batchId
}

test('a creation wakes a worker, and its repetition does not', async () => {
  const headers = { 'idempotency-key': 'once' }
  for (const status of [201, 200]) {
    expect((await api.call('POST', '/v1/jobs', { as, body: job, headers })).status).toBe(status)
    expect(woken).toBe(1)
  }
})

test('a batch of jobs wakes once', async () => {
  expect((await api.call('POST', '/v1/jobs/batch', { as, body: { jobs: [job, job, job] } })).status).toBe(201)
  expect(woken).toBe(1)
})

test.each([
  ['a retry', async () => `/v1/jobs/${await failed()}/retry`, undefined],
  ['a retry of a batch', async () => `/v1/batches/${await failedBatch()}/retry`, {}],
  [
    'more texts of a job',
    async () => `/v1/jobs/${await completed()}/texts`,
    { outputs: [{ outputFormat: 'summary' }] },
  ],
  ['a text made anew', async () => `/v1/jobs/${await completed()}/texts/1/regenerate`, {}],
  ['a redrive', async () => failed().then(() => '/v1/operator/redrive'), { filter: { code: 'analysis.refused' } }],
  ['a resumption of claims', async () => '/v1/operator/resume', {}],
  ['a cancellation, which leaves a place', async () => `/v1/jobs/${await api.create(as)}/cancel`, undefined],
])('%s wakes a worker', async (_, path, body) => {
  const to = await path()
  woken = 0
  const reply = await api.call('POST', to, { as, scopes: ['write', 'operator', 'read'], body })
  expect([reply.status, woken]).toEqual([200, 1])
})

test('a deletion wakes a worker for the place that it leaves, and what changes no job does not', async () => {
  const jobId = await api.create(as)
  woken = 0
  await api.call('GET', `/v1/jobs/${jobId}`, { as })
  await api.call('POST', '/v1/uploads', { as, body: { contentType: 'image/png' } })
  expect(woken).toBe(0)
  expect((await api.call('DELETE', `/v1/jobs/${jobId}`, { as })).status).toBe(204)
  expect(woken).toBe(1)
})
