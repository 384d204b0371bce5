import { afterAll, expect } from 'vitest'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({
    database: workerDatabase,
    limits: { jobsPerDay: 100, jobsWaiting: 4, costPerDay: undefined },
  })
})
afterAll(() => api.drop())

const post = (user: string, verb: string, body: unknown) => api.call('POST', `/v1/jobs/${verb}`, { as: user, body })
const change = async (user: string, verb: string, body: unknown) => json(post(user, verb, body))
const create = async (user: string, fields: object = {}): Promise<number> =>
  (await json(api.call('POST', '/v1/jobs', { as: user, body: { ...job, ...fields } }))).jobId
const list = async (user: string): Promise<{ jobId: number; status: string }[]> =>
  (await json(api.call('GET', '/v1/jobs', { as: user }))).jobs
const fail = (ids: readonly number[]) =>
  api.database.sql(
    `UPDATE vision_jobs SET status = 'failed', error_code = 'image.not_found', finished_at = UTC_TIMESTAMP(3)
     WHERE id IN (${ids.join()})`,
  )
const none = { jobs: 0, unchanged: 0, refused: [], more: false, nextCursor: null }

test('the filters of the history say which jobs are changed, and only the caller’s are', async () => {
  const spring = await create('ann', { metadata: { sku: 'TR-7' } })
  const other = await create('ann', { outputFormat: 'alt_text' })
  const theirs = await create('bob', { metadata: { sku: 'TR-7' } })
  const filter = { metadataKey: 'sku', metadataValue: 'TR-7' }
  // A dry run, unless it is said.
  expect(await change('ann', 'cancel', { filter })).toEqual({ ...none, dryRun: true, jobs: 1 })
  expect((await list('ann')).map(({ status }) => status)).toEqual(['pending', 'pending'])
  expect(await change('ann', 'cancel', { filter, dryRun: false })).toEqual({ ...none, dryRun: false, jobs: 1 })
  expect(await change('ann', 'cancel', { filter, dryRun: false })).toEqual({ ...none, dryRun: false, unchanged: 1 })
  expect((await list('ann')).map(({ jobId, status }) => [jobId, status])).toEqual([
    [other, 'pending'],
    [spring, 'cancelled'],
  ])
  expect(await change('ann', 'delete', { filter: { ids: [spring, theirs] }, dryRun: false })).toMatchObject({ jobs: 1 })
  expect(await list('bob')).toMatchObject([{ jobId: theirs, status: 'pending' }])
  const byFormat = { filter: { outputFormat: ['alt_text'], status: ['pending'] }, dryRun: false }
  expect(await change('ann', 'delete', byFormat)).toMatchObject({ jobs: 1 })
  expect(await list('ann')).toEqual([])
  expect(await change('ann', 'delete', byFormat)).toEqual({ ...none, dryRun: false })
  expect(api.logged).toContainEqual({
    level: 'info',
    message: 'jobs cancelled',
    fields: expect.objectContaining({ jobs: 1 }),
  })
})

test('tRPC does the same, page by page', async () => {
  const ids = [await create('tom'), await create('tom'), await create('tom')]
  const { cancelMatchingJobs } = api.client('tom')
  const filter = { status: ['pending' as const] }
  const first = await cancelMatchingJobs.mutate({ filter, dryRun: false, limit: 2 })
  expect(first).toEqual({ ...none, dryRun: false, jobs: 2, more: true, nextCursor: expect.any(String) })
  const next = { filter, dryRun: false, limit: 2, cursor: first.nextCursor }
  expect(await cancelMatchingJobs.mutate(next)).toEqual({ ...none, dryRun: false, jobs: 1 })
  expect(await cancelMatchingJobs.mutate(next)).toEqual({ ...none, dryRun: false })
  expect((await list('tom')).map(({ jobId, status }) => [jobId, status])).toEqual(
    ids.toReversed().map((id) => [id, 'cancelled']),
  )
  // The cursor of a body is in no link.
  const reply = await post('tom', 'delete', { filter: { ids }, limit: 1, dryRun: false })
  expect([reply.status, (await json(reply)).more, reply.headers.get('link')]).toEqual([
    200,
    true,
    expect.not.stringContaining('cursor'),
  ])
})

