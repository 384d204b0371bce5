import { readFile } from 'node:fs/promises'
import { afterAll, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { hashOf } from '../../core/api/jobs/idempotency.ts'
import { openDatabase } from '../../core/database/client.ts'
import { createTestApi, job, json, type TestApi, token } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const post = (as: string, body: object, key?: string, path = '/v1/jobs') =>
  api.call('POST', path, { as, body, headers: key === undefined ? {} : { 'idempotency-key': key } })
const jobsOf = async (user: string) => {
  const [row] = await api.database.sql('SELECT COUNT(*) AS count FROM vision_jobs WHERE user_id = ?', [user])
  return row?.count
}

test('the same request under the same key is the same job, and 200 instead of 201', async () => {
  const first = await post('ann', { ...job, metadata: { a: 1, b: 2 } }, 'key-1')
  const again = await post('ann', { metadata: { b: 2, a: 1 }, ...job, language: 'EN' }, 'key-1')
  expect([first.status, again.status]).toEqual([201, 200])
  expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
  expect(again.headers.get('location')).toBe(first.headers.get('location'))
  const [one, two] = [await json(first), await json(again)]
  expect(two.jobId).toBe(one.jobId)
  expect(two.version).toBe(one.version)
})

test('a replay says so, whatever was created: many jobs, a batch, its jobs, the rows of a CSV', async () => {
  const replays = async (path: string, body: object) => {
    const replies = [await post('rae', body, path, path), await post('rae', body, path, path)]
    expect(replies.every(({ ok }) => ok)).toBe(true)
    expect(replies.map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
    return json(replies[0] as Response)
  }
  await replays('/v1/jobs/batch', { jobs: [job, job] })
  const { batchId } = await replays('/v1/batches', { name: 'twice' })
  await replays(`/v1/batches/${batchId}/jobs`, { jobs: [job] })
  const { imageUrl, analysisPurpose, outputFormat } = job
  const csv = `imageUrl,analysisPurpose,outputFormat\n${imageUrl},${analysisPurpose},${outputFormat}\n`
  await replays(`/v1/batches/${batchId}/csv`, { csv })
  // Some of it is new: it is no replay.
  const more = await post('rae', { jobs: [{ ...job, idempotencyKey: 'a' }, job] }, undefined, '/v1/jobs/batch')
  const mixed = {
    jobs: [
      { ...job, idempotencyKey: 'a' },
      { ...job, idempotencyKey: 'b' },
    ],
  }
  const mixedReply = await post('rae', mixed, undefined, '/v1/jobs/batch')
  expect([more, mixedReply].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, null])
})

test('a key is the same as a header and as a field, in REST and in tRPC', async () => {
  const { jobId } = await json(post('bob', job, 'key-1'))
  expect(await json(post('bob', { ...job, idempotencyKey: 'key-1' }))).toMatchObject({ jobId })
  expect(await json(post('bob', { ...job, idempotencyKey: 'key-1' }, 'key-1'))).toMatchObject({ jobId })
  expect(await api.client('bob').createJob.mutate({ ...job, idempotencyKey: 'key-1' })).toMatchObject({ jobId })
  const withHeader = api.client('bob', { headers: { 'idempotency-key': 'key-1' } })
  expect(await withHeader.createJob.mutate(job)).toMatchObject({ jobId })
  expect(await jobsOf('bob')).toBe(1)
})

test('a key is its user’s own, and keys differ by case', async () => {
  const ids = [
    await json(post('carl', job, 'key-1')),
    await json(post('dora', job, 'key-1')),
    await json(post('dora', job, 'KEY-1')),
  ].map((one) => one.jobId)
  expect(new Set(ids).size).toBe(3)
})

test('another request under the same key is refused and changes nothing', async () => {
  await post('eve', job, 'key-1')
  const refused = await post('eve', { ...job, analysisPurpose: 'something else' }, 'key-1')
  expect(refused.status).toBe(409)
  expect(await json(refused)).toMatchObject({ code: 'idempotency.mismatch', title: 'Conflict' })
  await expect(
    api.client('eve').createJob.mutate({ ...job, outputFormat: 'alt_text', idempotencyKey: 'key-1' }),
  ).rejects.toMatchObject({ data: { code: 'CONFLICT', errorCode: 'idempotency.mismatch' } })
  expect(await jobsOf('eve')).toBe(1)
})

test('a header and a field that differ are refused, and so is a header that is no key', async () => {
  for (const [field, header] of [
    ['a', 'b'],
    [undefined, 'x'.repeat(201)],
    [undefined, 'schlüssel'],
  ] as const) {
    const refused = await post('finn', { ...job, idempotencyKey: field }, header)
    expect(refused.status).toBe(400)
    expect(await json(refused)).toMatchObject({ errors: [{ pointer: '#/idempotencyKey' }] })
  }
  expect(await jobsOf('finn')).toBe(0)
})

test('twenty at once make one job', async () => {
  // Half of them over connections of their own, as another copy of the function has them.
  const other = openDatabase(api.database.url, { connections: 5, random: Math.random })
  try {
    const elsewhere = createApp({ ...api.services, database: other })
    const headers = {
      'content-type': 'application/json',
      'idempotency-key': 'rush',
      authorization: `Bearer ${await token('gina')}`,
    }
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? elsewhere : api.app).request('/v1/jobs', { method: 'POST', headers, body: JSON.stringify(job) }),
      ),
    )
    expect(replies.map((reply) => reply.status).sort()).toEqual([...Array(19).fill(200), 201])
    const ids = await Promise.all(replies.map(async (reply) => (await json(reply)).jobId))
    expect(new Set(ids).size).toBe(1)
    expect(await jobsOf('gina')).toBe(1)
  } finally {
    await other.close()
  }
})

