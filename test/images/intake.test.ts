import { createHash } from 'node:crypto'
import { afterAll, describe, expect } from 'vitest'
import { VisionError } from '../../core/domain/errors.ts'
import { detectImage } from '../../core/images/detect.ts'
import { createImageIntake, type ImageIntake } from '../../core/images/intake.ts'
import { maxDataUrlBytes } from '../../core/images/limits.ts'
import { findImages } from '../../core/images/snapshots.ts'
import { snapshotKey } from '../../core/images/store.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { fixture, fixtureUrl, startTestStorage, type TestStorage } from '../support/images/storage.ts'

let database: TestDatabase
let storage: TestStorage
let images: ImageIntake

test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  storage = await startTestStorage()
  images = createImageIntake(database, storage.store, { allowLoopbackHttp: false })
})
afterAll(async () => {
  await storage.stop()
})

const dataUrl = (type: string, bytes: Uint8Array) => `data:${type};base64,${Buffer.from(bytes).toString('base64')}`
const errorOf = (taking: Promise<unknown>): Promise<VisionError> =>
  taking.then(
    () => Promise.reject(new Error('it was taken')),
    (error) => error,
  )

test('the bytes of a data URL go to the store, under their hash and apart from other users’', async () => {
  const bytes = await fixture('red.png')
  const hash = createHash('sha256').update(bytes).digest('hex')
  const anns = await images.take(await fixtureUrl('red.png', 'image/png'), 'ann')
  const bobs = await images.take(await fixtureUrl('red.png', 'image/png'), 'bob/../ann')
  expect(anns.imageUrl).toBe(`data:image/png;sha256=${hash}`)
  const rows = await findImages(database, [Number(anns.imageId), Number(bobs.imageId)])
  const keys = [...rows.values()].map(({ userId, sha256 }) => snapshotKey(userId, sha256))
  expect(new Set(keys).size).toBe(2)
  for (const key of keys) expect(key).toMatch(new RegExp(`^images/[0-9a-f]{32}/${hash}$`))
  const stored = await storage.store.get(String(keys[0]), bytes.length, new AbortController().signal)
  expect(Buffer.compare(stored, bytes)).toBe(0)
})

test('other URLs are kept as they are, and not fetched when the job is created', async () => {
  expect(await images.take('https://images.example/a.png', 'ann')).toEqual({ imageUrl: 'https://images.example/a.png' })
})

describe('a data URL is refused', () => {
  test('where it claims one type and holds none that is taken', async () => {
    const error = await errorOf(images.take(dataUrl('image/png', Buffer.from('%PDF-1.7 …')), 'ann'))
    expect(error).toMatchObject({ code: 'image.unsupported_type', message: expect.stringContaining('a PDF') })
  })

  test('where it is too large', async () => {
    const error = await errorOf(images.take(dataUrl('image/png', new Uint8Array(maxDataUrlBytes + 1)), 'ann'))
    expect(error).toMatchObject({ code: 'image.too_large', message: expect.stringMatching(/4 MB.*Upload/) })
  })

  test.each(['data:image/png;base64,a$b', 'data:image/png;base64'])('where it is not base64: %s', async (url) =>
    expect((await errorOf(images.take(url, 'ann'))).code).toBe('image.invalid_url'),
  )
})

test('a data URL of five million blanks is refused without thinking it over', async () => {
  const url = `data:image/png;base64,${' '.repeat(5_000_000)}!`
  expect((await errorOf(images.take(url, 'ann'))).code).toBe('image.invalid_url')
})

test('when the store does not answer, the call can be repeated and nothing is lost', async () => {
  const away = await startTestStorage()
  const intake = createImageIntake(database, away.store, { allowLoopbackHttp: false })
  await away.stop()
  const error = await errorOf(intake.take(await fixtureUrl('halves.png', 'image/png'), 'ann'))
  expect(error).toMatchObject({ code: 'storage.unavailable', errorClass: 'provider' })
})

describe('what counts as an image is its content', () => {
  test.each([
    ['red.png', 'image/png'],
    ['photo-like.jpg', 'image/jpeg'],
    ['sample.webp', 'image/webp'],
    ['sample.heic', 'image/heic'],
  ])('%s is %s', async (name, type) => {
    const { width, height, ...found } = detectImage(await fixture(name))
    expect(found).toEqual({ type, orientation: 1 })
    expect(width * height).toBeGreaterThan(0)
  })

  const box = (brands: string[]) =>
    Buffer.concat([
      Buffer.from([0, 0, 0, 8 + 4 * (brands.length + 1)]),
      Buffer.from(`ftyp${brands[0]}\0\0\0\0`),
      Buffer.from(brands.slice(1).join('')),
    ])
  test.each([
    ['a GIF', Buffer.from('GIF89a…')],
    ['an SVG', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['an HTML page', Buffer.from('<!DOCTYPE html><title>404</title>')],
    ['an AVIF', box(['mif1', 'avif', 'miaf'])],
    ['an empty file', Buffer.alloc(0)],
    ['cut off', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
  ])('%s is refused by its name', (name, bytes) => {
    expect(() => detectImage(bytes)).toThrow(VisionError)
    expect(() => detectImage(bytes)).toThrow(name)
  })
})

describe('an address that is not public is refused when the job is created', () => {
  test.each([
    'https://127.0.0.1/a.png',
    'https://10.0.0.7:8443/a.png',
    'https://169.254.169.254/latest/meta-data',
    'https://0x7f.1/a.png',
    'https://2130706433/a.png',
    'https://[::1]/a.png',
    'https://[::ffff:10.0.0.1]/a.png',
    'https://[fd00::1]/a.png',
    'https://localhost/a.png',
    'https://images.localhost./a.png',
  ])('%s', async (url) => {
    expect((await errorOf(images.take(url, 'ann'))).code).toBe('image.forbidden_address')
    expect(() => images.check(url, 'ann')).toThrow(expect.objectContaining({ code: 'image.forbidden_address' }))
  })

  test.each(['https://8.8.8.8/a.png', 'https://[2606:4700::1111]/a.png', 'https://localhost.example/a.png'])(
    'and a public one or a name is taken: %s',
    async (url) => {
      expect(await images.take(url, 'ann')).toEqual({ imageUrl: url })
    },
  )
})
