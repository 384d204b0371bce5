import { afterAll, expect } from 'vitest'
import { failVisionJob } from '../../core/queue/settle/settle.ts'
import { createTestApi, json, type TestApi } from '../support/api/test-api.ts'
import { badAnswer, claim, nothingSpent } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const asOperator = { as: 'olga', scopes: ['read', 'operator'] }
// biome-ignore lint/suspicious/noExplicitAny: its type is what each test is there to check.
const call = async (method: string, path: string, body?: unknown): Promise<any> =>
  json(api.call(method, path, { ...asOperator, ...(body !== undefined && { body }) }))
const operator = () => api.client('olga', { scopes: ['operator'] })

async function failJobs(count: number): Promise<number[]> {
  const ids: number[] = []
  for (let made = 0; made < count; made++) ids.push(await api.create('ann'))
  for (const run of await claim(api.database, { limit: count })) {
    await failVisionJob(api.database, run, badAnswer, nothingSpent)
  }
  return ids
}

const routes = [
  ['GET', '/v1/operator/jobs', 'findJobs'],
  ['GET', '/v1/operator/failures', 'getFailures'],
  ['GET', '/v1/operator/minutes', 'getMinutes'],
  ['GET', '/v1/worker', 'getWorkerStatus'],
  ['POST', '/v1/operator/pause', 'pauseClaims'],
  ['POST', '/v1/operator/resume', 'resumeClaims'],
  ['POST', '/v1/operator/redrive', 'redriveJobs'],
  ['POST', '/v1/operator/prune', 'pruneJobs'],
  ['GET', '/v1/operator/actions', 'getOperatorActions'],
] as const

test.each(routes)(
  '%s %s wants the scope, in either protocol, and does nothing without it',
  async (method, path, name) => {
    for (const scopes of [[], ['operators'], ['read', 'OPERATOR']]) {
      const refused = await api.call(method, path, { as: 'mallory', scopes, ...(method === 'POST' && { body: {} }) })
      expect(refused.status).toBe(403)
      expect(await refused.json()).toMatchObject({
        code: 'request.forbidden',
        detail: expect.stringContaining('`operator`'),
      })
    }
    const direct = api.client('mallory')
    const calling =
      method === 'GET' ? (direct[name] as never as Caller).query : (direct[name] as never as Caller).mutate
    await expect(calling({})).rejects.toMatchObject({ data: { httpStatus: 403, errorCode: 'request.forbidden' } })
    expect((await api.call(method, path)).status).toBe(401)
    expect(await api.database.sql('SELECT 1 FROM vision_operator_actions')).toEqual([])
    expect((await api.call(method, path, asOperator)).status).toBe(200)
  },
)

interface Caller {
  query(input: unknown): Promise<unknown>
  mutate(input: unknown): Promise<unknown>
}

test('the status is the same in either protocol', async () => {
  await failJobs(2)
  await api.create('ann')
  const status = await call('GET', '/v1/worker')
  expect(status).toMatchObject({
    queue: {
      depth: expect.arrayContaining([{ status: 'failed', jobs: 2, atLeast: false }]),
      oldestDueSeconds: expect.any(Number),
    },
    workers: { running: 0, recent: [] },
    claims: { pausedByOperator: null },
    providers: [
      { provider: 'gemini', circuit: 'closed', callsInFlight: 0 },
      { provider: 'deepseek', circuit: 'closed' },
    ],
    liveSessions: 0,
    webhooks: { waiting: { count: 0, atLeast: false }, oldestDueSeconds: 0 },
  })
  expect((await operator().getWorkerStatus.query({})).queue.depth).toEqual(status.queue.depth)
})

