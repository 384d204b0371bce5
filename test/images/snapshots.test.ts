import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import mysql from 'mysql2/promise'
import { afterAll, expect } from 'vitest'
import { matchedBy } from '../../core/database/sql.ts'
import { VisionError } from '../../core/domain/errors.ts'
import { detectImage } from '../../core/images/detect.ts'
import { keepImage } from '../../core/images/snapshots.ts'
import { type ImageStore, snapshotKey } from '../../core/images/store.ts'
import { sweepImages } from '../../core/images/sweep.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { createVisionJob } from '../../core/queue/create/create.ts'
import { noCap } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { fixture, startTestStorage, type TestStorage } from '../support/images/storage.ts'

let database: TestDatabase
let storage: TestStorage
let red: Buffer

test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  storage = await startTestStorage()
  red = await fixture('red.png')
})
afterAll(async () => {
  await storage.stop()
})

const keep = (bytes = red, userId = 'ann', store: ImageStore = storage.store) =>
  keepImage(database, store, userId, bytes, detectImage(bytes))

const submit = async (imageId: number, userId = 'ann') => {
  const { jobId } = await createVisionJob(
    database,
    { imageUrl: 'data:', imageId, analysisPurpose: 'a test', outputFormat: 'summary', language: 'en' },
    { userId, maxRetries: 3, inFlightPerUser: noCap, lifeMs: 86_400_000 },
  )
  return jobId
}

/** The row as it stands, with whether the sweeper may come at all and whether it is due. */
const row = async (id: number) =>
  (
    await database.sql(
      `SELECT state, sweep_at IS NOT NULL AS sweepable, sweep_at <= UTC_TIMESTAMP(3) AS due,
        CAST(ROUND(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), sweep_at) / 60) AS SIGNED) AS minutes FROM vision_images WHERE id = ?`,
      [id],
    )
  )[0]

