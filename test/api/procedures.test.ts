import { readFile } from 'node:fs/promises'
import { TRPCClientError } from '@trpc/client'
import { afterAll, expect } from 'vitest'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { completeVisionJob, failVisionJob, retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { spending } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const spent = { analysis: spending() }
const analysis = { model: 'gemini-test', body: exampleJob.outputs.analysis?.result }
const content = { model: 'deepseek-test', body: exampleJob.outputs.content?.result }
const broken = { code: 'analysis.timed_out', message: 'No answer in time.', detail: 'socket 10.0.0.7 hung up' } as const

/** What a REST call is refused with. */
async function problem(response: Promise<Response>) {
  const reply = await response
  expect(reply.headers.get('content-type')).toBe('application/problem+json')
  const body = await json(reply)
  expect(body).toMatchObject({ status: reply.status, requestId: reply.headers.get('x-request-id') })
  return body
}

/** What a tRPC call is refused with. */
async function refusal(call: Promise<unknown>) {
  const error = await call.catch((caught) => caught)
  if (!(error instanceof TRPCClientError)) throw new Error('the call was not refused')
  return { message: error.message, ...error.data }
}

test('a job created over REST is there at its Location, and over tRPC', async () => {
  const created = await api.call('POST', '/v1/jobs', { as: 'ann', body: { ...job, metadata: { a: [1, { b: null }] } } })
  expect(created.status).toBe(201)
  const body = await json(created)
  expect(body).toMatchObject({
    ...job,
    status: 'pending',
    step: 'analysis',
    progress: 0,
    attempt: 0,
    failures: 0,
    crashes: 0,
    maxRetries: 3,
    nextTryAt: null,
    error: null,
    language: 'en',
    metadata: { a: [1, { b: null }] },
    startedAt: null,
    finishedAt: null,
    timings: { runningMs: 0 },
    version: 1,
    outputs: { analysis: null, content: null },
  })
  expect(Date.parse(body.expiresAt) - Date.parse(body.createdAt)).toBe(3_600_000)

  const read = await api.call('GET', created.headers.get('location') ?? '', { as: 'ann' })
  expect(read.status).toBe(200)
  const { timings, ...stable } = body
  expect(await json(read)).toMatchObject(stable)
  expect(await api.client('ann').getJobStatus.query({ jobId: body.jobId })).toMatchObject(stable)
})

test('a job created over tRPC is there over REST', async () => {
  const created = await api.client('ann').createJob.mutate({ ...job, language: 'DE-ch' })
  expect(created).toMatchObject({ status: 'pending', language: 'de-CH' })
  const read = await api.call('GET', `/v1/jobs/${created.jobId}`, { as: 'ann' })
  expect(await json(read)).toMatchObject({ jobId: created.jobId, language: 'de-CH' })
})

test('the lines of the plan work as they are written', async () => {
  const created = await api.call('POST', '/api/trpc/visionPipeline.createJob', { as: 'plan', body: job })
  expect(created.status).toBe(200)
  const { result } = await json(created)
  const path = `/api/trpc/visionPipeline.getJobStatus?jobId=${result.data.jobId}`
  const read = await api.call('GET', path, { as: 'plan' })
  expect(await json(read)).toMatchObject({ result: { data: { jobId: result.data.jobId, status: 'pending' } } })

  const listed = await api.call('GET', '/api/trpc/visionPipeline.getJobHistory?status=pending&status=failed&limit=5', {
    as: 'plan',
  })
  expect((await json(listed)).result.data.jobs).toHaveLength(1)
  const all = await api.call('GET', '/api/trpc/visionPipeline.getJobHistory', { as: 'plan' })
  expect((await json(all)).result.data.jobs).toHaveLength(1)
  const unknown = await api.call('GET', `${path}&colour=red`, { as: 'plan' })
  expect(await json(unknown)).toMatchObject({ error: { data: { errors: [{ pointer: '#/colour' }] } } })
})

test('a tRPC client may send its calls one by one or in a batch', async () => {
  const one = api.client('ann', { batch: false })
  const { jobId } = await one.createJob.mutate(job)
  expect(await one.getJobStatus.query({ jobId })).toMatchObject({ jobId })
  const batched = api.client('ann')
  const [status, history, refused] = await Promise.all([
    batched.getJobStatus.query({ jobId }),
    batched.getJobHistory.query(),
    refusal(batched.getJobStatus.query({ jobId: 999_999 })),
  ])
  expect(status.jobId).toBe(jobId)
  expect(history.jobs[0]?.jobId).toBe(jobId)
  expect(refused).toMatchObject({ errorCode: 'job.not_found', httpStatus: 404 })
})

const bytesAt = async (url = '') => Buffer.from(await (await fetch(url)).arrayBuffer())

test('an image may come along as a data: URL, of which the job keeps type and hash', async () => {
  const png = await readFile(new URL('../fixtures/images/red.png', import.meta.url))
  const imageUrl = `data:image/png;base64,${png.toString('base64')}`
  const created = await api.client('ann').createJob.mutate({ ...job, imageUrl })
  expect(created.imageUrl).toMatch(/^data:image\/png;sha256=[0-9a-f]{64}$/)
  expect(created.image).toMatchObject({ type: 'image/png', bytes: png.length, sha256: created.imageUrl.split('=')[1] })
  expect(created.thumbnailUrl).toBe(created.image?.url)
  expect(png.equals(await bytesAt(created.image?.url))).toBe(true)
})

test('a post may be for a network, which the job keeps and shows, and another network is another request', async () => {
  const body = { ...job, outputFormat: 'social_post', platform: 'linkedin', idempotencyKey: 'post' } as const
  const { jobId, platform } = await api.client('ann').createJob.mutate(body)
  expect(platform).toBe('linkedin')
  expect((await api.client('ann').getJobStatus.query({ jobId })).platform).toBe('linkedin')
  const { jobs } = await api.client('ann').createJobs.mutate({ jobs: [job, { ...body, idempotencyKey: undefined }] })
  expect(jobs.map((created) => created.platform)).toEqual([null, 'linkedin'])
  const other = await problem(api.call('POST', '/v1/jobs', { as: 'ann', body: { ...body, platform: 'x' } }))
  expect(other.code).toBe('idempotency.mismatch')
})

test('a job shows the size of its image as stored, and how it is turned', async () => {
  const jpeg = await readFile(new URL('../fixtures/images/portrait-exif.jpg', import.meta.url))
  const imageUrl = `data:image/jpeg;base64,${jpeg.toString('base64')}`
  const { jobId } = await api.client('ann').createJob.mutate({ ...job, imageUrl })
  const { image } = await json(await api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))
  expect(image).toMatchObject({ width: 96, height: 64, orientation: 6 })
})

