import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { afterAll, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { VisionError } from '../../core/domain/errors.ts'
import { createTestApi, job, json, type TestApi, token } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
let port: number
const server = createAdaptorServer({ fetch: (...call) => api.app.fetch(...call) })
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(async () => {
  server.close()
  await api.drop()
})

const createPath = '/api/trpc/visionPipeline.createJob'
const limit = 5.5 * 1024 * 1024
const jsonType = { 'content-type': 'application/json' }

test('every reply has an id of its own, and two replies never the same', async () => {
  const paths = ['/', '/healthz', '/openapi.json', '/nowhere', '/v1/jobs', '/api/trpc/nothing', '/api/trpc/a.b']
  const ids = await Promise.all(paths.map(async (path) => (await api.call('GET', path)).headers.get('x-request-id')))
  expect(ids.every((id) => /^[0-9a-f-]{36}$/.test(id ?? ''))).toBe(true)
  expect(new Set(ids).size).toBe(paths.length)
})

test('the index says where things are', async () => {
  expect(await json(api.call('GET', '/'))).toMatchObject({ openapi: '/openapi.json', rest: '/v1' })
})

test('health follows what is behind it, and asks it once a second, however often it is asked', async () => {
  let now = Date.now()
  let asked = 0
  let state: () => Promise<boolean> = async () => true
  const isReady = () => {
    asked++
    return state()
  }
  const app = createApp({ ...api.services, isReady, now: () => now })
  const ask = () => app.request('/healthz')
  const healthy = await Promise.all(Array.from({ length: 50 }, ask))
  expect(new Set(healthy.map(({ status }) => status))).toEqual(new Set([200]))
  expect(await healthy[0]?.json()).toEqual({ status: 'ok' })
  for (const next of [async () => false, () => Promise.reject(new Error('no database'))]) {
    state = next
    now += 1_000
    const ill = await ask()
    expect([ill.status, await json(ill), ill.headers.get('retry-after')]).toEqual([503, { status: 'unavailable' }, '5'])
    expect((await ask()).status).toBe(503)
  }
  expect(asked).toBe(3)
  // One that does not answer is asked by one alone.
  state = () => new Promise(() => undefined)
  now += 1_000
  void ask()
  now += 60_000
  void ask()
  await new Promise(setImmediate)
  expect(asked).toBe(4)
})

test('what is not there is a problem too', async () => {
  for (const path of ['/nowhere', '/v1', '/v1/jobs/', '/v1/jobs/1/secrets', '/api']) {
    const reply = await api.call('GET', path, { as: 'ann' })
    expect([path, reply.status, reply.headers.get('content-type')]).toEqual([path, 404, 'application/problem+json'])
    expect(await json(reply)).toMatchObject({ code: 'request.not_found', status: 404 })
  }
  const reply = await api.call('POST', '/api/trpc/visionPipeline.dropTables', { as: 'ann', body: {} })
  expect([reply.status, await json(reply)]).toMatchObject([
    404,
    { error: { data: { errorCode: 'request.not_found' } } },
  ])
})

test.each([
  ['PUT', '/v1/jobs', 'POST, GET, HEAD'],
  ['DELETE', '/v1/jobs', 'POST, GET, HEAD'],
  ['GET', '/v1/jobs/batch', 'POST'],
  ['PATCH', '/v1/jobs/1', 'GET, HEAD, DELETE'],
  ['GET', '/v1/jobs/1/cancel', 'POST'],
  ['POST', '/v1/jobs/1/attempts', 'GET, HEAD'],
  ['POST', '/', 'GET, HEAD'],
  ['DELETE', '/healthz', 'GET, HEAD'],
  ['POST', '/openapi.json', 'GET, HEAD'],
])('%s %s is not allowed, but %s is', async (method, path, allowed) => {
  const reply = await api.call(method, path, { as: 'ann' })
  expect([reply.status, reply.headers.get('allow')]).toEqual([405, allowed])
  expect(await json(reply)).toMatchObject({ code: 'request.method_not_allowed' })
})

test.each([
  ['GET', 'createJob?imageUrl=x', 'POST'],
  ['GET', 'createJob,cancelJob?batch=1', 'POST'],
  ['PUT', 'createJob', 'POST'],
  ['DELETE', 'deleteJob', 'POST'],
  ['HEAD', 'createJob', 'POST'],
  ['POST', 'getJobHistory', 'GET'],
  ['PATCH', 'getJobHistory', 'GET'],
  ['POST', 'watchJob', 'GET'],
  ['POST', 'watchJobs', 'GET'],
  ['OPTIONS', 'dropTables', 'GET, POST'],
])('a tRPC procedure is not to be had by the wrong method: %s %s, but by %s', async (method, path, allowed) => {
  const [names = '', query] = path.split('?')
  const url = names
    .split(',')
    .map((name) => `visionPipeline.${name}`)
    .join(',')
  const reply = await api.call(method, `/api/trpc/${url}${query ? `?${query}` : ''}`, { as: 'ann' })
  expect([reply.status, reply.headers.get('allow')]).toEqual([405, allowed])
  if (method !== 'HEAD') {
    expect(reply.headers.get('content-type')).toBe('application/json')
    expect(await json(reply)).toMatchObject({
      error: { data: { errorCode: 'request.method_not_allowed', httpStatus: 405 } },
    })
  }
})

test('whatever goes wrong, tRPC answers in its own terms and REST with a problem', async () => {
  const long = Array(101).fill('visionPipeline.getJobHistory').join(',')
  const tooLarge = { body: ' '.repeat(limit + 1), headers: { 'content-length': String(limit + 1) } }
  for (const [status, method, path, options] of [
    [400, 'GET', `/api/trpc/${long}?batch=1&input={}`, { as: 'ann' }],
    [400, 'GET', '/api/trpc/visionPipeline.getJobHistory?input={', { as: 'ann' }],
    [400, 'GET', '/api/trpc/visionPipeline.getJobHistory?connectionParams=x', { as: 'ann' }],
    [400, 'GET', '/api/trpc/visionPipeline.getJobHistory,visionPipeline.createJob?batch=1', { as: 'ann' }],
    [404, 'GET', '/api/trpc/%zz', {}],
    [404, 'GET', '/api/trpc/%E0%A4%A', {}],
    [404, 'GET', '/api/trpc/', {}],
    [404, 'POST', '/api/trpc/nothing', { body: {} }],
    [413, 'POST', createPath, tooLarge],
    [415, 'POST', createPath, { as: 'ann', body: '', headers: { 'content-type': '' } }],
    [415, 'POST', createPath, { as: 'ann', body: 'x', headers: { 'content-type': 'text/plain' } }],
    [400, 'POST', `${createPath}?batch=1`, { as: 'ann', body: '[]' }],
  ] as const) {
    const reply = await api.call(method, path, options)
    const type = reply.headers.get('content-type')
    expect([path.slice(0, 80), reply.status, type]).toEqual([path.slice(0, 80), status, 'application/json'])
    const body = await json(reply)
    const [first] = Array.isArray(body) ? body : [body]
    expect(first).toMatchObject({
      error: { code: expect.any(Number), data: { errorCode: expect.stringMatching(/^request/) } },
    })
  }
  for (const [status, method, path, options] of [
    [404, 'GET', '/v1/%zz', {}],
    [400, 'GET', '/v1/jobs/%zz', { as: 'ann' }],
    [404, 'GET', '/api', {}],
    [405, 'OPTIONS', '/v1/jobs', {}],
    [413, 'POST', '/v1/jobs', tooLarge],
  ] as const) {
    const reply = await api.call(method, path, options)
    const type = reply.headers.get('content-type')
    expect([path, reply.status, type]).toEqual([path, status, 'application/problem+json'])
  }
})

test('a parameter that nothing looks at is refused, over tRPC as over REST', async () => {
  const input = encodeURIComponent('{}')
  const history = '/api/trpc/visionPipeline.getJobHistory'
  const posted = JSON.stringify({ 0: job })
  for (const [method, path, body] of [
    ['POST', '/v1/jobs?purple=1', job],
    ['GET', '/v1/jobs?purple=1', undefined],
    ['POST', `${createPath}?purple=1`, job],
    // tRPC takes the input of a mutation from the body alone.
    ['POST', `${createPath}?input=${input}`, job],
    ['POST', `${createPath}?batch=1&purple=1`, posted],
    ['GET', `${history}?purple=1`, undefined],
    ['GET', `${history}?input=${input}&purple=1`, undefined],
    ['GET', `${history}?batch=1&input=${input}&purple=1`, undefined],
    ['GET', `/api/trpc/visionPipeline.watchJob?input=${input}&purple=1`, undefined],
  ] as const) {
    const reply = await api.call(method, path, { as: 'ann', ...(body !== undefined && { body }) })
    const pointer = path.includes('purple') ? '#/purple' : '#/input'
    const answer = await json(reply)
    expect([path, reply.status, answer.errors ?? answer.error?.data.errors]).toEqual([
      path,
      400,
      [{ pointer, code: 'field.unknown', detail: 'There is no such field.' }],
    ])
    // A caller that is not authenticated is told that first.
    expect((await api.call(method, path, body !== undefined ? { body } : {})).status).toBe(401)
  }
  // What tRPC sends by itself is taken.
  expect((await api.call('POST', `${createPath}?batch=1`, { as: 'ann', body: posted })).status).toBe(200)
})

test('HEAD is GET without the body', async () => {
  const jobId = await api.create('ann')
  for (const path of ['/', '/healthz', '/openapi.json', '/v1/jobs', `/v1/jobs/${jobId}`]) {
    const reply = await api.call('HEAD', path, { as: 'ann' })
    expect([path, reply.status, await reply.text()]).toEqual([path, 200, ''])
  }
  expect((await api.call('HEAD', '/v1/jobs')).status).toBe(401)
})

test.each([
  ['{"imageUrl":', ' It ends too early.'],
  ['[1', ' Look at line 1, column 3.'],
  ['{\n  "imageUrl": "x",\n}', ' Look at line 3, column 1.'],
  ['nothing', ''],
  ['\u0000', ''],
])('%j is no JSON, and the answer says where', async (body, where) => {
  const rest = await api.call('POST', '/v1/jobs', { as: 'ann', body })
  expect([rest.status, await json(rest)]).toMatchObject([
    400,
    { code: 'request.invalid', detail: `The input is not valid JSON.${where}` },
  ])
  const trpc = await api.call('POST', createPath, { as: 'ann', body })
  expect([trpc.status, await json(trpc)]).toMatchObject([400, { error: { message: 'The input is not valid JSON.' } }])
})

test('a body that is JSON but no object is told so', async () => {
  for (const body of ['[]', '"text"', 'null', '']) {
    const reply = await api.call('POST', '/v1/jobs', { as: 'ann', body })
    expect([body, reply.status, await json(reply)]).toMatchObject([body, 400, { code: 'request.invalid' }])
  }
})

test.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/jsonp',
  'application/json; charset=latin1',
])('a body of type %s is not taken', async (type) => {
  for (const path of ['/v1/jobs', createPath]) {
    const reply = await api.call('POST', path, { as: 'ann', body: job, headers: { 'content-type': type } })
    expect([path, reply.status]).toEqual([path, 415])
  }
})

