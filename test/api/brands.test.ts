import { TRPCClientError } from '@trpc/client'
import { afterAll, describe, expect } from 'vitest'
import { exampleProfile } from '../../core/api/brands/examples.ts'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'
import { png } from '../support/images/image-files.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const ann = { as: 'ann' }
const create = async (profile: object = exampleProfile, as = 'ann') =>
  json(api.call('POST', '/v1/brands', { as, body: { profile } }))
const put = (brandId: number, body: object, headers: Record<string, string> = {}, as = 'ann') =>
  api.call('PUT', `/v1/brands/${brandId}`, { as, body, headers })

test('a brand is created, read, changed and archived over REST, and its versions stay', async () => {
  const created = await api.call('POST', '/v1/brands', { ...ann, body: { profile: exampleProfile } })
  expect(created.status).toBe(201)
  const { brandId, ...brand } = await json(created)
  expect(brand).toMatchObject({ name: exampleProfile.name, version: 1, archivedAt: null, profile: exampleProfile })
  const at = `/v1/brands/${brandId}`
  expect([created.headers.get('location'), created.headers.get('etag')]).toEqual([at, `"${brandId}-1"`])

  const read = await api.call('GET', at, ann)
  expect(await json(read)).toEqual({ brandId, ...brand })
  const etag = read.headers.get('etag') ?? ''
  const unchanged = await api.call('GET', at, { ...ann, headers: { 'if-none-match': etag } })
  expect([unchanged.status, await unchanged.text()]).toEqual([304, ''])

  const next = { name: 'Fernhill', dont: ['Puns'] }
  const changed = await put(brandId, { profile: next }, { 'if-match': etag })
  expect([changed.status, changed.headers.get('etag')]).toEqual([200, `"${brandId}-2"`])
  expect(await json(changed)).toMatchObject({ brandId, name: 'Fernhill', version: 2, profile: next })
  expect((await api.call('GET', at, { ...ann, headers: { 'if-none-match': etag } })).status).toBe(200)

  expect(await json(api.call('GET', `${at}/versions`, ann))).toEqual({
    versions: [
      { version: 2, createdAt: expect.any(String) },
      { version: 1, createdAt: expect.any(String) },
    ],
    nextCursor: null,
  })
  expect(await json(api.call('GET', `${at}/versions/1`, ann))).toMatchObject({ version: 1, profile: exampleProfile })
  // Which of the two is missing.
  expect(await json(api.call('GET', `${at}/versions/3`, ann))).toMatchObject({
    code: 'brand.not_found',
    detail: 'The brand has no version 3: the newest is 2.',
  })
  expect(JSON.stringify(await json(api.call('GET', `/v1/brands/${brandId + 1}/versions/3`, ann)))).toContain(
    'There is no such brand',
  )

  const archived = await api.call('DELETE', at, ann)
  expect([archived.status, await archived.text()]).toEqual([204, ''])
  expect((await api.call('DELETE', at, ann)).status).toBe(204)
  const gone = await api.call('GET', at, { ...ann, headers: { 'if-none-match': `"${brandId}-2"` } })
  expect(gone.status).toBe(200)
  expect(await json(gone)).toMatchObject({ archivedAt: expect.any(String), profile: next })
  expect(await json(api.call('GET', '/v1/brands', ann))).toEqual({ brands: [], nextCursor: null })
  expect((await put(brandId, { profile: exampleProfile }, { 'if-match': '*' })).status).toBe(404)
})

test('a concurrent change is not overwritten, and a change without a precondition is refused', async () => {
  const { brandId } = await create()
  const profile = { name: 'Other' }
  const refused = async (body: object, headers?: Record<string, string>) => {
    const reply = await put(brandId, body, headers)
    return [reply.status, (await json(reply)).code]
  }
  expect(await refused({ profile })).toEqual([428, 'request.precondition_required'])
  expect(await refused({ profile }, { 'if-match': `"${brandId}-9"` })).toEqual([412, 'request.precondition_failed'])
  expect(await refused({ profile }, { 'if-match': `"${brandId + 1}-1"` })).toEqual([412, 'request.precondition_failed'])
  expect(await refused({ profile, version: 2 })).toEqual([412, 'request.precondition_failed'])
  // Both must hold.
  expect(await refused({ profile, version: 2 }, { 'if-match': '*' })).toEqual([412, 'request.precondition_failed'])
  expect((await create({ name: 'x' })).version).toBe(1)
  expect(await json(api.call('GET', `/v1/brands/${brandId}`, ann))).toMatchObject({ version: 1 })
  // By a proxy that compresses, by number, and whatever it is.
  expect((await put(brandId, { profile }, { 'if-match': `W/"${brandId}-1"` })).status).toBe(200)
  expect((await put(brandId, { profile: { name: 'Third' }, version: 2 })).status).toBe(200)
  expect((await put(brandId, { profile: { name: 'Fourth' } }, { 'if-match': '*' })).status).toBe(200)
  expect((await put(brandId, { profile: { name: 'Fifth' } }, { 'if-match': `"x", "${brandId}-4"` })).status).toBe(200)
  expect(await json(api.call('GET', `/v1/brands/${brandId}`, ann))).toMatchObject({ version: 5, name: 'Fifth' })
})

