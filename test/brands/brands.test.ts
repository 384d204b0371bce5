import { afterAll, describe, expect } from 'vitest'
import {
  archiveBrand,
  createBrand,
  getBrand,
  getBrandVersion,
  listBrands,
  listBrandVersions,
  maxBrands,
  maxVersions,
  maxVersionsOfUser,
  updateBrand,
} from '../../core/brands/brands.ts'
import { createBrandLoader } from '../../core/brands/load.ts'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

const is = (expected: number) => (version: number) => version === expected

let direct: TestDatabase
const levels: { [level: string]: Database } = {}
test.beforeAll(({ workerDatabase }) => {
  direct = workerDatabase
  levels['READ COMMITTED'] = direct
  // Vitess keeps its connections in this one.
  levels['REPEATABLE READ'] = openDatabase(direct.url, {
    connections: 8,
    random: Math.random,
    isolation: 'REPEATABLE READ',
  })
})
afterAll(async () => {
  await levels['REPEATABLE READ']?.close()
})

const refused = (code: string) => expect.objectContaining({ code })
const profile = { name: 'Fernhill', voice: 'Calm and plain', bannedWords: ['cheap*'], facts: { founded: 1987 } }

describe.each(['READ COMMITTED', 'REPEATABLE READ'])('in %s', (level) => {
  const database = () => levels[level] as Database

  test('a brand is what it was last said to be, and each of its versions what it was', async () => {
    const { id: brandId } = await createBrand(database(), 'ann', profile)
    const owned = { userId: 'ann', brandId }
    const first = await getBrand(database(), owned)
    expect(first).toMatchObject({ name: 'Fernhill', version: 1, archivedAt: null, profile })
    const next = { name: 'Fernhill & Daughters', do: ['Name the workshop'] }
    expect(await updateBrand(database(), owned, is(1), next)).toMatchObject({
      name: next.name,
      version: 2,
      profile: next,
    })
    expect(await getBrandVersion(database(), owned, 1)).toMatchObject({ version: 1, profile })
    expect(await getBrandVersion(database(), owned, 2)).toMatchObject({ version: 2, profile: next })
    await expect(getBrandVersion(database(), owned, 3)).rejects.toEqual(refused('brand.not_found'))
    const versions = await listBrandVersions(database(), owned, { limit: 10 })
    expect(versions.map(({ version }) => version)).toEqual([2, 1])
    const older = await listBrandVersions(database(), owned, { limit: 10, before: 2 })
    expect(older.map(({ version }) => version)).toEqual([1])
  })

  test('of several changes to the same version one is made', async () => {
    const { id: brandId } = await createBrand(database(), 'ann', profile)
    const owned = { userId: 'ann', brandId }
    const changes = Array.from({ length: 8 }, (_, index) =>
      updateBrand(database(), owned, is(1), { name: `Fernhill ${index}` }),
    )
    const results = await Promise.allSettled(changes)
    const made = results.filter(({ status }) => status === 'fulfilled')
    const others = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(made).toHaveLength(1)
    expect(others).toEqual(Array.from({ length: 7 }, () => refused('request.precondition_failed')))
    expect(await getBrand(database(), owned)).toMatchObject({ version: 2 })
    expect(await direct.sql('SELECT version FROM vision_brand_versions ORDER BY version')).toHaveLength(2)
  })

  test('a change that was lost on the way back can be sent again, and one that changes nothing makes no version', async () => {
    const { id: brandId } = await createBrand(database(), 'ann', profile)
    const owned = { userId: 'ann', brandId }
    const next = { name: 'Fernhill', facts: { b: 1, a: ['x'] }, voice: undefined }
    await updateBrand(database(), owned, is(1), next)
    const again = { facts: { a: ['x'], b: 1 }, name: 'Fernhill' }
    expect(await updateBrand(database(), owned, is(1), again)).toMatchObject({ version: 2 })
    expect(await updateBrand(database(), owned, is(2), again)).toMatchObject({ version: 2 })
    await updateBrand(database(), owned, is(2), profile)
    await expect(updateBrand(database(), owned, is(1), profile)).rejects.toEqual(refused('request.precondition_failed'))
  })

  test('another user’s brand is none, for whatever is asked', async () => {
    const { id: brandId } = await createBrand(database(), 'ann', profile)
    const bobs = { userId: 'bob', brandId }
    const nothing = refused('brand.not_found')
    await expect(getBrand(database(), bobs)).rejects.toEqual(nothing)
    await expect(updateBrand(database(), bobs, is(1), profile)).rejects.toEqual(nothing)
    await expect(archiveBrand(database(), bobs)).rejects.toEqual(nothing)
    await expect(listBrandVersions(database(), bobs, { limit: 1 })).rejects.toEqual(nothing)
    await expect(getBrandVersion(database(), bobs, 1)).rejects.toEqual(nothing)
    expect(await listBrands(database(), 'bob', { limit: 10 })).toEqual([])
    expect(await getBrand(database(), { userId: 'ann', brandId })).toMatchObject({ version: 1, archivedAt: null })
  })

  test('an archived brand can be read, and neither changed nor listed', async () => {
    const owned = { userId: 'ann', brandId: (await createBrand(database(), 'ann', profile)).id }
    await archiveBrand(database(), owned)
    const { archivedAt, updatedAt } = await getBrand(database(), owned)
    expect(archivedAt).toBeInstanceOf(Date)
    await archiveBrand(database(), owned)
    expect(await getBrand(database(), owned)).toMatchObject({ archivedAt, updatedAt, profile })
    await expect(updateBrand(database(), owned, is(1), { name: 'Other' })).rejects.toEqual(refused('brand.not_found'))
    expect(await listBrands(database(), 'ann', { limit: 10 })).toEqual([])
  })

  test('a user has at most 100 brands, also by calls at once, and room for another when one is archived', async () => {
    for (let made = 0; made < maxBrands - 2; made++) await createBrand(database(), 'ann', { name: `${made}` })
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => createBrand(database(), 'ann', { name: `at once ${index}` })),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    expect(results.filter(({ status }) => status === 'rejected')).toEqual(
      Array.from({ length: 6 }, () => ({ status: 'rejected', reason: refused('brand.too_many') })),
    )
    await createBrand(database(), 'bob', profile)
    const page = await listBrands(database(), 'ann', { limit: 10 })
    expect(page).toHaveLength(11)
    const [newest] = page
    await archiveBrand(database(), { userId: 'ann', brandId: newest?.id ?? 0 })
    await createBrand(database(), 'ann', { name: 'in its place' })
    const all = []
    for (let before: number | undefined; ; before = all.at(-1)?.id) {
      const rows = await listBrands(database(), 'ann', { limit: 30, before })
      all.push(...rows.slice(0, 30))
      if (rows.length <= 30) break
    }
    expect(all).toHaveLength(maxBrands)
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((one, other) => other - one))
  })
})

