import { afterAll, expect } from 'vitest'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { analysisOutput, contentOutput, nothingSpent, spending } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import { png } from '../support/images/image-files.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const post = (user: string, path: string, body: unknown, headers = {}) =>
  api.call('POST', path, { as: user, body, headers })
const create = async (user: string, body: object = {}): Promise<number> =>
  (await json(post(user, '/v1/batches', body))).batchId
const add = (user: string, batchId: number, jobs: unknown[], headers = {}) =>
  post(user, `/v1/batches/${batchId}/jobs`, { jobs }, headers)
const look = (user: string, batchId: number, headers = {}) =>
  api.call('GET', `/v1/batches/${batchId}`, { as: user, headers })
const { imageUrl } = job

test('a batch is made, filled, followed and looked through by its owner alone', async () => {
  const defaults = { analysisPurpose: 'Sell it', outputFormat: 'social_post', platform: 'x', language: 'de' }
  const made = await post('ann', '/v1/batches', { name: ' Spring ', defaults })
  expect([made.status, made.headers.get('location')]).toEqual([201, expect.stringMatching(/^\/v1\/batches\/\d+$/)])
  const batch = await json(made)
  expect(batch).toMatchObject({
    name: 'Spring',
    defaults,
    onInvalid: 'refuse',
    jobs: 0,
    ended: false,
    cancelledAt: null,
  })
  expect(Date.parse(batch.closesAt) - Date.parse(batch.createdAt)).toBe(7 * 86_400_000)
  const { batchId } = batch
  const added = await add('ann', batchId, [{ imageUrl }, { imageUrl, language: 'fr', outputFormat: 'alt_text' }])
  const { jobs, rejected } = await json(added)
  expect([added.status, jobs.length, rejected, added.headers.get('ratelimit')]).toEqual([
    201,
    2,
    [],
    expect.any(String),
  ])
  const shown = await Promise.all(
    jobs.map(({ jobId }: { jobId: number }) => json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))),
  )
  expect(shown).toMatchObject([
    { ...defaults, batchId },
    { batchId, analysisPurpose: 'Sell it', outputFormat: 'alt_text', language: 'fr', platform: null },
  ])
  const run = await api.claim(jobs[0].jobId)
  await saveAnalysis(api.database, run, analysisOutput, { analysis: spending() })
  await completeVisionJob(api.database, run, contentOutput, { analysis: spending() })
  expect(await json(look('ann', batchId))).toMatchObject({
    jobs: 2,
    ended: false,
    byStatus: { completed: 1, processing: 1, blocked: 0, pending: 0, scheduled: 0, failed: 0, cancelled: 0 },
    byCode: {},
    calls: 1,
    estimatedEndAt: expect.any(String),
  })
  for (const path of ['', '/cancel', '/retry', '/jobs']) {
    const method = path === '' ? 'GET' : 'POST'
    const body = path === '/jobs' ? { jobs: [job] } : undefined
    const reply = await api.call(method, `/v1/batches/${batchId}${path}`, { as: 'mallory', body })
    expect([path, reply.status, (await json(reply)).code]).toEqual([path, 404, 'batch.not_found'])
  }
  expect((await api.call('DELETE', `/v1/batches/${batchId}`, { as: 'mallory' })).status).toBe(404)
  const ids = [await create('lister'), await create('lister'), await create('lister')]
  const first = await json(api.call('GET', '/v1/batches?limit=2', { as: 'lister' }))
  const second = await json(api.call('GET', `/v1/batches?limit=2&cursor=${first.nextCursor}`, { as: 'lister' }))
  expect([...first.batches, ...second.batches].map((one) => one.batchId)).toEqual(ids.toReversed())
  expect(second.nextCursor).toBeNull()
})

