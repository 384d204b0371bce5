import { createHash } from 'node:crypto'
import { afterAll, describe, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { createTestApi, job, json, type TestApi, token } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'
import { fixture } from '../support/images/storage.ts'

let api: TestApi

test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const ask = (as: string, body: unknown) => api.call('POST', '/v1/uploads', { as, body })

/** Sends a file the way a browser's form would. */
async function send(
  { url, fields }: { url: string; fields: Record<string, string> },
  bytes: Uint8Array,
  type?: string,
) {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    form.append(name, name === 'Content-Type' ? (type ?? value) : value)
  }
  form.append('file', new Blob([new Uint8Array(bytes)]), 'file')
  return fetch(url, { method: 'POST', body: form })
}

test('a grant takes the file it was asked for, and its imageUrl makes a job', async () => {
  const bytes = await fixture('sample.webp')
  const response = await ask('ann', { contentType: 'image/webp', bytes: bytes.length })
  expect(response.status).toBe(201)
  const grant = await json(response)
  expect(Object.keys(grant).toSorted()).toEqual(['expiresAt', 'fields', 'imageUrl', 'present', 'url'])
  expect(Date.parse(grant.expiresAt) - Date.now()).toBeGreaterThan(590_000)
  expect((await send(grant, bytes)).status).toBe(204)
  const jobId = await api.create('ann', { imageUrl: grant.imageUrl })
  expect(await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))).toMatchObject({
    imageUrl: grant.imageUrl,
    image: null,
    thumbnailUrl: null,
  })
})

test('image/jpg is taken for image/jpeg', async () => {
  const bytes = await fixture('photo-like.jpg')
  const grant = await json(ask('ann', { contentType: 'image/jpg', bytes: bytes.length }))
  expect(grant.fields['Content-Type']).toBe('image/jpeg')
  expect((await send(grant, bytes)).status).toBe(204)
})

test('tRPC grants uploads too', async () => {
  const grant = await api.client('ann').createUpload.mutate({ contentType: 'image/png', bytes: 10 })
  expect(grant.imageUrl).toMatch(/^upload:uploads\/[0-9a-f]{32}\/[0-9a-f-]{36}$/)
})

interface Sent {
  readonly bytes?: Buffer
  readonly type?: string
  readonly fields?: Record<string, string>
}
const refusals: readonly (readonly [string, Sent, string])[] = [
  ['a file that is larger than was said', { bytes: Buffer.alloc(101) }, 'EntityTooLarge'],
  ['a file of another type', { type: 'text/html' }, 'AccessDenied'],
  ['a file under another key', { fields: { key: 'images/somebody/else' } }, 'AccessDenied'],
  ['a form whose policy was changed', { fields: { Policy: 'e30=' } }, 'SignatureDoesNotMatch'],
]
test.each(refusals)('the storage refuses %s', async (_, { bytes = Buffer.alloc(100), type, fields }, code) => {
  const grant = await json(ask('ann', { contentType: 'image/png', bytes: 100 }))
  const response = await send({ url: grant.url, fields: { ...grant.fields, ...fields } }, bytes, type)
  expect(response.ok).toBe(false)
  expect(await response.text()).toContain(code)
})

test.each([
  ['a type that is no image', { contentType: 'image/svg+xml', bytes: 10 }, '#/contentType'],
  ['a file over 20 MB', { contentType: 'image/png', bytes: 20_000_001 }, '#/bytes'],
  ['an empty file', { contentType: 'image/png', bytes: 0 }, '#/bytes'],
  ['no size', { contentType: 'image/png' }, '#/bytes'],
  ['a hash that is none', { contentType: 'image/png', bytes: 10, sha256: 'A'.repeat(64) }, '#/sha256'],
])('%s is refused by name', async (_, body, pointer) => {
  const response = await ask('ann', body)
  expect(response.status).toBe(400)
  expect((await json(response)).errors).toMatchObject([{ pointer }])
})

test('the upload of another user, or one that was never granted, is 404', async () => {
  const { imageUrl } = await json(ask('bob', { contentType: 'image/png', bytes: 10 }))
  for (const url of [imageUrl, 'upload:', 'upload:uploads/x', 'upload:../../etc/passwd', `${imageUrl}/../x`]) {
    const response = await api.call('POST', '/v1/jobs', { as: 'ann', body: { ...job, imageUrl: url } })
    expect([response.status, (await json(response)).code]).toEqual([404, 'upload.not_found'])
  }
})