test.each([
  ['imageUrl', { imageUrl: 'ftp://images.example/a.png' }, 'image.invalid_url'],
  ['imageUrl', { imageUrl: 'data:image/png;base64,R0lGODlhAQABAAAAACw=' }, 'image.unsupported_type'],
  ['imageUrl', { imageUrl: undefined }, 'request.invalid'],
  ['analysisPurpose', { analysisPurpose: ' \n ' }, 'request.invalid'],
  ['analysisPurpose', { analysisPurpose: 'x'.repeat(2001) }, 'request.invalid'],
  ['outputFormat', { outputFormat: 'poem' }, 'request.invalid'],
  ['language', { language: 'not a language' }, 'request.invalid'],
  ['platform', { platform: 'x' }, 'request.invalid'],
  ['platform', { platform: 'myspace', outputFormat: 'social_post' }, 'request.invalid'],
  ['metadata', { metadata: [1] }, 'request.invalid'],
  ['metadata', { metadata: { text: 'ü'.repeat(2100) } }, 'request.invalid'],
  ['idempotencyKey', { idempotencyKey: 'ends with a space ' }, 'request.invalid'],
  ['idempotencyKey', { idempotencyKey: 'x'.repeat(201) }, 'request.invalid'],
  ['colour~1~0', { 'colour/~': 'red' }, 'request.invalid'],
  ['idempotencyKey', { idempotencyKey: 1 }, 'request.invalid'],
])('what is wrong is named: %s in %j', async (field, change, code) => {
  const body = { ...job, ...change }
  const expected = [{ pointer: `#/${field}`, detail: expect.any(String) }]
  const rest = await problem(api.call('POST', '/v1/jobs', { as: 'ann', body }))
  expect(rest).toMatchObject({ type: `/problems/${code}`, title: 'Bad Request', status: 400, code, errors: expected })
  const trpc = await refusal(api.client('ann').createJob.mutate(body as never))
  expect(trpc).toMatchObject({ code: 'BAD_REQUEST', httpStatus: 400, errorCode: code, errors: expected })
})