test('a brand has at most 1,000 versions, and a user’s brands 5,000 together, archived ones included', async () => {
  const owned = { userId: 'ann', brandId: (await createBrand(direct, 'ann', profile)).id }
  const setTo = (version: number) =>
    direct.sql('UPDATE vision_brands SET version = ? WHERE id = ?', [version, owned.brandId])
  await setTo(maxVersions - 1)
  await updateBrand(direct, owned, is(maxVersions - 1), { name: 'The last' })
  await expect(updateBrand(direct, owned, is(maxVersions), { name: 'One more' })).rejects.toEqual(
    refused('brand.too_many_versions'),
  )
  const other = { userId: 'ann', brandId: (await createBrand(direct, 'ann', profile)).id }
  await setTo(maxVersionsOfUser - 2)
  await archiveBrand(direct, owned)
  await updateBrand(direct, other, is(1), { name: 'The last of all' })
  await expect(updateBrand(direct, other, is(2), { name: 'One more' })).rejects.toEqual(
    refused('brand.too_many_versions'),
  )
  await expect(createBrand(direct, 'ann', profile)).rejects.toEqual(refused('brand.too_many_versions'))
  await createBrand(direct, 'bob', profile)
})

test('a worker reads a version once, whatever becomes of the brand, and keeps the last hundred', async () => {
  const { id: brandId } = await createBrand(direct, 'ann', profile)
  let statements = 0
  const load = createBrandLoader({
    ...direct,
    run: (work, options) => {
      statements++
      return direct.run(work, options)
    },
  })
  expect(await load({ brandId: null, brandVersion: null })).toBeUndefined()
  expect(statements).toBe(0)
  expect(await load({ brandId, brandVersion: 1 })).toEqual(profile)
  await updateBrand(direct, { userId: 'ann', brandId }, is(1), { name: 'Other' })
  await archiveBrand(direct, { userId: 'ann', brandId })
  expect(await load({ brandId, brandVersion: 1 })).toEqual(profile)
  expect(statements).toBe(1)
  await expect(load({ brandId, brandVersion: 9 })).rejects.toMatchObject({
    code: 'internal.error',
    detail: `there is no version 9 of brand ${brandId}`,
  })
  for (let number = 3; number < 103; number++) {
    await direct.sql(
      `INSERT INTO vision_brand_versions (brand_id, version, profile, created_at) VALUES (?, ?, '{"name":"x"}', UTC_TIMESTAMP(3))`,
      [brandId, number],
    )
    await load({ brandId, brandVersion: number })
  }
  statements = 0
  await load({ brandId, brandVersion: 102 })
  await load({ brandId, brandVersion: 3 })
  expect(statements).toBe(0)
  await load({ brandId, brandVersion: 1 })
  expect(statements).toBe(1)
})