test('the same over tRPC', async () => {
  const visionPipeline = api.client('ann')
  const { brandId } = await visionPipeline.createBrand.mutate({ profile: exampleProfile })
  expect(await visionPipeline.getBrand.query({ brandId })).toMatchObject({ version: 1, profile: exampleProfile })
  const profile = { name: 'Fernhill' }
  const refusal = async (input: object) => {
    const error = await visionPipeline.updateBrand.mutate({ brandId, profile, ...input }).catch((caught) => caught)
    if (!(error instanceof TRPCClientError)) throw new Error('it was not refused')
    return [error.data.code, error.data.errorCode]
  }
  expect(await refusal({})).toEqual(['PRECONDITION_REQUIRED', 'request.precondition_required'])
  expect(await refusal({ version: 7 })).toEqual(['PRECONDITION_FAILED', 'request.precondition_failed'])
  expect(await visionPipeline.updateBrand.mutate({ brandId, profile, version: 1 })).toMatchObject({ version: 2 })
  expect(await visionPipeline.listBrandVersions.query({ brandId })).toMatchObject({ versions: [{ version: 2 }, {}] })
  expect(await visionPipeline.getBrandVersion.query({ brandId, version: 1 })).toMatchObject({ profile: exampleProfile })
  expect(await visionPipeline.listBrands.query()).toMatchObject({ brands: [{ brandId, name: 'Fernhill' }] })
  expect(await visionPipeline.archiveBrand.mutate({ brandId })).toEqual({ archived: true, brandId })
  expect(await visionPipeline.listBrands.query({})).toMatchObject({ brands: [] })
})

test('brands and versions come in pages, newest first', async () => {
  const ids = []
  for (const name of ['A', 'B', 'C']) ids.unshift((await create({ name })).brandId)
  const first = await json(api.call('GET', '/v1/brands?limit=2', ann))
  expect(first.brands.map(({ brandId }: { brandId: number }) => brandId)).toEqual(ids.slice(0, 2))
  const second = await json(api.call('GET', `/v1/brands?limit=2&cursor=${first.nextCursor}`, ann))
  expect([second.brands.map(({ brandId }: { brandId: number }) => brandId), second.nextCursor]).toEqual([
    ids.slice(2),
    null,
  ])
  const [brandId] = ids
  for (const version of [1, 2]) await put(brandId, { profile: { name: `${version}` }, version })
  const page = await json(api.call('GET', `/v1/brands/${brandId}/versions?limit=2`, ann))
  expect(page.versions.map(({ version }: { version: number }) => version)).toEqual([3, 2])
  const rest = await json(api.call('GET', `/v1/brands/${brandId}/versions?cursor=${page.nextCursor}`, ann))
  expect(rest).toMatchObject({ versions: [{ version: 1 }], nextCursor: null })
})