test('those that cannot be changed are counted by code, and named', async () => {
  const [failed, waiting] = [await create('kim'), await create('kim')]
  await fail([failed])
  expect(await change('kim', 'cancel', { filter: { ids: [failed, waiting] }, dryRun: false })).toEqual({
    ...none,
    dryRun: false,
    jobs: 1,
    refused: [{ code: 'job.not_cancellable', jobs: 1, sample: [failed] }],
  })
  expect(await change('kim', 'retry', { filter: { ids: [failed, waiting] } })).toMatchObject({
    jobs: 1,
    refused: [{ code: 'job.not_retryable', jobs: 1, sample: [waiting] }],
  })
})

test('a retry holds the limit of waiting jobs, and says when to call again', async () => {
  const ids = [await create('lea'), await create('lea'), await create('lea'), await create('lea')]
  await fail(ids)
  await create('lea')
  await create('lea')
  const body = { filter: { status: ['failed'] }, dryRun: false }
  const first = await change('lea', 'retry', body)
  expect(first).toMatchObject({ jobs: 2, more: true, nextCursor: expect.any(String) })
  const refused = await post('lea', 'retry', { ...body, cursor: first.nextCursor })
  expect([refused.status, refused.headers.get('retry-after'), (await json(refused)).code]).toEqual([
    429,
    '30',
    'limit.jobs_waiting',
  ])
  await change('lea', 'cancel', { filter: { status: ['pending', 'scheduled'] }, dryRun: false })
  expect(await change('lea', 'retry', { ...body, cursor: first.nextCursor })).toMatchObject({ jobs: 2, more: false })
})

test('calls at once do not pass the limit of waiting jobs together', async () => {
  const ids: number[] = []
  for (let times = 0; times < 12; times++) {
    ids.push(await create('max'))
    await fail([ids.at(-1) ?? 0])
  }
  const waiting = async () => (await list('max')).filter(({ status }) => status !== 'failed').length
  const retry = (some: readonly number[]) => post('max', 'retry', { filter: { ids: some }, dryRun: false })
  await Promise.all([0, 3, 6, 9].map((from) => retry(ids.slice(from, from + 3))))
  expect(await waiting()).toBe(4)
  await change('max', 'cancel', { filter: { status: ['scheduled', 'pending'] }, dryRun: false })
  await fail(ids)
  await Promise.all(ids.map((id) => api.call('POST', `/v1/jobs/${id}/retry`, { as: 'max' })))
  expect(await waiting()).toBe(4)
})

test('an event of each job that is cancelled goes to the webhooks of its owner', async () => {
  const body = { url: 'https://shop.example/hook', events: ['job.cancelled'] }
  await api.call('POST', '/v1/webhooks', { as: 'wes', body })
  const ids = [await create('wes'), await create('wes')]
  await change('wes', 'cancel', { filter: { ids }, dryRun: false })
  const rows = await api.database.sql('SELECT job_id AS id FROM vision_webhook_deliveries')
  expect(rows.map(({ id }) => Number(id)).sort()).toEqual(ids.sort())
})

test.each([
  [{}, '#/filter', 'field.missing', 'is missing'],
  [{ filter: {} }, '#/filter', 'field.missing', 'must name something'],
  [{ filter: { status: ['lost'] } }, '#/filter/status/0', 'field.not_allowed', 'must be one of scheduled'],
  [{ filter: { metadataKey: 'sku' } }, '#/filter/metadataValue', 'field.missing', 'is missing'],
  [{ filter: { status: ['failed'], user: 'bob' } }, '#/filter/user', 'field.unknown', 'no such field'],
  [{ filter: { ids: [1] }, limit: 501 }, '#/limit', 'field.too_large', 'at most 500'],
  [{ filter: { ids: [1] }, cursor: 'x' }, '#/cursor', 'field.malformed', 'no cursor that this API gave out'],
])('%j is refused, and it is said why', async (body, pointer, code, detail) => {
  for (const verb of ['retry', 'cancel', 'delete']) {
    const reply = await post('ann', verb, body)
    expect(reply.status).toBe(400)
    expect((await json(reply)).errors).toEqual([{ pointer, code, detail: expect.stringContaining(detail) }])
  }
})

test('a batch of another user is not there', async () => {
  const { batchId } = await json(api.call('POST', '/v1/batches', { as: 'ann', body: {} }))
  const reply = await post('bob', 'delete', { filter: { batchId }, dryRun: false })
  expect([reply.status, (await json(reply)).code]).toEqual([404, 'batch.not_found'])
})