test('a pause and its end are seen in the reply, in the status and in the audit, with who did it', async () => {
  const paused = await call('POST', '/v1/operator/pause', { provider: 'gemini', reason: 'a test' })
  const pausedByOperator = { by: 'olga', reason: 'a test', at: expect.stringMatching(/Z$/) }
  expect(paused).toMatchObject({
    claims: { pausedByOperator: null },
    providers: [
      { provider: 'gemini', circuit: 'closed', pausedByOperator },
      { provider: 'deepseek', circuit: 'closed', pausedByOperator: null },
    ],
  })
  expect((await call('GET', '/v1/worker')).providers[0]).toMatchObject({ provider: 'gemini', pausedByOperator })
  const { claims, providers } = await operator().resumeClaims.mutate({ provider: 'gemini' })
  expect([claims, ...providers].every((one) => one.pausedByOperator === null)).toBe(true)
  expect((await call('GET', '/v1/operator/actions')).actions).toMatchObject([
    { actor: 'olga', action: 'resume', dryRun: false, parameters: { provider: 'gemini' } },
    { actor: 'olga', action: 'pause', parameters: { provider: 'gemini', reason: 'a test' }, result: { done: true } },
  ])
})

test('a redrive is dry unless it is said otherwise', async () => {
  const [first, second] = await failJobs(2)
  const dry = await call('POST', '/v1/operator/redrive', { filter: { code: 'analysis.', user: 'ann' } })
  expect(dry).toMatchObject({ dryRun: true, jobs: 2, more: false, through: expect.any(String) })
  expect(dry.sample.toSorted()).toEqual([first, second])
  expect((await call('POST', '/v1/operator/redrive')).jobs, 'an empty body is an empty filter').toBe(2)
  expect((await json(api.call('GET', `/v1/jobs/${first}`, { as: 'ann' }))).status).toBe('failed')
  expect(await call('POST', '/v1/operator/redrive', { limit: 1, dryRun: false })).toMatchObject({ jobs: 1, more: true })
  const rest = await operator().redriveJobs.mutate({ dryRun: false })
  expect(rest).toMatchObject({ jobs: 1, more: false })
  for (const id of [first, second]) {
    expect((await json(api.call('GET', `/v1/jobs/${id}`, { as: 'ann' }))).status).toBe('scheduled')
  }
})

test('a redrive of one batch leaves the jobs of others', async () => {
  const [first = 0, second = 0] = await failJobs(2)
  await api.database.sql('UPDATE vision_jobs SET batch_id = 7 WHERE id = ?', [second])
  const asked = { filter: { batch: 7 }, dryRun: false }
  expect(await call('POST', '/v1/operator/redrive', asked)).toMatchObject({ jobs: 1, sample: [second] })
  expect((await json(api.call('GET', `/v1/jobs/${first}`, { as: 'ann' }))).status).toBe('failed')
  expect((await call('GET', '/v1/operator/actions')).actions[0]).toMatchObject({ parameters: { batchId: 7 } })
})

test('a prune is dry unless it is said otherwise, and keeps what the configuration keeps', async () => {
  const [first = 0, second = 0] = await failJobs(2)
  const ago = (days: number, id: number) =>
    api.database.sql('UPDATE vision_jobs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL ? HOUR WHERE id = ?', [
      days * 24,
      id,
    ])
  await ago(31, first)
  await ago(29, second)
  const asked = { dryRun: true, olderThanDays: 30, jobs: 1, more: false }
  expect(await call('POST', '/v1/operator/prune', {})).toEqual(asked)
  expect((await api.call('GET', `/v1/jobs/${first}`, { as: 'ann' })).status).toBe(200)
  expect(await call('POST', '/v1/operator/prune', { dryRun: false })).toEqual({ ...asked, dryRun: false })
  expect((await api.call('GET', `/v1/jobs/${first}`, { as: 'ann' })).status).toBe(404)
  expect((await api.call('GET', `/v1/jobs/${second}`, { as: 'ann' })).status).toBe(200)
  expect((await operator().pruneJobs.mutate({ olderThanDays: 28 })).jobs).toBe(1)
})