test('an unauthorized call is refused before its body is read', async () => {
  const reply = await api.call('POST', '/v1/jobs', { body: '{', headers: { 'content-type': 'text/plain' } })
  expect(reply.status).toBe(401)
})

test.each([
  'application/json; charset=utf-8',
  'Application/JSON;charset="UTF-8"',
  'application/json;',
  'application/json ; ',
  'application/json; charset=utf-8; profile="https://example.com/schema"',
  'application/json; odata=verbose',
])('what is JSON may say more about itself: %s', async (type) => {
  for (const [path, status] of [
    ['/v1/jobs', 201],
    [createPath, 200],
  ] as const) {
    const reply = await api.call('POST', path, { as: 'ann', body: job, headers: { 'content-type': type } })
    expect([path, reply.status]).toEqual([path, status])
  }
})

test('a body in a Content-Encoding is not taken, and which one would be is said', async () => {
  for (const path of ['/v1/jobs', createPath]) {
    const call = (as: string | undefined, coding: string) =>
      api.call('POST', path, { ...(as && { as }), body: job, headers: { 'content-encoding': coding } })
    const reply = await call('ann', 'gzip')
    expect([reply.status, reply.headers.get('accept-encoding')]).toEqual([415, 'identity'])
    expect(await reply.text()).toContain('without a Content-Encoding')
    expect((await call('ann', 'identity')).ok).toBe(true)
    expect((await call(undefined, 'gzip')).status).toBe(401)
  }
})