describe('a profile that is refused', () => {
  const name = 'Fernhill'
  const long = (length: number) => 'x'.repeat(length)
  test.each<[profile: object, pointer: string, code: string]>([
    [{}, '#/profile/name', 'field.missing'],
    [{ name: ' ' }, '#/profile/name', 'field.too_small'],
    [{ name: long(101) }, '#/profile/name', 'field.too_large'],
    [{ name, tone: 'x' }, '#/profile/tone', 'field.unknown'],
    [{ name, voice: long(1001) }, '#/profile/voice', 'field.too_large'],
    [{ name, audience: long(501) }, '#/profile/audience', 'field.too_large'],
    [{ name, formality: 'rude' }, '#/profile/formality', 'field.not_allowed'],
    [{ name, do: Array(21).fill('x') }, '#/profile/do', 'field.too_large'],
    [{ name, dont: ['x', long(201)] }, '#/profile/dont/1', 'field.too_large'],
    [{ name, preferredWords: Array(51).fill('x') }, '#/profile/preferredWords', 'field.too_large'],
    [{ name, bannedWords: Array(101).fill('x') }, '#/profile/bannedWords', 'field.too_large'],
    [{ name, bannedWords: ['*'] }, '#/profile/bannedWords', 'field.malformed'],
    [{ name, facts: { price: { amount: 1 } } }, '#/profile/facts/price', 'field.malformed'],
    [{ name, facts: { price: null } }, '#/profile/facts/price', 'field.malformed'],
    [{ name, facts: { sizes: [1] } }, '#/profile/facts/sizes', 'field.malformed'],
    [{ name, facts: { x: long(501) } }, '#/profile/facts/x', 'field.too_large'],
    [
      { name, facts: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, long(500)])) },
      '#/profile/facts',
      'field.too_large',
    ],
    [{ name, palette: [{ hex: 'navy' }] }, '#/profile/palette/0/hex', 'field.malformed'],
    [{ name, palette: [{ hex: '#14213d', share: 1 }] }, '#/profile/palette/0/share', 'field.unknown'],
    [{ name, palette: Array(13).fill({ hex: '#14213d' }) }, '#/profile/palette', 'field.too_large'],
    [{ name, defaults: { languages: ['german'] } }, '#/profile/defaults/languages/0', 'field.malformed'],
    [{ name, defaults: { outputFormats: ['poem'] } }, '#/profile/defaults/outputFormats/0', 'field.not_allowed'],
    [{ name, defaults: { platforms: [] } }, '#/profile/defaults/platforms', 'field.too_small'],
    [
      { name, dont: Array(20).fill('ü'.repeat(200)), do: Array(20).fill('x'.repeat(150)) },
      '#/profile',
      'field.too_large',
    ],
  ])('%#: at %s for %s', async (profile, pointer, code) => {
    const reply = await api.call('POST', '/v1/brands', { ...ann, body: { profile } })
    const body = await json(reply)
    expect([
      reply.status,
      body.code,
      body.errors?.map((one: { pointer: string; code: string }) => [one.pointer, one.code]),
    ]).toEqual([400, 'request.invalid', [[pointer, code]]])
    expect(body.errors[0].detail).toMatch(/^(is|must|has|goes|There is no)\b/)
  })

  test('is not one of 8,192 bytes to the last', async () => {
    const texts = (most: number) => Array.from({ length: most }, () => 'y'.repeat(200))
    const profile = { name: 'x', voice: 'v'.repeat(1000), do: texts(20), dont: texts(14), audience: '' }
    profile.audience = 'w'.repeat(8192 - JSON.stringify(profile).length)
    expect(profile.audience.length).toBeLessThanOrEqual(500)
    expect([JSON.stringify(profile).length, (await create(profile)).version]).toEqual([8192, 1])
    const { code, errors } = await create({ ...profile, name: 'xx' })
    expect([code, errors[0].detail]).toEqual(['request.invalid', 'is 8193 bytes of JSON, and at most 8192 are taken'])
  })

  test('colours and languages are put into their usual form', async () => {
    const { profile } = await create({ name, palette: [{ hex: '#AABBCC' }], defaults: { languages: ['de-ch', 'EN'] } })
    expect(profile).toMatchObject({ palette: [{ hex: '#aabbcc' }], defaults: { languages: ['de-CH', 'en'] } })
  })
})