test('a call with a job that cannot be made makes none, and names what is wrong with each', async () => {
  const batchId = await create('rita')
  const broken = `data:image/png;base64,${Buffer.from('no image').toString('base64')}`
  const reply = await add('rita', batchId, [job, { ...job, language: 'x y' }, { imageUrl }, { ...job, wrong: 1 }])
  expect([reply.status, (await json(reply)).errors.map((one: { pointer: string }) => one.pointer)]).toEqual([
    400,
    ['#/jobs/1/language', '#/jobs/2/analysisPurpose', '#/jobs/2/outputFormat', '#/jobs/3/wrong'],
  ])
  expect((await add('rita', batchId, [job, { ...job, imageUrl: broken }])).status).toBe(400)
  expect((await add('rita', batchId, [job, { ...job, brandId: 12_345 }])).status).toBe(404)
  expect(await json(look('rita', batchId))).toMatchObject({ jobs: 0, ended: false })
})

test('one that skips makes the others, and says of each that is missing where it was and why', async () => {
  const batchId = await create('sam', { onInvalid: 'skip', defaults: { analysisPurpose: 'Sell it' } })
  const inline = (bytes: Uint8Array) => `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`
  const jobs = [
    { imageUrl },
    { imageUrl: inline(Buffer.from('no image')), outputFormat: 'summary' },
    { imageUrl: inline(png(2, 2)), outputFormat: 'summary' },
    { imageUrl, outputFormat: 'summary', brandId: 12_345 },
    { imageUrl, outputFormat: 'summary' },
  ]
  const reply = await add('sam', batchId, jobs, { 'idempotency-key': 'k' })
  const body = await json(reply)
  expect([reply.status, body.jobs.map((one: { index: number }) => one.index)]).toEqual([201, [2, 4]])
  expect(body.rejected.map(({ index, errors }: { index: number; errors: object[] }) => [index, errors])).toEqual([
    [0, [expect.objectContaining({ pointer: '#/jobs/0/outputFormat', code: 'field.missing' })]],
    [1, [expect.objectContaining({ pointer: '#/jobs/1/imageUrl', code: 'image.unsupported_type' })]],
    [3, [expect.objectContaining({ pointer: '#/jobs/3/brandId', code: 'brand.not_found' })]],
  ])
  const again = await add('sam', batchId, jobs, { 'idempotency-key': 'k' })
  expect([again.status, await json(again)]).toEqual([
    200,
    { ...body, jobs: body.jobs.map((one: object) => ({ ...one, replayed: true })) },
  ])
  expect((await add('sam', batchId, jobs.slice(1), { 'idempotency-key': 'k' })).status).toBe(409)
  expect(await json(look('sam', batchId))).toMatchObject({ jobs: 2 })
  const none = await add('sam', batchId, [{ imageUrl }])
  expect([none.status, await json(none)]).toMatchObject([200, { jobs: [], rejected: [{ index: 0 }] }])
})

test('a key stands for one batch, and in two batches for two jobs', async () => {
  const send = (name: string) => post('kay', '/v1/batches', { name }, { 'idempotency-key': 'b' })
  const [first, again, other] = [await send('a'), await send('a'), await send('b')]
  expect([first.status, again.status, other.status]).toEqual([201, 200, 409])
  const { batchId } = await json(first)
  expect((await json(again)).batchId).toBe(batchId)
  const keyed = [{ ...job, idempotencyKey: 'j' }]
  expect((await add('kay', batchId, keyed)).status).toBe(201)
  expect((await add('kay', batchId, keyed)).status).toBe(200)
  // The same key for a job of another batch is another request.
  expect((await add('kay', await create('kay'), keyed)).status).toBe(409)
})