test('an upload that is not there is named by its place in a batch, along with what else is refused, in any order', async () => {
  const refused: Record<string, string> = {
    'upload:uploads/x': 'upload.not_found',
    'http://no.example/a.png': 'image.invalid_url',
  }
  const batchOf = async (images: string[]) => {
    const body = { jobs: [job.imageUrl, ...images].map((imageUrl) => ({ ...job, imageUrl })) }
    const response = await api.call('POST', '/v1/jobs/batch', { as: 'ann', body })
    const { code, errors } = await json(response)
    const expected = images.map((url, index) => ({ pointer: `#/jobs/${index + 1}/imageUrl`, code: refused[url] }))
    expect(errors).toMatchObject(expected)
    return [response.status, code]
  }
  const [upload = '', url = ''] = Object.keys(refused)
  expect(await batchOf([upload, upload])).toEqual([404, 'upload.not_found'])
  expect(await batchOf([url])).toEqual([400, 'image.invalid_url'])
  // No code is that of both.
  expect(await batchOf([upload, url])).toEqual([400, 'request.invalid'])
  expect(await batchOf([url, upload])).toEqual([400, 'request.invalid'])
})

test('an upload under the same key is the same job; another upload is not', async () => {
  const grants = await Promise.all([1, 2].map(() => json(ask('carl', { contentType: 'image/png', bytes: 10 }))))
  const create = async (imageUrl: string) =>
    api.call('POST', '/v1/jobs', { as: 'carl', body: { ...job, imageUrl, idempotencyKey: 'upload' } })
  const statuses: number[] = []
  for (const { imageUrl } of [grants[0], grants[0], grants[1]]) statuses.push((await create(imageUrl)).status)
  expect(statuses).toEqual([201, 200, 409])
})

test('a file that a job has brought is not sent again, and counts for no limit', async () => {
  const bytes = await fixture('halves.png')
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const wanted = { contentType: 'image/png', bytes: bytes.length, sha256 }
  const [one, two] = [await json(ask('mia', wanted)), await json(ask('mia', wanted))]
  expect(one).toMatchObject({ present: false, url: expect.any(String) })
  // What is sent twice is one object and one name, whose job is the same by its key.
  expect(two.imageUrl).toBe(one.imageUrl)
  await api.create('mia', { imageUrl: `data:image/png;base64,${bytes.toString('base64')}` })
  const response = await ask('mia', wanted)
  expect([...response.headers.keys()].filter((name) => name.startsWith('ratelimit'))).toEqual([])
  expect(await json(response)).toMatchObject({ present: true, url: null, fields: {}, imageUrl: one.imageUrl })
  // Nothing was uploaded: the job has the stored image from its creation on.
  const jobId = await api.create('mia', { imageUrl: one.imageUrl })
  const { image } = await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'mia' }))
  expect(image.sha256).toBe(sha256)
  // Whether another user has it is nobody's business.
  expect(await json(ask('noa', wanted))).toMatchObject({ present: false })
})

test('an image that many jobs of a batch share is stored once', async () => {
  const imageUrl = `data:image/png;base64,${(await fixture('halves.png')).toString('base64')}`
  let taken = 0
  const { images } = api.services
  const take: typeof images.take = (...image) => {
    taken++
    return images.take(...image)
  }
  const app = createApp({ ...api.services, images: { ...images, take } })
  const response = await app.request('/v1/jobs/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await token('dora')}` },
    body: JSON.stringify({ jobs: Array(20).fill({ ...job, imageUrl }) }),
  })
  const { jobs } = await json(response)
  expect(new Set(jobs.map((one: { thumbnailUrl: string }) => one.thumbnailUrl)).size).toBe(1)
  expect([jobs.length, taken]).toEqual([20, 1])
})

test('a call without a token is granted nothing', async () => {
  expect((await api.call('POST', '/v1/uploads', { body: { contentType: 'image/png', bytes: 10 } })).status).toBe(401)
})

test('the link to a snapshot opens this image for reading, and nothing else', async () => {
  const red = await fixture('red.png')
  const imageUrl = `data:image/png;base64,${red.toString('base64')}`
  const jobId = await api.create('ann', { imageUrl })
  const { jobs } = await json(api.call('GET', '/v1/jobs?limit=1', { as: 'ann' }))
  expect(jobs[0]).toMatchObject({ jobId, image: { type: 'image/png', bytes: red.length } })
  const { url, expiresAt } = jobs[0].image
  expect(jobs[0].thumbnailUrl).toBe(url)
  const life = Date.parse(expiresAt) - Date.now()
  expect(life).toBeGreaterThan(890_000)
  expect(life).toBeLessThanOrEqual(1_200_000)
  const again = await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))
  // Unless the five minutes ended in between.
  if (again.image.expiresAt === expiresAt) expect(again.image.url).toBe(url)
  const shown = await fetch(url)
  expect(shown.headers.get('content-type')).toBe('image/png')
  expect(red.equals(Buffer.from(await shown.arrayBuffer()))).toBe(true)

  const bobs = await api.create('bob', { imageUrl })
  const { image } = await json(api.call('GET', `/v1/jobs/${bobs}`, { as: 'bob' }))
  const others = new URL(url)
  others.pathname = new URL(image.url).pathname
  const bare = new URL(url)
  bare.search = ''
  for (const [target, method] of [
    [others.href, 'GET'],
    [bare.href, 'GET'],
    [url, 'PUT'],
    [url, 'DELETE'],
  ] as const) {
    expect((await fetch(target, { method })).status).toBe(403)
  }
})