test('a job that was deleted after its key was found is created anew', async () => {
  const { jobId } = await json(post('hugo', job, 'key-1'))
  let deleted = false
  const { database } = api.services
  const app = createApp({
    ...api.services,
    database: {
      ...database,
      // Between the transaction that finds the job and the read that shows it, its owner deletes it.
      transact: async (work, landed) => {
        const result = await database.transact(work, landed)
        if (!deleted) {
          deleted = true
          expect((await api.call('DELETE', `/v1/jobs/${jobId}`, { as: 'hugo' })).status).toBe(204)
        }
        return result
      },
    },
  })
  const reply = await app.request('/v1/jobs', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': 'key-1',
      authorization: `Bearer ${await token('hugo')}`,
    },
    body: JSON.stringify(job),
  })
  expect(reply.status).toBe(201)
  expect((await json(reply)).jobId).toBeGreaterThan(jobId)
  expect(await jobsOf('hugo')).toBe(1)
})

test('a batch under one key is the same batch, whole', async () => {
  const jobs = [job, { ...job, outputFormat: 'alt_text' }, job]
  const path = '/v1/jobs/batch'
  const first = await post('ida', { jobs }, 'batch', path)
  const again = await post('ida', { jobs }, 'batch', path)
  const byField = await post('ida', { jobs, idempotencyKey: 'batch' }, undefined, path)
  expect([first.status, again.status, byField.status]).toEqual([201, 200, 200])
  const ids = (await json(first)).jobs.map((one: { jobId: number }) => one.jobId)
  expect(new Set(ids).size).toBe(3)
  for (const reply of [again, byField]) {
    expect((await json(reply)).jobs.map((one: { jobId: number }) => one.jobId)).toEqual(ids)
  }
  // The first two items are the same, but they are another batch.
  for (const other of [jobs.slice(0, 2), [...jobs, job], [jobs[0], jobs[2], jobs[1]]]) {
    const mismatched = await post('ida', { jobs: other }, 'batch', path)
    expect(mismatched.status).toBe(409)
    expect(await json(mismatched)).not.toHaveProperty('errors')
  }
  expect(await jobsOf('ida')).toBe(3)
})

test('the key of a batch and the key of a job are never the same', async () => {
  const jobs = [job, { ...job, outputFormat: 'alt_text' }]
  for (const key of ['coll', 'coll:0', '0:coll', 'coll:1']) {
    expect([key, (await post('joe', job, key)).status]).toEqual([key, 201])
  }
  expect((await post('joe', { jobs }, 'coll', '/v1/jobs/batch')).status).toBe(201)
  expect((await post('joe', { jobs }, 'coll:0', '/v1/jobs/batch')).status).toBe(201)
  expect(await jobsOf('joe')).toBe(8)
  // Nobody can send what the jobs of a batch have for a key.
  const [row] = await api.database.sql(
    "SELECT idempotency_key AS k FROM vision_jobs WHERE user_id = 'joe' ORDER BY id DESC",
  )
  const guessed = await post('joe', { ...job, idempotencyKey: row?.k })
  expect([guessed.status, await json(guessed)]).toMatchObject([400, { errors: [{ pointer: '#/idempotencyKey' }] }])
})