test('a closed batch tells a caller which jobs it has, and which it does not take', async () => {
  const keyed = (key: string, more = {}) => ({ ...job, idempotencyKey: key, ...more })
  const closed = async (onInvalid: string) => {
    const batchId = await create('cleo', { onInvalid })
    const { jobs } = await json(add('cleo', batchId, [keyed(`${onInvalid}-1`)]))
    await post('cleo', `/v1/batches/${batchId}/cancel`, {})
    return { batchId, jobId: jobs[0].jobId }
  }
  const skips = await closed('skip')
  const mixed = [keyed('skip-2'), keyed('skip-1')]
  const reply = await add('cleo', skips.batchId, mixed)
  expect([reply.status, await json(reply)]).toMatchObject([
    200,
    {
      jobs: [{ index: 1, jobId: skips.jobId, replayed: true }],
      rejected: [{ index: 0, errors: [{ pointer: '#/jobs/0', code: 'batch.closed' }] }],
    },
  ])
  // A key of another request names its job.
  const other = await json(add('cleo', skips.batchId, [keyed('skip-1', { language: 'de' }), keyed('skip-3')]))
  expect(other).toMatchObject({
    jobs: [],
    rejected: [
      { index: 0, errors: [{ code: 'idempotency.mismatch', jobId: skips.jobId }] },
      { index: 1, errors: [{ code: 'batch.closed' }] },
    ],
  })
  expect(await json(add('cleo', skips.batchId, [keyed('skip-3')]))).toMatchObject({ code: 'batch.closed', status: 409 })

  const refuses = await closed('refuse')
  const refused = await add('cleo', refuses.batchId, [keyed('refuse-1'), keyed('refuse-2')])
  expect([refused.status, await json(refused)]).toMatchObject([
    409,
    { code: 'batch.closed', errors: [{ pointer: '#/jobs/1', code: 'batch.closed' }] },
  ])
})

test('jobs that are created in one call make a batch, which is found by a repetition and takes no others', async () => {
  const send = () => post('bo', '/v1/jobs/batch', { jobs: [job, job] }, { 'idempotency-key': 'one' })
  const { batchId, jobs } = await json(send())
  expect(jobs).toMatchObject([{ batchId }, { batchId }])
  const again = await send()
  expect([again.status, (await json(again)).batchId]).toEqual([200, batchId])
  expect(await json(look('bo', batchId))).toMatchObject({ name: null, jobs: 2 })
  expect((await json(add('bo', batchId, [job]))).code).toBe('batch.closed')
  expect((await json(api.call('GET', '/v1/batches', { as: 'bo' }))).batches).toHaveLength(1)
  const alone = await json(post('bo', '/v1/jobs', job))
  expect(alone.batchId).toBeNull()
})

test('a batch has an ETag that changes with it, and a caller may wait for that', async () => {
  const batchId = await create('wes')
  const { jobs } = await json(add('wes', batchId, [job]))
  const first = await look('wes', batchId)
  const etag = first.headers.get('etag') ?? ''
  expect([first.headers.get('retry-after'), first.headers.get('cache-control')]).toEqual(['2', 'private, no-cache'])
  expect((await look('wes', batchId, { 'if-none-match': etag })).status).toBe(304)
  const waiting = look('wes', batchId, { 'if-none-match': etag, prefer: 'wait=20' })
  const run = await api.claim(jobs[0].jobId)
  const changed = await waiting
  expect([changed.status, (await json(changed)).byStatus.processing]).toEqual([200, 1])
  // A version that is no longer current need not wait.
  expect((await look('wes', batchId, { 'if-none-match': etag, prefer: 'wait=20' })).status).toBe(200)
  await failVisionJob(api.database, run, { code: 'image.not_found', message: 'It is gone.' }, nothingSpent)
  const ended = await look('wes', batchId, { prefer: 'wait=20' })
  expect([ended.headers.get('retry-after'), await json(ended)]).toMatchObject([
    null,
    { ended: true, byCode: { 'image.not_found': 1 }, estimatedEndAt: null },
  ])
  expect(await api.database.sql("SELECT id FROM vision_job_sessions WHERE user_id = 'wes'")).toEqual([])
})