const png = async (name: string) => `data:image/png;base64,${(await fixture(name)).toString('base64')}`
const stored = () => api.database.sql('SELECT sha256 FROM vision_images')

test('a call that is refused has stored nothing: for a limit, a key, or another image of its batch', async () => {
  const none = { jobsPerDay: 0, jobsWaiting: 100, costPerDay: undefined }
  const [red, halves] = [await png('red.png'), await png('halves.png')]
  await api.create('eve', { idempotencyKey: 'k', imageUrl: red })
  const post = async (path: string, body: object, limits = api.services.limits) =>
    createApp({ ...api.services, limits }).request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await token('eve')}` },
      body: JSON.stringify(body),
    })
  const before = await stored()
  const code = async (response: Response) => [response.status, (await json(response)).code]
  const fresh = { ...job, imageUrl: halves }
  expect(await code(await post('/v1/jobs', fresh, none))).toEqual([429, 'limit.jobs_per_day'])
  expect(await code(await post('/v1/jobs/batch', { jobs: [fresh, fresh] }, none))).toEqual([429, 'limit.jobs_per_day'])
  const mismatch = [409, 'idempotency.mismatch']
  expect(await code(await post('/v1/jobs', { ...fresh, idempotencyKey: 'k' }))).toEqual(mismatch)
  expect(await code(await post('/v1/jobs/batch', { jobs: [{ ...fresh, idempotencyKey: 'k' }] }))).toEqual(mismatch)
  const broken = { ...job, imageUrl: 'data:image/png;base64,AAAA' }
  const refused = await post('/v1/jobs/batch', { jobs: [fresh, broken] })
  expect(await json(refused)).toMatchObject({
    code: 'image.unsupported_type',
    errors: [{ pointer: '#/jobs/1/imageUrl' }],
  })
  expect(await stored()).toEqual(before)
  // A repetition counts for nothing and is answered all the same.
  expect((await post('/v1/jobs', { ...job, imageUrl: red, idempotencyKey: 'k' }, none)).status).toBe(200)
})

describe('a day of uploads', () => {
  const uploadLimits = { uploadsPerDay: 4, uploadBytesPerDay: 10_000_000 }
  const grant = async (user: string, bytes: number, limits = uploadLimits) =>
    createApp({ ...api.services, uploadLimits: limits }).request('/v1/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await token(user)}` },
      body: JSON.stringify({ contentType: 'image/png', bytes }),
    })

  test('of sixteen grants asked for at once as many are given as a user may have, and the rest is told when to come', async () => {
    const replies = await Promise.all(Array.from({ length: 16 }, () => grant('fay', 1_000)))
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(4)
    const refused = replies.find(({ status }) => status === 429)
    expect(refused?.headers.get('ratelimit')).toMatch(
      /^"uploads-per-day";r=0;t=\d+, "upload-bytes-per-day";r=9996000;t=\d+$/,
    )
    expect(refused?.headers.get('ratelimit-policy')).toBe(
      '"uploads-per-day";q=4;w=86400, "upload-bytes-per-day";q=10000000;qu="content-bytes";w=86400',
    )
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused && (await json(refused)).code).toBe('limit.uploads_per_day')
    expect((await grant('gil', 1_000)).status).toBe(201)
  })

  test('their bytes count as they are granted, and what is left is said', async () => {
    expect((await grant('hal', 9_000_000)).headers.get('ratelimit')).toContain('"upload-bytes-per-day";r=1000000;')
    const refused = await grant('hal', 1_000_001)
    expect([refused.status, (await json(refused)).code]).toEqual([429, 'limit.upload_bytes_per_day'])
    expect((await grant('hal', 1_000_000)).status).toBe(201)
  })

  test('the next day is another', async () => {
    expect((await grant('ida', 1_000, { ...uploadLimits, uploadsPerDay: 1 })).status).toBe(201)
    expect((await grant('ida', 1_000, { ...uploadLimits, uploadsPerDay: 1 })).status).toBe(429)
    await api.database.sql("UPDATE vision_upload_quotas SET day = day - INTERVAL 1 DAY WHERE user_id = 'ida'")
    expect((await grant('ida', 1_000, { ...uploadLimits, uploadsPerDay: 1 })).headers.get('ratelimit')).toContain('r=0')
    expect(await api.database.sql("SELECT uploads, bytes FROM vision_upload_quotas WHERE user_id = 'ida'")).toEqual([
      { uploads: 1, bytes: 1_000 },
    ])
  })
})