const formatNames = 'detailed_analysis, summary, social_post, product_description, alt_text, brand_guidelines'
test.each<[object, Record<string, string>]>([
  [
    { imageUrl: undefined, outputFormat: undefined },
    { imageUrl: 'is missing', outputFormat: 'is missing' },
  ],
  [
    { imageUrl: 5, metadata: [1] },
    { imageUrl: 'must be text', metadata: 'must be an object' },
  ],
  [
    { imageUrl: '', analysisPurpose: [] },
    { imageUrl: 'must not be empty', analysisPurpose: 'must be text' },
  ],
  [{ analysisPurpose: 'x'.repeat(2001) }, { analysisPurpose: 'must have at most 2000 characters' }],
  [
    { outputFormat: 'poem', colour: 1 },
    { outputFormat: `must be one of ${formatNames}`, colour: 'There is no such field.' },
  ],
  [{ language: 'german' }, { language: 'must be a BCP 47 language tag like en or de-CH' }],
  [{ language: 'x' }, { language: 'must be a BCP 47 language tag like en or de-CH' }],
  [{ language: 'de_CH' }, { language: 'must be a BCP 47 language tag like en or de-CH' }],
  [{ language: null }, { language: 'must be text' }],
  [
    { platform: 'x' },
    { platform: 'goes with the output format social_post only: leave it out, or ask for a social_post' },
  ],
  [
    { platform: 'myspace', outputFormat: 'social_post' },
    { platform: 'must be one of instagram, facebook, linkedin, x, pinterest, tiktok, threads, bluesky' },
  ],
  [
    { idempotencyKey: ' ' },
    { idempotencyKey: 'must be 1 to 200 characters of printable ASCII, with no space at either end' },
  ],
])('validation errors are in plain words, one for each field: %j', async (change, issues) => {
  const code = expect.any(String)
  const expected = Object.entries(issues).map(([field, detail]) => ({ pointer: `#/${field}`, code, detail }))
  const { errors } = await problem(api.call('POST', '/v1/jobs', { as: 'ann', body: { ...job, ...change } }))
  expect(errors).toEqual(expected)
  const nested = { jobs: [job, { ...job, ...change }] }
  expect((await refusal(api.client('ann').createJobs.mutate(nested as never))).errors).toEqual(
    expected.map(({ pointer, detail }) => ({ pointer: pointer.replace('#', '#/jobs/1'), code, detail })),
  )
})

test.each([
  ['POST', '/v1/jobs', 'null', { '': 'must be an object' }],
  ['POST', '/v1/jobs/batch', { jobs: {} }, { '/jobs': 'must be a list' }],
  ['POST', '/v1/jobs/batch', { jobs: [] }, { '/jobs': 'must have at least 1 entry' }],
  ['POST', '/v1/jobs/batch', { jobs: Array(101).fill(job) }, { '/jobs': 'must have at most 100 entries' }],
  ['POST', '/v1/uploads', { contentType: 'image/png', bytes: 1.5 }, { '/bytes': 'must be a whole number' }],
  ['GET', '/v1/jobs?limit=101', undefined, { '/limit': 'must be at most 100' }],
  ['GET', '/v1/jobs?limit=ten', undefined, { '/limit': 'must be a whole number' }],
  ['GET', '/v1/jobs/0', undefined, { '/jobId': 'must be at least 1' }],
])('and so they are for what surrounds the fields: %s %s', async (method, path, body, issues) => {
  const { errors } = await problem(api.call(method, path, { as: 'ann', body }))
  const code = expect.any(String)
  expect(errors).toEqual(Object.entries(issues).map(([at, detail]) => ({ pointer: `#${at}`, code, detail })))
})