describe('a job of a brand', () => {
  const { outputFormat: _, ...open } = job

  test('keeps the version of it, and its facts, which it shows', async () => {
    const { brandId } = await create({ name: 'Fernhill', defaults: { outputFormats: ['alt_text'], languages: ['de'] } })
    const facts = { name: 'Trail 7', price: 129.5, vegan: true, colours: ['red', 'white'] }
    const reply = await api.call('POST', '/v1/jobs', { ...ann, body: { ...open, brandId, facts } })
    expect(reply.status).toBe(201)
    const made = { brandId, brandVersion: 1, facts, outputFormat: 'alt_text', language: 'de' }
    const { jobId, ...created } = await json(reply)
    expect(created).toMatchObject(made)
    await put(brandId, { profile: { name: 'Other' }, version: 1 })
    expect(await json(api.call('GET', `/v1/jobs/${jobId}`, ann))).toMatchObject(made)
    const { jobs } = await json(api.call('GET', '/v1/jobs', ann))
    expect(jobs).toMatchObject([made])
    const plain = await json(api.call('POST', '/v1/jobs', { ...ann, body: { ...job, facts: null } }))
    expect(plain).toMatchObject({ brandId: null, brandVersion: null, facts: null, language: 'en' })
  })

  test('is refused where the brand is not there, by its place in the call, and leaves nothing behind', async () => {
    const bobs = await create(exampleProfile, 'bob')
    const archived = await create()
    const bare = await create({ name: 'Bare' })
    await api.call('DELETE', `/v1/brands/${archived.brandId}`, ann)
    const imageUrl = `data:image/png;base64,${Buffer.from(png(3, 3)).toString('base64')}`
    const images = async () => (await api.database.sql('SELECT id FROM vision_images')).length
    const before = await images()
    const at = async (path: string, body: object) => {
      const reply = await api.call('POST', path, { ...ann, body })
      const { code, errors } = await json(reply)
      return [reply.status, code, errors.map((one: { pointer: string; code: string }) => [one.pointer, one.code])]
    }
    for (const { brandId } of [bobs, archived, { brandId: 9_007_199_254_740_991 }]) {
      const notFound = [404, 'brand.not_found', [['#/brandId', 'brand.not_found']]]
      expect(await at('/v1/jobs', { ...job, brandId })).toEqual(notFound)
      expect(await at('/v1/jobs', { ...job, imageUrl, brandId })).toEqual(notFound)
    }
    const jobs = [job, { ...job, brandId: bobs.brandId }, { ...open, imageUrl, brandId: bare.brandId }]
    expect(await at('/v1/jobs/batch', { jobs })).toEqual([
      400,
      'request.invalid',
      [
        ['#/jobs/1/brandId', 'brand.not_found'],
        ['#/jobs/2/outputFormat', 'field.missing'],
      ],
    ])
    expect(await at('/v1/jobs', open)).toEqual([400, 'request.invalid', [['#/outputFormat', 'field.missing']]])
    const alt = await create({ name: 'Alt', defaults: { outputFormats: ['alt_text'] } })
    const conflict = [400, 'request.invalid', [['#/platform', 'field.conflict']]]
    expect(await at('/v1/jobs', { ...open, brandId: alt.brandId, platform: 'x' })).toEqual(conflict)
    expect(await at('/v1/jobs', { ...job, platform: 'x' })).toEqual(conflict)
    expect(await at('/v1/jobs', { ...job, facts: { x: 'y'.repeat(501) } })).toEqual([
      400,
      'request.invalid',
      [['#/facts/x', 'field.too_large']],
    ])
    expect([await images(), await api.database.sql('SELECT id FROM vision_jobs')]).toEqual([before, []])
  })

  test('is the same job when it is sent again, whatever its brand has come to', async () => {
    const { brandId } = await create({ name: 'Fernhill', defaults: { outputFormats: ['summary'] } })
    const imageUrl = `data:image/png;base64,${Buffer.from(png(3, 3)).toString('base64')}`
    const send = () =>
      api.call('POST', '/v1/jobs', {
        ...ann,
        body: { ...open, imageUrl, brandId },
        headers: { 'idempotency-key': 'k' },
      })
    const first = await json(send())
    await put(brandId, { profile: { name: 'Other' }, version: 1 })
    await api.call('DELETE', `/v1/brands/${brandId}`, ann)
    const again = await send()
    expect([again.status, (await json(again)).jobId]).toEqual([200, first.jobId])
    // What is left out is as good as what it means.
    const key = { 'idempotency-key': 'without' }
    const { jobId } = await json(api.call('POST', '/v1/jobs', { ...ann, body: job, headers: key }))
    const told = { ...job, language: 'en', platform: null, facts: null }
    const same = await api.call('POST', '/v1/jobs', { ...ann, body: told, headers: key })
    expect([same.status, (await json(same)).jobId]).toEqual([200, jobId])
  })

  test('shows what was found in its text beside it, and none of a text from before', async () => {
    const findings = exampleJob.outputs.content?.findings
    const { analysis, content } = exampleJob.outputs
    for (const found of [findings, undefined]) {
      const jobId = await api.create('ann')
      const run = await api.claim(jobId)
      await saveAnalysis(api.database, run, { model: 'm', body: analysis?.result }, {})
      await completeVisionJob(api.database, run, { model: 'm', body: content?.result, findings: found }, {})
      const shown = await json(api.call('GET', `/v1/jobs/${jobId}`, ann))
      expect(shown.outputs.content.findings).toEqual(found ?? [])
      expect(shown.outputs.analysis).not.toHaveProperty('findings')
      const events = await (await api.call('GET', `/v1/jobs/${jobId}/events`, ann)).text()
      const completed = JSON.parse(/^data: (.*"type":"completed".*)$/m.exec(events)?.[1] ?? '{}')
      expect(completed.content.findings).toEqual(found ?? [])
    }
  })
})
