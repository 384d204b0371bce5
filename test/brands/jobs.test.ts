import { expect } from 'vitest'
import { archiveBrand, createBrand, updateBrand } from '../../core/brands/brands.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import { InvalidJobs } from '../../core/queue/create/resolve-texts.ts'
import { claim, hour, jobRow, makeJob, noCap, someJob } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

const is = (expected: number) => (version: number) => version === expected

let database: TestDatabase
test.beforeEach(({ db }) => {
  database = db
})

const options = { userId: 'user-1', maxRetries: 3, inFlightPerUser: noCap, lifeMs: hour }
const { outputFormat: _, language: __, ...openJob } = someJob

test('a job keeps the version of its brand that was current when it was created, and its facts', async () => {
  const { id: brandId } = await createBrand(database, 'user-1', { name: 'Fernhill' })
  const owned = { userId: 'user-1', brandId }
  await updateBrand(database, owned, is(1), { name: 'Fernhill & Daughters' })
  const facts = { name: 'Tulip “Ann”', price: 4.5, organic: true, sizes: ['S', 'M'] }
  const jobId = await makeJob(database, { brandId, facts })
  await updateBrand(database, owned, is(2), { name: 'Third' })
  await archiveBrand(database, owned)
  expect(await jobRow(database, jobId)).toMatchObject({ brand_id: brandId, brand_version: 2 })
  const [run] = await claim(database)
  expect(run).toMatchObject({ brandId, brandVersion: 2, facts })
})

test('a job without a brand and without facts has none', async () => {
  await makeJob(database)
  const [run] = await claim(database)
  expect(run).toMatchObject({ brandId: null, brandVersion: null, facts: null })
})

test('what a job leaves open its brand decides, and what it says holds', async () => {
  const { id: brandId } = await createBrand(database, 'user-1', {
    name: 'Fernhill',
    defaults: { outputFormats: ['social_post', 'alt_text'], languages: ['de-CH', 'fr'], platforms: ['instagram'] },
  })
  const bare = (await createBrand(database, 'user-1', { name: 'Bare' })).id
  const made = await createVisionJobs(
    database,
    [
      { ...openJob, brandId },
      { ...openJob, brandId, outputFormat: 'summary' },
      { ...openJob, brandId, language: 'en', platform: null },
      { ...openJob, brandId, platform: 'x' },
      { ...openJob, brandId: bare, outputFormat: 'social_post' },
    ],
    options,
  )
  const rows = await Promise.all(made.map(({ jobId }) => jobRow(database, jobId)))
  expect(rows.map((row) => [row.output_format, row.language, row.platform])).toEqual([
    ['social_post', 'de-CH', 'instagram'],
    ['summary', 'de-CH', null],
    ['social_post', 'en', null],
    ['social_post', 'de-CH', 'x'],
    ['social_post', 'en', null],
  ])
})

test('another user’s brand, one that is archived and one that never was are refused by their place, and nothing is created', async () => {
  const mine = (await createBrand(database, 'user-1', { name: 'Mine' })).id
  const others = (await createBrand(database, 'user-2', { name: 'Others' })).id
  const archived = (await createBrand(database, 'user-1', { name: 'Archived' })).id
  await archiveBrand(database, { userId: 'user-1', brandId: archived })
  const jobs = [mine, others, archived, 9_007_199_254_740_991].map((brandId) => ({ ...someJob, brandId }))
  const error = await createVisionJobs(database, jobs, options).catch((thrown) => thrown)
  expect(error).toBeInstanceOf(InvalidJobs)
  expect(error.code).toBe('brand.not_found')
  expect(error.issues).toEqual(
    [1, 2, 3].map((index) => expect.objectContaining({ index, field: 'brandId', code: 'brand.not_found' })),
  )
  const missing = await createVisionJobs(database, [someJob, { ...openJob, brandId: mine }], options).catch((e) => e)
  expect([missing.code, missing.issues]).toEqual([
    'request.invalid',
    [expect.objectContaining({ index: 1, field: 'outputFormat', code: 'field.missing' })],
  ])
  expect(await database.sql('SELECT id FROM vision_jobs')).toEqual([])
})

test('a job that is sent again is the same one, whatever happened to its brand', async () => {
  const { id: brandId } = await createBrand(database, 'user-1', { name: 'Fernhill' })
  const idempotency = { key: 'once', requestHash: 'a'.repeat(64) }
  const jobId = await makeJob(database, { brandId, idempotency })
  await archiveBrand(database, { userId: 'user-1', brandId })
  const fresh = { ...someJob, brandId, idempotency: { key: 'other', requestHash: 'b'.repeat(64) } }
  const again = { ...someJob, brandId, idempotency }
  expect(await createVisionJobs(database, [again], options)).toEqual([{ jobId, replayed: true }])
  const error = await createVisionJobs(database, [again, again, fresh], options).catch((thrown) => thrown)
  // Its place in the call, and not among those that are new.
  expect(error.issues).toEqual([expect.objectContaining({ index: 2 })])
})

test('creation asks for all brands of a call in one statement, and for none where there is none', async () => {
  const ids = await Promise.all(
    ['A', 'B', 'C'].map(async (name) => (await createBrand(database, 'user-1', { name })).id),
  )
  const reads = async (jobs: readonly (typeof someJob)[]) => {
    let statements = 0
    const counting = {
      ...database,
      transact: ((work, landed) =>
        database.transact(
          (tx) =>
            work(
              new Proxy(tx, {
                get: (target, name) => {
                  const value = Reflect.get(target, name)
                  if (typeof value !== 'function') return value
                  if (name === 'select') statements++
                  return value.bind(target)
                },
              }),
            ),
          landed,
        )) as TestDatabase['transact'],
    }
    await createVisionJobs(counting, jobs, options)
    return statements
  }
  const plain = await reads([someJob, someJob])
  expect((await reads(ids.map((brandId) => ({ ...someJob, brandId })))) - plain).toBe(1)
})