test('bytes that are not UTF-8 are refused and not mended', async () => {
  const [before = '', after = ''] = JSON.stringify({ ...job, analysisPurpose: 'a | b' }).split('|')
  const body = Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)])
  for (const [path, said] of [
    ['/v1/jobs', 'The body must be text in UTF-8.'],
    [createPath, 'The input is not valid JSON.'],
  ]) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${await token('ann')}` }
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body })
    expect(reply.status).toBe(400)
    expect(await reply.text()).toContain(said)
  }
  // Who may not call is told that, and not what is wrong with the body.
  const nobody = await api.app.request(createPath, { method: 'POST', headers: jsonType, body })
  expect(nobody.status).toBe(401)
})

/** Sends a body over a real connection. */
async function send(
  path: string,
  bytes: number,
  { chunked = false, user = 'ann', tries = 5 } = {},
): Promise<{ status: number; body: string }> {
  const body = Buffer.from(JSON.stringify({ ...job, metadata: { filler: 'x'.repeat(bytes - 300) } }).padEnd(bytes))
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${await token(user)}`,
    ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes }),
  }
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (reply) => {
      let text = ''
      reply.on('data', (chunk) => {
        text += chunk
      })
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: text }))
    })
    // The server may hang up on the rest of a body that is too large; its reply counts, if it arrived before.
    call.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' && tries > 1) resolve(send(path, bytes, { chunked, user, tries: tries - 1 }))
      else if (error.code !== 'EPIPE') reject(error)
    })
    call.end(body)
  })
}