test.each(['de', 'gsw', 'zh-Hant-TW', 'en-u-ca-gregory'])('%s is a language', async (language) => {
  expect(await api.client('ann').createJob.mutate({ ...job, language })).toMatchObject({ language })
})

test('a metadata that is too large is told its size', async () => {
  const body = { ...job, metadata: { text: 'ü'.repeat(2100) } }
  const { errors } = await problem(api.call('POST', '/v1/jobs', { as: 'ann', body }))
  expect(errors[0].detail).toBe('is 4211 bytes of JSON, and at most 4096 are taken')
})

test('a batch is created in its order, all of it or nothing', async () => {
  const jobs = Array.from({ length: 100 }, (_, index) => ({ ...job, metadata: { index } }))
  const created = await api.call('POST', '/v1/jobs/batch', { as: 'batcher', body: { jobs } })
  expect(created.status).toBe(201)
  const body = await json(created)
  expect(body.jobs.map((one: { metadata: { index: number } }) => one.metadata.index)).toEqual([...jobs.keys()])
  expect(body.jobs[0]).not.toHaveProperty('outputs')

  const bad = jobs.slice(0, 10).map((one, index) => (index % 4 === 3 ? { ...one, imageUrl: 'http://no.example' } : one))
  const refused = await problem(api.call('POST', '/v1/jobs/batch', { as: 'batcher', body: { jobs: bad } }))
  expect(refused).toMatchObject({ status: 400, code: 'image.invalid_url' })
  expect(refused.errors.map((one: { pointer: string }) => one.pointer)).toEqual([
    '#/jobs/3/imageUrl',
    '#/jobs/7/imageUrl',
  ])
  const nested = { jobs: [job, { ...job, size: 1 }] }
  expect(await refusal(api.client('batcher').createJobs.mutate(nested))).toMatchObject({
    errors: [{ pointer: '#/jobs/1/size' }],
  })
  for (const jobs of [[], Array.from({ length: 101 }, () => job)]) {
    expect(await problem(api.call('POST', '/v1/jobs/batch', { as: 'batcher', body: { jobs } }))).toMatchObject({
      errors: [{ pointer: '#/jobs' }],
    })
  }
  const [row] = await api.database.sql("SELECT COUNT(*) AS count FROM vision_jobs WHERE user_id = 'batcher'")
  expect(row?.count).toBe(100)
})