test('failed jobs of a batch are retried, by their code if one is named; the rest is cancelled, and all of it deleted', async () => {
  const batchId = await create('ron')
  const { jobs } = await json(add('ron', batchId, [job, job, job]))
  const run = await api.claim(jobs[0].jobId)
  await failVisionJob(api.database, run, { code: 'image.not_found', message: 'It is gone.' }, nothingSpent)
  const at = (path: string, body?: object) =>
    json(api.call('POST', `/v1/batches/${batchId}${path}`, { as: 'ron', body }))
  expect(await at('/retry', { code: 'content.' })).toEqual({ batchId, jobs: 0, more: false })
  expect((await at('/retry', { code: 'Nothing' })).code).toBe('request.invalid')
  expect(await at('/retry', { code: 'image.not_found' })).toEqual({ batchId, jobs: 1, more: false })
  expect(await at('/cancel')).toEqual({ batchId, jobs: 3, more: false })
  expect(await at('/cancel')).toEqual({ batchId, jobs: 0, more: false })
  expect(await json(look('ron', batchId))).toMatchObject({
    ended: true,
    byStatus: { cancelled: 3 },
    cancelledAt: expect.any(String),
  })
  const gone = await json(api.call('DELETE', `/v1/batches/${batchId}`, { as: 'ron' }))
  expect(gone).toEqual({ batchId, jobs: 3, more: false })
  expect((await look('ron', batchId)).status).toBe(404)
  expect((await api.call('GET', `/v1/jobs/${jobs[0].jobId}`, { as: 'ron' })).status).toBe(404)
})

test('no more jobs are retried than may wait', async () => {
  const strict = await createTestApi({ limits: { jobsPerDay: 100, jobsWaiting: 5, costPerDay: undefined } })
  try {
    const call = (path: string, body?: object) => json(strict.call('POST', path, { as: 'tom', body }))
    const { batchId } = await call('/v1/batches', {})
    const { jobs } = await call(`/v1/batches/${batchId}/jobs`, { jobs: [job, job, job, job] })
    const run = await strict.claim(jobs[0].jobId)
    for (const { jobId } of jobs) {
      await failVisionJob(strict.database, { ...run, jobId }, { code: 'internal.error', message: 'x' }, nothingSpent)
    }
    await call('/v1/jobs/batch', { jobs: [job, job] })
    expect(await call(`/v1/batches/${batchId}/retry`, {})).toEqual({ batchId, jobs: 3, more: true })
    expect((await call(`/v1/batches/${batchId}/retry`, {})).code).toBe('limit.jobs_waiting')
  } finally {
    await strict.drop()
  }
})

test('the same calls go over tRPC', async () => {
  const client = api.client('tess')
  const { batchId } = await client.createBatch.mutate({ name: 'By tRPC', defaults: { outputFormat: 'summary' } })
  await client.addBatchJobs.mutate({ batchId, jobs: [{ imageUrl, analysisPurpose: 'Sell it' }] })
  expect(await client.getBatch.query({ batchId })).toMatchObject({ name: 'By tRPC', jobs: 1 })
  expect((await client.listBatches.query()).batches).toHaveLength(1)
  expect(await client.cancelBatch.mutate({ batchId })).toEqual({ batchId, jobs: 1, more: false })
  expect(await client.retryBatch.mutate({ batchId })).toMatchObject({ jobs: 0 })
  expect(await client.deleteBatch.mutate({ batchId })).toEqual({ batchId, jobs: 1, more: false })
})

test('a batch has bounds, and says which was passed: its defaults, its name, and the jobs of a call', async () => {
  const refused = async (path: string, body: object) =>
    (await json(api.call('POST', path, { as: 'ann', body }))).errors.map(
      ({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`,
    )
  const metadata = { notes: 'x'.repeat(4_000) }
  const text = { outputFormat: 'social_post', language: 'zh-Hant-TW', platform: 'instagram', variants: 1 }
  const outputs = Array(24).fill({ ...text, brandId: Number.MAX_SAFE_INTEGER })
  const facts = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`fact ${n}`, 'ü'.repeat(247)]))
  expect(
    await refused('/v1/batches', { defaults: { analysisPurpose: '日'.repeat(2_000), outputs, facts, metadata } }),
  ).toEqual(['#/defaults field.too_large'])
  expect(await refused('/v1/batches', { name: 'x'.repeat(101) })).toEqual(['#/name field.too_large'])
  const { batchId } = await json(api.call('POST', '/v1/batches', { as: 'ann', body: {} }))
  expect(await refused(`/v1/batches/${batchId}/jobs`, { jobs: Array(101).fill(job) })).toEqual([
    '#/jobs field.too_large',
  ])
  expect(await refused('/v1/estimate', { jobs: Array(1_001).fill(job) })).toEqual(['#/jobs field.too_large'])
})