test('the header stands for one creation of a tRPC batch, and not for several', async () => {
  const together = async (user: string, calls: readonly [name: string, input: object][]) => {
    const path = calls.map(([name]) => `visionPipeline.${name}`).join(',')
    const body = Object.fromEntries(calls.map(([, input], index) => [index, input]))
    const headers = { 'idempotency-key': 'shared' }
    const reply = await api.call('POST', `/api/trpc/${path}?batch=1`, { as: user, body, headers })
    return json(reply)
  }
  const other = { ...job, outputFormat: 'alt_text' }
  const refused = {
    error: { data: { httpStatus: 400, errors: [{ pointer: '#/idempotencyKey', code: 'field.conflict' }] } },
  }
  for (const calls of [
    [
      ['createJob', job],
      ['createJob', job],
    ],
    [
      ['createJob', job],
      ['createJobs', { jobs: [other] }],
    ],
  ] as const satisfies [string, object][][]) {
    expect(await together('kit', calls)).toMatchObject([refused, refused])
  }
  expect(await jobsOf('kit')).toBe(0)
  // Beside other calls it is clear what it stands for; also where each has a key of its own.
  const jobId = await api.create('kit')
  for (const status of ['cancelled', 'cancelled']) {
    const replies = await together('kit', [
      ['cancelJob', { jobId }],
      ['createJob', other],
    ])
    expect(replies).toMatchObject([{ result: { data: { status } } }, { result: { data: { status: 'pending' } } }])
  }
  expect(await jobsOf('kit')).toBe(2)
})

test('the jobs of a batch may have keys of their own, and then not the batch’s', async () => {
  const path = '/v1/jobs/batch'
  const jobs = ['a', 'b'].map((idempotencyKey) => ({ ...job, idempotencyKey }))
  const { jobId } = await json(post('jon', job, 'a'))
  const mixed = await post('jon', { jobs: [...jobs, job] }, undefined, path)
  expect(mixed.status).toBe(201)
  expect((await json(mixed)).jobs[0].jobId).toBe(jobId)
  expect((await post('jon', { jobs }, undefined, path)).status).toBe(200)

  const refused = await post('jon', { jobs: [job, ...jobs] }, 'batch', path)
  expect(refused.status).toBe(400)
  expect(await json(refused)).toMatchObject({
    errors: [{ pointer: '#/jobs/1/idempotencyKey' }, { pointer: '#/jobs/2/idempotencyKey' }],
  })

  // One job of a batch that is refused takes all with it.
  const other = [job, { ...job, outputFormat: 'alt_text', idempotencyKey: 'a' }]
  const mismatched = await post('jon', { jobs: [...other, jobs[1], { ...other[1], language: 'de' }] }, undefined, path)
  expect(mismatched.status).toBe(409)
  expect(await json(mismatched)).toMatchObject({
    code: 'idempotency.mismatch',
    errors: [1, 3].map((index) => ({ pointer: `#/jobs/${index}/idempotencyKey`, jobId: expect.any(Number) })),
  })
  expect(await jobsOf('jon')).toBe(3)
})

test('the same key twice in a batch is one job', async () => {
  const jobs = [1, 2].map(() => ({ ...job, idempotencyKey: 'twin' }))
  const reply = await json(post('kim', { jobs }, undefined, '/v1/jobs/batch'))
  expect(reply.jobs[0].jobId).toBe(reply.jobs[1].jobId)
  expect(await jobsOf('kim')).toBe(1)
})

test('the hash of a request knows values from structure', () => {
  expect(hashOf({ a: 1, b: { c: [1, 2], d: undefined } })).toBe(hashOf({ b: { c: [1, 2] }, a: 1 }))
  const different = [{ a: [1, 2] }, { a: [2, 1] }, { a: { 0: 1, 1: 2 } }, { a: '1,2' }, { a: null }, {}]
  expect(new Set(different.map(hashOf)).size).toBe(different.length)
})

test('a batch under one key may be as large as a body may be, and each of its values is read a few times at most', async () => {
  const png = await readFile(new URL('../fixtures/images/halves.png', import.meta.url))
  const imageUrl = `data:image/png;base64,${Buffer.concat([png, Buffer.alloc(38_000)]).toString('base64')}`
  const jobs = Array.from({ length: 100 }, () => ({ ...job, imageUrl }))
  const first = await post('wim', { jobs }, 'key-1', '/v1/jobs/batch')
  expect(first.status).toBe(201)
  const idsOf = (reply: { jobs: { jobId: number }[] }) => reply.jobs.map(({ jobId }) => jobId)
  const again = await json(post('wim', { jobs }, 'key-1', '/v1/jobs/batch'))
  expect(idsOf(again)).toEqual(idsOf(await json(first)))
  let reads = 0
  const counted = jobs.map(() => ({
    get imageUrl() {
      reads++
      return imageUrl
    },
  }))
  hashOf({ jobs: counted })
  expect(reads).toBeLessThanOrEqual(2 * jobs.length)
})
