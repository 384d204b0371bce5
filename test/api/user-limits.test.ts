import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { admitVisionJobs, usersToAdmit } from '../../core/queue/fairness/concurrency-limit.ts'
import { tryLockUser } from '../../core/queue/rows/users.ts'
import { completeVisionJob } from '../../core/queue/settle/settle.ts'
import { createTestApi, json, type TestApi, job as wanted } from '../support/api/test-api.ts'
import { contentOutput, emptyQueue, spending } from '../support/database/jobs.ts'

let api: TestApi
beforeAll(async () => {
  api = await createTestApi({
    inFlightPerUser: 2,
    limits: { jobsPerDay: 4, jobsWaiting: 100, costPerDay: undefined },
    uploadLimits: { uploadsPerDay: 1, uploadBytesPerDay: 1_000_000 },
  })
})
beforeEach(async () => {
  await emptyQueue(api.database)
  await api.database.sql('DELETE FROM vision_operator_actions')
})
afterAll(() => api.drop())

const asOperator = { as: 'olga', scopes: ['operator'] }
const path = (user: string) => `/v1/operator/users/${encodeURIComponent(user)}/limits`
const set = (user: string, body: object) => json(api.call('PUT', path(user), { ...asOperator, body }))
// biome-ignore lint/suspicious/noExplicitAny: its type is what each test is there to check.
const get = async (url: string, as = 'ann'): Promise<any> => json(api.call('GET', url, { as }))
const statuses = async (user = 'ann') =>
  (await api.database.sql('SELECT status FROM vision_jobs WHERE user_id = ? ORDER BY id', [user])).map(
    ({ status }) => status,
  )
const createMany = async (count: number, user = 'ann') => {
  for (let made = 0; made < count; made++) await api.create(user)
}

test('what holds for a user is shown with where it comes from, and who set it is in the audit log', async () => {
  const before = await json(api.call('GET', path('ann'), asOperator))
  expect(before).toMatchObject({
    user: 'ann',
    jobsInFlight: { value: 2, from: 'setting', setting: 2 },
    dollarsPerDay: { value: null, from: 'setting', setting: null },
    streams: { value: 10, from: 'setting', setting: 10 },
  })
  const after = await set('ann', { jobsInFlight: 5, dollarsPerDay: 0.5, uploadMegabytesPerDay: 3, waits: 0 })
  expect(after).toEqual({
    ...before,
    jobsInFlight: { value: 5, from: 'operator', setting: 2 },
    dollarsPerDay: { value: 0.5, from: 'operator', setting: null },
    uploadMegabytesPerDay: { value: 3, from: 'operator', setting: 1 },
    waits: { value: 0, from: 'operator', setting: 5 },
  })
  expect(await json(api.call('GET', path('ann'), asOperator))).toEqual(after)
  expect(await json(api.call('GET', path('bob'), asOperator))).toEqual({ ...before, user: 'bob' })
  // What is left out is the setting again.
  expect(await set('ann', { jobsPerDay: 7 })).toEqual({
    ...before,
    jobsPerDay: { value: 7, from: 'operator', setting: 4 },
  })
  const { actions } = await json(api.call('GET', '/v1/operator/actions', asOperator))
  expect(actions).toMatchObject([
    { actor: 'olga', action: 'set limits', parameters: { userId: 'ann', jobsPerDay: 7, jobsInFlight: null } },
    { parameters: { jobsInFlight: 5, costPerDay: 500_000_000 }, result: { before: { jobsInFlight: null } } },
  ])
})

test('where no call may wait, calls of one user cannot be let either: it is refused with what to change, and what was set before rests', async () => {
  const small = await createTestApi({ waitsPerUser: 0 })
  await small.database.sql("INSERT INTO vision_users (user_id, waits, jobs_per_day) VALUES ('ann', 9, 50)")
  const refused = await small.call('PUT', path('ann'), { ...asOperator, body: { waits: 1, jobsPerDay: 60 } })
  expect([refused.status, await refused.json()]).toMatchObject([
    400,
    {
      code: 'request.invalid',
      errors: [
        {
          pointer: '#/waits',
          code: 'field.conflict',
          detail: expect.stringMatching(/^WAITS_PER_USER is 0, so no call waits, .* raise WAITS_PER_USER first/),
        },
      ],
    },
  ])
  expect(await json(small.call('GET', path('ann'), asOperator))).toMatchObject({
    jobsPerDay: { value: 50, from: 'operator' },
    waits: { value: 0, from: 'setting', setting: 0 },
  })
  for (const waits of [0, null]) {
    const kept = await json(small.call('PUT', path('ann'), { ...asOperator, body: { waits, jobsPerDay: 60 } }))
    expect(kept).toMatchObject({ jobsPerDay: { value: 60 }, waits: { value: 0 } })
  }
  await small.drop()
})