test('the view follows a job through both steps', async () => {
  const jobId = await api.create('ann')
  const look = () => api.client('ann').getJobStatus.query({ jobId })

  const run = await api.claim(jobId)
  expect(await look()).toMatchObject({ status: 'processing', step: 'analysis', progress: 10, attempt: 1 })

  await saveAnalysis(api.database, run, analysis, spent)
  const half = await look()
  expect(half).toMatchObject({ status: 'processing', step: 'content', progress: 60 })
  expect(half.outputs).toMatchObject({ analysis: { model: 'gemini-test', result: analysis.body }, content: null })

  await retryVisionJob(api.database, run, broken, spent, { delayMs: 60_000, costsRetry: true })
  const waiting = await look()
  expect(waiting).toMatchObject({
    status: 'scheduled',
    step: 'content',
    progress: 50,
    failures: 1,
    error: { code: 'analysis.timed_out', message: 'No answer in time.' },
    outputs: { content: null },
  })
  expect(Date.parse(waiting.nextTryAt ?? '')).toBeGreaterThan(Date.now() + 30_000)

  await api.database.sql("UPDATE vision_jobs SET status = 'pending' WHERE id = ?", [jobId])
  await completeVisionJob(api.database, await api.claim(jobId, 'content'), content, {
    content: spending({ inputTokens: 1, outputTokens: 2, milliseconds: 3 }),
  })
  const done = await look()
  expect(done).toMatchObject({
    status: 'completed',
    step: null,
    progress: 100,
    attempt: 2,
    error: null,
    nextTryAt: null,
  })
  expect(done.outputs).toMatchObject({ analysis: { result: analysis.body }, content: { result: content.body } })
  expect(done.timings.totalMs).toBe(Date.parse(done.finishedAt ?? '') - Date.parse(done.createdAt))

  const attempts = await json(api.call('GET', `/v1/jobs/${jobId}/attempts`, { as: 'ann' }))
  expect(attempts).toEqual(await api.client('ann').getJobAttempts.query({ jobId }))
  expect(attempts.attempts).toMatchObject([
    {
      attempt: 1,
      outcome: 'retried',
      step: 'content',
      error: { code: 'analysis.timed_out', message: 'No answer in time.' },
      possiblyBilled: null,
      usage: { analysis: { inputTokens: 10, outputTokens: 20, costUsd: 7e-9, milliseconds: 30 }, content: null },
    },
    { attempt: 2, outcome: 'completed', error: null, usage: { analysis: null } },
  ])
  expect(JSON.stringify(attempts)).not.toContain('10.0.0.7')
})

test('the time of a job is that of its runs, and the rest is waiting', async () => {
  const jobId = await api.create('timed')
  const run = await api.claim(jobId)
  await retryVisionJob(api.database, run, broken, spent, { delayMs: 0, costsRetry: true })
  await api.database.sql("UPDATE vision_jobs SET status = 'pending' WHERE id = ?", [jobId])
  await api.claim(jobId)
  // Created an hour ago; a run of 20 s after a minute, and now, for 30 s so far, another.
  await api.database.sql(
    `UPDATE vision_jobs SET created_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR,
       started_at = UTC_TIMESTAMP(3) - INTERVAL 59 MINUTE WHERE id = ?`,
    [jobId],
  )
  const setRun = (attempt: number, start: string, end: string) =>
    api.database.sql(
      `UPDATE vision_job_attempts SET started_at = UTC_TIMESTAMP(3) - INTERVAL ${start},
         ended_at = ${end} WHERE job_id = ? AND attempt = ?`,
      [jobId, attempt],
    )
  await setRun(1, '3540 SECOND', 'started_at + INTERVAL 20 SECOND')
  await setRun(2, '30 SECOND', 'NULL')
  const fresh = await api.create('timed')

  const { jobs } = await api.client('timed').getJobHistory.query()
  const looks = [jobs[1], await api.client('timed').getJobStatus.query({ jobId })]
  for (const look of looks) {
    expect(look?.jobId).toBe(jobId)
    const { waitingMs = 0, runningMs = 0, totalMs = 0 } = look?.timings ?? {}
    expect(runningMs).toBeGreaterThanOrEqual(50_000)
    expect(runningMs).toBeLessThan(110_000)
    expect(totalMs).toBeGreaterThanOrEqual(3_590_000)
    expect(waitingMs).toBe(totalMs - runningMs)
  }
  expect(jobs[0]).toMatchObject({ jobId: fresh, timings: { runningMs: 0 } })
})

test('a job is cancelled once, and again without an error', async () => {
  const jobId = await api.create('ann')
  const cancelled = await api.call('POST', `/v1/jobs/${jobId}/cancel`, { as: 'ann' })
  expect(cancelled.status).toBe(200)
  expect(await json(cancelled)).toMatchObject({ jobId, status: 'cancelled', step: null, progress: 0 })
  expect(await api.client('ann').cancelJob.mutate({ jobId })).toMatchObject({ status: 'cancelled' })
})