test.each([
  ['/v1/operator/pause', { provider: 'openai' }, '#/provider'],
  ['/v1/operator/redrive', { filter: { code: 'Gemini' } }, '#/filter/code'],
  ['/v1/operator/redrive', { filter: { since: 'yesterday' } }, '#/filter/since'],
  ['/v1/operator/redrive', { filter: { jobs: [1] } }, '#/filter/jobs'],
  ['/v1/operator/redrive', { limit: 10_001 }, '#/limit'],
  ['/v1/operator/prune', { olderThanDays: 0 }, '#/olderThanDays'],
  ['/v1/operator/prune', { dryRun: 'no' }, '#/dryRun'],
])('%s refuses %j', async (path, body, pointer) => {
  const refused = await api.call('POST', path, { ...asOperator, body })
  const problem = { pointer, code: expect.stringMatching(/^field\./), detail: expect.any(String) }
  expect([refused.status, (await json(refused)).errors]).toEqual([400, [problem]])
})

test('the audit comes in pages, the latest first', async () => {
  for (let pauses = 0; pauses < 5; pauses++) await call('POST', '/v1/operator/pause', { reason: String(pauses) })
  const first = await call('GET', '/v1/operator/actions?limit=3')
  expect(first.actions.map((one: { parameters: { reason: string } }) => one.parameters.reason)).toEqual(['4', '3', '2'])
  const second = await call('GET', `/v1/operator/actions?limit=3&cursor=${first.nextCursor}`)
  expect(second.actions.map((one: { parameters: { reason: string } }) => one.parameters.reason)).toEqual(['1', '0'])
  expect(second.nextCursor).toBeNull()
})

test('from what jobs failed of to the raw reason of one, and to its owner’s other jobs', async () => {
  await api.database.sql('DELETE FROM vision_failures')
  const [first = 0, second = 0] = await failJobs(2)
  const waiting = await api.create('bob')
  const { failures } = await call('GET', '/v1/operator/failures')
  expect(failures).toMatchObject([
    { code: 'analysis.invalid_answer', step: 'analysis', jobs: 2, users: 1, atLeast: false, sampleJobId: second },
  ])
  const { jobs, nextCursor } = await call('GET', '/v1/operator/jobs?code=analysis.&status=failed&limit=1')
  expect(jobs).toMatchObject([{ jobId: second, user: 'ann', error: { code: 'analysis.invalid_answer' } }])
  const rest = await call('GET', `/v1/operator/jobs?code=analysis.&status=failed&limit=1&cursor=${nextCursor}`)
  expect(rest).toMatchObject({ jobs: [{ jobId: first }], nextCursor: null })
  expect((await call('GET', '/v1/operator/jobs?user=bob')).jobs).toMatchObject([{ jobId: waiting, status: 'pending' }])
  const job = await operator().getJobForOperator.query({ jobId: second })
  expect(job).toMatchObject({
    user: 'ann',
    status: 'failed',
    attempts: [{ attempt: 1, outcome: 'failed', errorDetail: 'raw', workerId: 'worker-1', calls: [] }],
    texts: { wanted: 1, all: [{ textId: 1, status: 'failed', result: null }] },
  })
  const trace = (await api.database.sql('SELECT trace_id FROM vision_jobs WHERE id = ?', [second]))[0]?.trace_id
  expect(job.traceId).toBe(trace)
  const own = JSON.stringify(await json(api.call('GET', `/v1/jobs/${second}/attempts`, { as: 'ann' })))
  expect(own, 'the raw reason is for operators alone').not.toContain('raw')
  expect((await api.call('GET', `/v1/operator/jobs/${second}`, { as: 'ann' })).status).toBe(403)
  expect(await json(api.call('GET', '/v1/operator/jobs/999999', asOperator))).toMatchObject({ code: 'job.not_found' })
})

test('a user sees what their own jobs failed of', async () => {
  await api.database.sql('DELETE FROM vision_failures')
  await failJobs(2)
  const failures = [{ day: expect.any(String), code: 'analysis.invalid_answer', step: 'analysis', jobs: 2 }]
  expect((await json(api.call('GET', '/v1/usage', { as: 'ann' }))).failures).toEqual(failures)
  expect((await json(api.call('GET', '/v1/usage', { as: 'bob' }))).failures).toEqual([])
})