test('others neither see nor set them, and no user of that name can be is said so', async () => {
  for (const method of ['GET', 'PUT']) {
    const refused = await api.call(method, path('ann'), { as: 'ann', ...(method === 'PUT' && { body: {} }) })
    expect(refused.status).toBe(403)
  }
  expect(await json(api.call('PUT', path('cli:root'), { ...asOperator, body: { jobsPerDay: 1 } }))).toMatchObject({
    code: 'request.invalid',
    errors: [{ pointer: '#/user' }],
  })
  for (const body of [undefined, {}, { jobsInFlight: 0 }, { jobsPerDay: 1.5 }]) {
    const refused = await api.call('PUT', path('ann'), { ...asOperator, ...(body && { body }) })
    expect([body, refused.status]).toEqual([body, 400])
  }
  expect(await set('a/b c%', { jobsPerDay: 1 })).toMatchObject({ user: 'a/b c%', jobsPerDay: { value: 1 } })
})

test('more jobs at once are admitted when they are created, by the sweep, and when they are due', async () => {
  await createMany(4)
  expect(await statuses()).toEqual(['pending', 'pending', 'blocked', 'blocked'])
  await set('ann', { jobsInFlight: 3, jobsPerDay: 10 })
  expect(await usersToAdmit(api.database), 'at once, and not in 15 s').toEqual(['ann'])
  await admitVisionJobs(api.database, 'ann', 2, tryLockUser)
  expect(await statuses()).toEqual(['pending', 'pending', 'pending', 'blocked'])
  await set('ann', { jobsInFlight: 6, jobsPerDay: 10 })
  await createMany(2)
  expect(await statuses()).toEqual(Array(6).fill('pending'))
  await api.database.sql("UPDATE vision_jobs SET status = 'scheduled', available_at = '2020-01-01'")
  await set('ann', { jobsInFlight: 1 })
  expect(await promoteDueVisionJobs(api.database, 2)).toBe(6)
  expect(await statuses()).toEqual(['pending', ...Array(5).fill('blocked')])
  // Another user has what the setting says.
  await createMany(3, 'bob')
  expect(await statuses('bob')).toEqual(['pending', 'pending', 'blocked'])
})

test('jobs a day and jobs that wait are counted against the user’s own, in the refusal, its headers and the usage', async () => {
  await set('ann', { jobsPerDay: 6, jobsWaiting: 5 })
  await createMany(5)
  const limitOf = async (code: string) =>
    (await get('/v1/usage')).limits.find((limit: { code: string }) => limit.code === code)
  expect(await limitOf('limit.jobs_per_day')).toMatchObject({
    unit: 'jobs',
    limit: 6,
    left: 1,
    resetsAt: expect.stringMatching(/T00:00:00.000Z$/),
  })
  expect(await limitOf('limit.jobs_waiting')).toMatchObject({ limit: 5, left: 0, resetsAt: null })
  const refused = await api.call('POST', '/v1/jobs', { as: 'ann', body: wanted })
  expect([refused.status, (await json(refused)).code]).toEqual([429, 'limit.jobs_waiting'])
  expect(refused.headers.get('ratelimit-policy')).toMatch(/"jobs-per-day";q=6;.*"jobs-waiting";q=5/)
  const inBatch = await api.call('POST', '/v1/jobs/batch', { as: 'ann', body: { jobs: [wanted] } })
  expect((await json(inBatch)).code).toBe('limit.jobs_waiting')
  await set('ann', { jobsPerDay: 6 })
  await createMany(1)
  expect((await json(api.call('POST', '/v1/jobs', { as: 'ann', body: wanted }))).code).toBe('limit.jobs_per_day')
  // Nothing at all: the user is shut out, and may read.
  await set('bob', { jobsPerDay: 0 })
  expect((await json(api.call('POST', '/v1/jobs', { as: 'bob', body: wanted }))).code).toBe('limit.jobs_per_day')
})

test('a day’s money of the user holds a job back where no setting does, says so in the job, and in the estimate', async () => {
  await set('ann', { dollarsPerDay: 1 })
  const first = await api.create('ann')
  const run = await api.claim(first)
  await completeVisionJob(api.database, run, contentOutput, { content: spending({ cost: 1_000_000_000 }) })
  const second = await api.call('POST', '/v1/jobs', {
    as: 'ann',
    body: wanted,
  })
  expect((await json(second)).code).toBe('limit.spend_per_day')
  await set('ann', { dollarsPerDay: 2 })
  const blocked = await api.create('ann')
  await api.create('ann')
  await set('ann', { dollarsPerDay: 1, jobsPerDay: 3 })
  await api.database.sql("UPDATE vision_jobs SET status = 'blocked', start_tag = 0 WHERE id = ?", [blocked])
  expect(await get(`/v1/jobs/${blocked}`)).toMatchObject({ status: 'blocked', blockedBy: 'spend_per_day' })
  const estimate = await json(
    api.call('POST', '/v1/estimate', {
      as: 'ann',
      body: { jobs: [wanted] },
    }),
  )
  expect(estimate.exceeds).toEqual(['limit.jobs_per_day'])
})

test('uploads are the user’s own number', async () => {
  const grant = async () =>
    (await api.call('POST', '/v1/uploads', { as: 'ann', body: { contentType: 'image/png', bytes: 400_000 } })).status
  expect([await grant(), await grant()]).toEqual([201, 429])
  await set('ann', { uploadsPerDay: 5 })
  expect([await grant(), await grant()]).toEqual([201, 429])
  await set('ann', { uploadsPerDay: 5, uploadMegabytesPerDay: 2 })
  expect(await grant()).toBe(201)
})