test('only what is under way is cancelled, and only what failed is retried', async () => {
  const jobId = await api.create('ann')
  const cancelled = await api.create('ann')
  await api.client('ann').cancelJob.mutate({ jobId: cancelled })
  expect(await problem(api.call('POST', `/v1/jobs/${cancelled}/retry`, { as: 'ann' }))).toMatchObject({
    status: 409,
    code: 'job.not_retryable',
  })
  expect(await refusal(api.client('ann').retryJob.mutate({ jobId: cancelled }))).toMatchObject({ code: 'CONFLICT' })

  await failVisionJob(api.database, await api.claim(jobId), broken, { possiblyBilled: { analysis: 1 } })
  expect(await api.client('ann').getJobStatus.query({ jobId })).toMatchObject({ status: 'failed', step: null })
  expect(await api.client('ann').getJobAttempts.query({ jobId })).toMatchObject({
    attempts: [{ outcome: 'failed', possiblyBilled: 'analysis' }],
  })
  expect(await problem(api.call('POST', `/v1/jobs/${jobId}/cancel`, { as: 'ann' }))).toMatchObject({
    status: 409,
    code: 'job.not_cancellable',
  })
  expect(await refusal(api.client('ann').cancelJob.mutate({ jobId }))).toMatchObject({
    errorCode: 'job.not_cancellable',
  })

  const retried = await api.call('POST', `/v1/jobs/${jobId}/retry`, { as: 'ann', body: {} })
  expect(await json(retried)).toMatchObject({ status: 'scheduled', failures: 0, error: null, attempt: 1 })
})

test('a job is retried once, and again without an error while it is under way', async () => {
  const jobId = await api.create('rita')
  await failVisionJob(api.database, await api.claim(jobId), broken, {})
  const retry = () => api.call('POST', `/v1/jobs/${jobId}/retry`, { as: 'rita' })
  // Whoever calls at once, one of them does it.
  const [first, ...others] = await Promise.all([retry(), retry(), retry()])
  const { version, ...job } = await json(first)
  expect(job).toMatchObject({ status: 'scheduled', failures: 0 })
  for (const other of others) expect([other.status, (await json(other)).version]).toEqual([200, version])
  await api.database.sql("UPDATE vision_jobs SET status = 'pending' WHERE id = ?", [jobId])
  await api.claim(jobId)
  const running = await retry()
  expect(running.headers.get('etag')).toBe(`W/"${jobId}-${version + 1}"`)
  expect(await json(running)).toMatchObject({ status: 'processing', attempt: 2 })
  expect(api.logged.filter(({ message, fields }) => message === 'job retried' && fields.jobId === jobId)).toHaveLength(
    1,
  )
})

test('metadata may be null, as it is answered, and is the same as none', async () => {
  const idempotencyKey = 'nothing'
  const first = await json(
    api.call('POST', '/v1/jobs', { as: 'nora', body: { ...job, metadata: null, platform: null, idempotencyKey } }),
  )
  expect([first.metadata, first.platform]).toEqual([null, null])
  expect(await api.client('nora').createJob.mutate({ ...job, idempotencyKey })).toMatchObject({ jobId: first.jobId })
})