test.each([
  { path: '/v1/jobs', chunked: false },
  { path: '/v1/jobs', chunked: true },
  { path: createPath, chunked: false },
  { path: createPath, chunked: true },
])('a body may be 5.5 MiB and not a byte more: %o', async ({ path, chunked }) => {
  const fits = await send(path, limit, { chunked })
  // It is read to its end, and then refused for what is in it.
  expect([fits.status, fits.body]).toEqual([400, expect.stringContaining('#/metadata')])
  const over = await send(path, limit + 1, { chunked })
  expect([over.status, over.body]).toEqual([413, expect.stringContaining('request.too_large')])
  // It says which ways there are for large images.
  expect(over.body).toMatch(/https URL.*upload.*split/)
})

test('the plan’s lines and tRPC’s own work over a real connection', async () => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${await token('wire')}` }
  const base = `http://127.0.0.1:${port}`
  const created = await fetch(`${base}${createPath}`, { method: 'POST', headers, body: JSON.stringify(job) })
  const { jobId } = (await json(created)).result.data
  const path = `${base}/api/trpc/visionPipeline.getJobStatus`
  for (const query of [`jobId=${jobId}`, `input=${encodeURIComponent(JSON.stringify({ jobId }))}`]) {
    expect(await json(fetch(`${path}?${query}`, { headers }))).toMatchObject({ result: { data: { jobId } } })
  }
  const listed = await fetch(`${base}/v1/jobs?status=pending&status=failed`, { headers })
  expect((await json(listed)).jobs).toHaveLength(1)
})

test('a tRPC batch has an end', async () => {
  const path = `/api/trpc/${Array(11).fill('visionPipeline.getJobHistory').join(',')}?batch=1&input={}`
  expect((await api.call('GET', path, { as: 'ann' })).status).toBe(400)
})

/** What the log says of a call. */
const linesOf = (reply: Response) =>
  api.logged.filter(({ fields }) => fields.requestId === reply.headers.get('x-request-id'))