// Longer ago than any statement began that is under way: by the moment of its own it would find the hour not over.
const hourPassed = () =>
  database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_images SET sweep_at = UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE WHERE sweep_at IS NOT NULL`,
    ),
  )

const stored = (sha256: string, userId = 'ann') =>
  storage.store.get(snapshotKey(userId, sha256), 1_000_000, new AbortController().signal)

/** The store, with something else before one of its calls. */
const before = (name: 'put' | 'delete', hook: () => Promise<void>): ImageStore => ({
  ...storage.store,
  [name]: async (...args: never[]) => {
    await hook()
    return (storage.store[name] as (...given: never[]) => Promise<void>)(...args)
  },
})

test('the same image sent twice by a user is stored once, and by another user apart', async () => {
  let puts = 0
  const counting = before('put', async () => {
    puts++
  })
  const first = await keep(red, 'ann', counting)
  expect(await keep(red, 'ann', counting)).toEqual(first)
  expect(puts).toBe(1)
  expect((await keep(red, 'bob', counting)).id).not.toBe(first.id)
  expect(puts).toBe(2)
  expect(Buffer.compare(await stored(first.sha256), red)).toBe(0)
})

test('twenty arrivals of one image at once make one row', async () => {
  const kept = await Promise.all(Array.from({ length: 20 }, () => keep()))
  expect(new Set(kept.map(({ id }) => id)).size).toBe(1)
  expect(await database.sql('SELECT state FROM vision_images')).toEqual([{ state: 'stored' }])
})

test('an image that a job uses is never swept; the last job that is deleted starts its hour', async () => {
  const { id, sha256 } = await keep()
  expect(await row(id)).toMatchObject({ state: 'stored', sweepable: 1, minutes: 60 })
  const jobs = [await submit(id), await submit(id)]
  expect(await row(id)).toMatchObject({ sweepable: 0 })
  await hourPassed()
  expect(await sweepImages(database, storage.store)).toBe(0)

  await deleteVisionJob(database, { jobId: Number(jobs[0]), userId: 'ann' })
  expect(await row(id)).toMatchObject({ sweepable: 0 })
  await deleteVisionJob(database, { jobId: Number(jobs[1]), userId: 'ann' })
  expect(await row(id)).toMatchObject({ sweepable: 1, due: 0, minutes: 60 })
  expect(await sweepImages(database, storage.store)).toBe(0)

  await hourPassed()
  expect(await sweepImages(database, storage.store)).toBe(1)
  expect(await row(id)).toBeUndefined()
  await expect(stored(sha256)).rejects.toMatchObject({ code: 'image.not_found' })
})

test('two jobs of one image that are deleted at once leave it to the sweeper, whichever is last', async () => {
  for (let round = 0; round < 10; round++) {
    const { id } = await keep()
    const jobs = await Promise.all([submit(id), submit(id), submit(id)])
    await Promise.all(jobs.map((jobId) => deleteVisionJob(database, { jobId, userId: 'ann' })))
    expect(await row(id)).toMatchObject({ sweepable: 1 })
  }
})

test('an arrival shortly before the sweep puts the sweep off by an hour', async () => {
  const { id } = await keep()
  await hourPassed()
  await keep()
  expect(await sweepImages(database, storage.store)).toBe(0)
  expect(await row(id)).toMatchObject({ state: 'stored', due: 0 })
})

test('an arrival while the sweeper deletes waits, and then stores the image anew', async () => {
  const { id, sha256 } = await keep()
  await hourPassed()
  let arriving: ReturnType<typeof keep> | undefined
  const slow = before('delete', async () => {
    arriving = keep()
    await delay(400)
  })
  expect(await sweepImages(database, slow)).toBe(1)
  const again = await arriving
  expect(again?.id).not.toBe(id)
  expect(Buffer.compare(await stored(sha256), red)).toBe(0)
  await submit(Number(again?.id))
})

test('a sweeper that finds the store down keeps the row, and a later one finishes', async () => {
  const { id } = await keep()
  await hourPassed()
  const down = before('delete', () => Promise.reject(new VisionError('storage.unavailable')))
  await expect(sweepImages(database, down)).rejects.toMatchObject({ code: 'storage.unavailable' })
  expect(await row(id)).toMatchObject({ state: 'deleting', due: 0 })
  expect(await sweepImages(database, storage.store)).toBe(0)
  await hourPassed()
  expect(await sweepImages(database, storage.store)).toBe(1)
})

test('a sweeper that outlived its lease leaves alone what has arrived since', async () => {
  const kept = [await keep(), await keep(await fixture('halves.png'))]
  await hourPassed()
  let calls = 0
  const slow = before('delete', async () => {
    if (++calls > 1) return
    // Its lease runs out; another sweeper finishes, and the same images come again.
    await hourPassed()
    await sweepImages(database, storage.store)
    for (const name of ['red.png', 'halves.png']) await submit((await keep(await fixture(name))).id)
  })
  await sweepImages(database, slow)
  // The one that it had in hand is gone, as no lease can call back what was sent; the other is not touched any more.
  const left = await Promise.allSettled(kept.map(({ sha256 }) => stored(sha256)))
  expect(left.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
})

test('a sweeper that is told to stop leaves the rest for later', async () => {
  await keep()
  await hourPassed()
  expect(await sweepImages(database, storage.store, AbortSignal.abort())).toBe(0)
  await hourPassed()
  expect(await sweepImages(database, storage.store)).toBe(1)
})

test('an upload that fails half-way is begun again by the next arrival', async () => {
  const failing = before('put', () => Promise.reject(new VisionError('storage.unavailable')))
  await expect(keep(red, 'ann', failing)).rejects.toMatchObject({ code: 'storage.unavailable' })
  const [left] = await database.sql('SELECT state FROM vision_images')
  expect(left).toEqual({ state: 'arriving' })
  const { sha256 } = await keep()
  expect(Buffer.compare(await stored(sha256), red)).toBe(0)
})

test('a job cannot be given an image that was swept meanwhile, and nothing is created', async () => {
  const { id } = await keep()
  await hourPassed()
  await sweepImages(database, storage.store)
  await expect(submit(id)).rejects.toMatchObject({ code: 'storage.unavailable' })
  expect(await database.sql('SELECT id FROM vision_jobs')).toEqual([])
})

test('the sweeper does not wait for a row that a transaction is linking', async () => {
  const { id } = await keep()
  await hourPassed()
  const linker = await mysql.createConnection(database.url)
  await linker.query('BEGIN')
  await linker.query('UPDATE vision_images SET sweep_at = NULL WHERE id = ?', [id])
  expect(await sweepImages(database, storage.store)).toBe(0)
  await linker.query('COMMIT')
  await linker.end()
  expect(await row(id)).toMatchObject({ state: 'stored', sweepable: 0 })
})

test('jobs come and go while the sweeper runs, and no job ever loses its image', async () => {
  const images = [red, await fixture('halves.png'), await fixture('sample.webp')]
  const until = Date.now() + 1_500
  const sweeping = (async () => {
    while (Date.now() < until) {
      await hourPassed()
      await sweepImages(database, storage.store)
    }
  })()
  const comeAndGo = async (seed: number) => {
    for (let turn = seed; Date.now() < until; turn++) {
      const bytes = images[turn % images.length] as Buffer
      try {
        const { id, sha256 } = await keep(bytes)
        const jobId = await submit(id)
        expect(Buffer.compare(await stored(sha256), bytes)).toBe(0)
        await deleteVisionJob(database, { jobId, userId: 'ann' })
      } catch (error) {
        // Swept between keeping and linking, since an hour passes in a moment here.
        if (!(error instanceof VisionError) || error.code !== 'storage.unavailable') throw error
      }
    }
  }
  await Promise.all([sweeping, comeAndGo(0), comeAndGo(1), comeAndGo(2)])
})