test('a deleted job is gone', async () => {
  const [first, second] = [await api.create('ann'), await api.create('ann')]
  const deleted = await api.call('DELETE', `/v1/jobs/${first}`, { as: 'ann' })
  expect([deleted.status, await deleted.text()]).toEqual([204, ''])
  expect(await api.client('ann').deleteJob.mutate({ jobId: second })).toEqual({ deleted: true, jobId: second })
  for (const jobId of [first, second]) {
    expect((await api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' })).status).toBe(404)
    expect((await api.call('DELETE', `/v1/jobs/${jobId}`, { as: 'ann' })).status).toBe(404)
  }
})

test("another user's job is as good as none, in every procedure", async () => {
  const jobId = await api.create('ann')
  const before = await api.client('ann').getJobStatus.query({ jobId })
  const routes = [
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/attempts'],
    ['POST', '/cancel'],
    ['POST', '/retry'],
  ] as const
  for (const [method, path] of routes) {
    const mallory = await problem(api.call(method, `/v1/jobs/${jobId}${path}`, { as: 'mallory' }))
    const nobody = await problem(api.call(method, `/v1/jobs/999999${path}`, { as: 'mallory' }))
    expect(mallory).toMatchObject({ status: 404, code: 'job.not_found' })
    expect({ ...mallory, requestId: '' }).toEqual({ ...nobody, requestId: '' })
  }
  const mallory = api.client('mallory')
  for (const call of [
    () => mallory.getJobStatus.query({ jobId }),
    () => mallory.getJobAttempts.query({ jobId }),
    () => mallory.cancelJob.mutate({ jobId }),
    () => mallory.retryJob.mutate({ jobId }),
    () => mallory.deleteJob.mutate({ jobId }),
  ]) {
    expect(await refusal(call())).toMatchObject({ code: 'NOT_FOUND', errorCode: 'job.not_found' })
  }
  expect((await mallory.getJobHistory.query({})).jobs).toEqual([])
  expect((await api.client('ann').getJobStatus.query({ jobId })).version).toBe(before.version)
})

test('an unauthenticated call is refused', async () => {
  const routes = [
    ['POST', '/v1/jobs'],
    ['POST', '/v1/jobs/batch'],
    ['GET', '/v1/jobs'],
    ['GET', '/v1/jobs/1'],
    ['DELETE', '/v1/jobs/1'],
    ['GET', '/v1/jobs/1/attempts'],
    ['POST', '/v1/jobs/1/cancel'],
    ['POST', '/v1/jobs/1/retry'],
  ] as const
  for (const [method, path] of routes) {
    const response = await api.call(method, path)
    expect([method, path, response.status, response.headers.get('www-authenticate')]).toEqual([
      method,
      path,
      401,
      'Bearer realm="vision-pipeline"',
    ])
    expect(await json(response)).toMatchObject({ code: 'request.unauthenticated', title: 'Unauthorized' })
  }
  const trpc = await api.call('POST', '/api/trpc/visionPipeline.createJob', { body: job })
  expect([trpc.status, trpc.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="vision-pipeline"'])
  expect(await json(trpc)).toMatchObject({
    error: { data: { code: 'UNAUTHORIZED', errorCode: 'request.unauthenticated' } },
  })
})

test.each(['abc', '0', '-1', '1.5', '9007199254740993', '1e3', '%00'])('%s is no job id', async (jobId) => {
  expect(await problem(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))).toMatchObject({
    status: 400,
    errors: [{ pointer: '#/jobId' }],
  })
})

test('the path says which job it is, and the body may not say another', async () => {
  const jobId = await api.create('ann')
  const path = `/v1/jobs/${jobId}/cancel`
  expect(await problem(api.call('POST', path, { as: 'ann', body: { jobId: 1 } }))).toMatchObject({
    errors: [{ pointer: '#/jobId' }],
  })
  expect(await problem(api.call('POST', path, { as: 'ann', body: [] }))).toMatchObject({ errors: [{ pointer: '#' }] })
  expect(await problem(api.call('POST', path, { as: 'ann', body: { why: 1 } }))).toMatchObject({
    errors: [{ pointer: '#/why' }],
  })
})

test('a job over the cap of its owner is blocked, and gets the place of one that is cancelled or deleted', async () => {
  const capped = await createTestApi({ inFlightPerUser: 1 })
  try {
    const [first, second, third] = [await capped.create('ann'), await capped.create('ann'), await capped.create('ann')]
    const statusOf = async (jobId: number) =>
      (await json(capped.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))).status as string
    expect(await statusOf(second)).toBe('blocked')
    expect(await json(capped.call('GET', '/v1/jobs?status=blocked', { as: 'ann' }))).toMatchObject({
      jobs: [{ jobId: third }, { jobId: second, status: 'blocked', step: 'analysis', progress: 0, nextTryAt: null }],
    })
    await capped.call('POST', `/v1/jobs/${first}/cancel`, { as: 'ann' })
    expect(await statusOf(second)).toBe('pending')
    await capped.call('DELETE', `/v1/jobs/${second}`, { as: 'ann' })
    expect(await statusOf(third)).toBe('pending')
  } finally {
    await capped.drop()
  }
})