test.each([
  ['POST', '/v1/jobs', { as: 'ann', body: { imageUrl: 'purple' } }, 'POST /v1/jobs', 'request.invalid'],
  ['GET', '/v1/jobs/999999?purple=1', { as: 'ann' }, 'GET /v1/jobs/999999', 'request.invalid'],
  ['GET', '/v1/jobs/999999', { as: 'ann' }, 'GET /v1/jobs/999999', 'job.not_found'],
  ['PUT', '/v1/jobs', {}, 'PUT /v1/jobs', 'request.method_not_allowed'],
  ['GET', '/purple', {}, 'GET /purple', 'request.not_found'],
  [
    'POST',
    '/v1/jobs',
    { body: ' '.repeat(limit + 1), headers: { 'content-length': String(limit + 1) } },
    'POST /v1/jobs',
    'request.too_large',
  ],
  ['POST', createPath, { as: 'ann', body: { imageUrl: 'purple' } }, 'visionPipeline.createJob', 'request.invalid'],
  ['POST', createPath, { body: job }, 'visionPipeline.createJob', 'request.unauthenticated'],
])('a refused call leaves one line in the log: %s %s, %#', async (method, path, options, operation, code) => {
  const reply = await api.call(method, path, options)
  expect(linesOf(reply)).toEqual([
    {
      level: 'info',
      message: 'request rejected',
      fields: {
        requestId: expect.any(String),
        traceId: reply.headers.get('x-trace-id'),
        operation,
        status: reply.status,
        code,
        ...(code === 'request.unauthenticated' && { detail: 'no Authorization header' }),
      },
    },
  ])
})

test('the reason why a token was refused is logged, and the token is not', async () => {
  const authorization = `Bearer ${await token('ann', -60)}`
  const forged = `${(await token('ann')).slice(0, -6)}AAAAAA`
  for (const [header, told, detail] of [
    [authorization, 'The token has expired.', 'ERR_JWT_EXPIRED: exp check_failed'],
    [`Bearer ${forged}`, 'The token is not valid.', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
  ] as const) {
    for (const [path, operation] of [
      ['/v1/jobs', 'GET /v1/jobs'],
      ['/api/trpc/visionPipeline.getJobHistory', 'visionPipeline.getJobHistory'],
    ] as const) {
      const reply = await api.call('GET', path, { headers: { authorization: header } })
      const text = await reply.text()
      expect([reply.status, text]).toEqual([401, expect.stringContaining(told)])
      expect(text).not.toContain('ERR_')
      const lines = linesOf(reply)
      expect(lines).toMatchObject([{ level: 'info', fields: { operation, code: 'request.unauthenticated', detail } }])
      expect(JSON.stringify(lines)).not.toContain(header.split('.')[1])
    }
  }
})

test.each(['/v1/jobs', createPath])('a job keeps the trace of the call that created it: %s', async (path) => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  const reply = await api.call('POST', path, { as: 'ann', body: job, headers })
  expect(reply.headers.get('x-trace-id')).toBe(traceId)
  expect(linesOf(reply)).toMatchObject([{ message: 'job created', fields: { traceId } }])
  const jobId = linesOf(reply)[0]?.fields.jobId
  expect(await api.database.sql('SELECT trace_id FROM vision_jobs WHERE id = ?', [jobId])).toEqual([
    { trace_id: traceId },
  ])
})

test('a call without a trace begins one', async () => {
  const [one, other] = await Promise.all([1, 2].map(() => api.call('GET', '/healthz')))
  expect(one?.headers.get('x-trace-id')).toMatch(/^[0-9a-f]{32}$/)
  expect(other?.headers.get('x-trace-id')).not.toBe(one?.headers.get('x-trace-id'))
})

test('what happens to a job at its owner’s word is in the log, and its owner is not', async () => {
  const twins = { jobs: [1, 2].map(() => ({ ...job, idempotencyKey: 'logged' })) }
  const batch = await api.call('POST', '/v1/jobs/batch', { as: 'lea', body: twins })
  const [{ jobId }] = (await json(batch)).jobs
  const again = await api.call('POST', '/v1/jobs', { as: 'lea', body: twins.jobs[0] })
  expect(again.status).toBe(200)
  const created = await api.call('POST', '/v1/jobs', { as: 'lea', body: job })
  const second = (await json(created)).jobId
  await api.database.sql("UPDATE vision_jobs SET status = 'failed' WHERE id = ?", [jobId])
  const retried = await api.call('POST', `/v1/jobs/${jobId}/retry`, { as: 'lea' })
  const cancelled = await api.call('POST', `/v1/jobs/${jobId}/cancel`, { as: 'lea' })
  const deleted = await api.call('DELETE', `/v1/jobs/${jobId}`, { as: 'lea' })
  for (const [reply, ...lines] of [
    [batch, { message: 'job created', jobId }],
    [again],
    [created, { message: 'job created', jobId: second }],
    [retried, { message: 'job retried', jobId }],
    [cancelled, { message: 'job cancelled', jobId }],
    [deleted, { message: 'job deleted', jobId }],
  ] as const) {
    const ids = { requestId: reply.headers.get('x-request-id'), traceId: reply.headers.get('x-trace-id') }
    expect(linesOf(reply)).toEqual(
      lines.map((line) => ({ level: 'info', message: line.message, fields: { jobId: line.jobId, ...ids } })),
    )
  }
})

test('what goes wrong inside stays inside, and is logged under the id that the caller has', async () => {
  const jobId = await api.create('ann', { metadata: { secret: 'purple' } })
  await api.database.sql("UPDATE vision_jobs SET metadata = '{\"purple' WHERE id = ?", [jobId])
  for (const path of [`/v1/jobs/${jobId}`, `/api/trpc/visionPipeline.getJobStatus?jobId=${jobId}`]) {
    const reply = await api.call('GET', path, { as: 'ann' })
    const text = await reply.text()
    expect(reply.status).toBe(500)
    expect(text).toContain('Something went wrong on our side.')
    expect(text).not.toMatch(/JSON|purple|core\/|\bat /)
    const requestId = reply.headers.get('x-request-id')
    expect(text).toContain(requestId)
    const [entry, ...others] = api.logged.filter((line) => line.fields.requestId === requestId)
    expect(others).toEqual([])
    expect(entry).toMatchObject({ level: 'error', fields: { status: 500, code: 'internal.error' } })
    expect(entry?.fields.reason).toMatch(/^SyntaxError: /)
  }
})

test('neither a statement nor its values get into the log', async () => {
  await api.database.sql('RENAME TABLE vision_jobs TO vision_jobs_away')
  try {
    const reply = await api.call('POST', '/v1/jobs', { as: 'ann', body: { ...job, analysisPurpose: 'purple' } })
    expect(reply.status).toBe(500)
    const requestId = reply.headers.get('x-request-id')
    const line = JSON.stringify(api.logged.filter(({ fields }) => fields.requestId === requestId))
    expect(line).toContain('vision_jobs')
    expect(line).not.toMatch(/purple|SELECT|INSERT/i)
  } finally {
    await api.database.sql('RENAME TABLE vision_jobs_away TO vision_jobs')
  }
})

test('a part that is away is 503 and says when to come back', async () => {
  const away = (error: Error) =>
    createApp({ ...api.services, images: { check: () => undefined, take: () => Promise.reject(error) } })
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${await token('ann')}` }
  const storage = away(new VisionError('storage.unavailable', { detail: 'host 10.1.1.1', retryAfterMs: 1500 }))
  for (const path of ['/v1/jobs', createPath]) {
    const reply = await storage.request(path, { method: 'POST', headers, body: JSON.stringify(job) })
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2'])
    const text = await reply.text()
    expect(text).toContain('storage.unavailable')
    expect(text).not.toContain('10.1.1.1')
  }
  // A code that was never meant for a caller is an error of ours.
  const strange = away(new VisionError('analysis.misconfigured', { message: 'the key ends in 1234' }))
  const reply = await strange.request('/v1/jobs', { method: 'POST', headers, body: JSON.stringify(job) })
  expect([reply.status, await json(reply)]).toMatchObject([500, { code: 'internal.error' }])
})
