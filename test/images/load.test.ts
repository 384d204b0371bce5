import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import { VisionError } from '../../core/domain/errors.ts'
import { LeaseLost, type Run } from '../../core/domain/run.ts'
import { createByteBudget } from '../../core/images/budget.ts'
import { createImageIntake } from '../../core/images/intake.ts'
import { createImageLoader } from '../../core/images/load.ts'
import { type ImageStore, snapshotKey } from '../../core/images/store.ts'
import { grantUpload, type UploadRequest } from '../../core/images/uploads.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { createVisionJob } from '../../core/queue/create/create.ts'
import { getVisionJob } from '../../core/queue/read/read.ts'
import { retryVisionJob, saveImage } from '../../core/queue/settle/settle.ts'
import { noCap } from '../support/database/jobs.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { png, pngChunk } from '../support/images/image-files.ts'
import { fixture, fixtureUrl, startTestStorage, type TestStorage } from '../support/images/storage.ts'

let database: TestDatabase
let storage: TestStorage
let server: Server
let source: string
let served: Buffer | undefined
let fetches = 0

test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  storage = await startTestStorage()
  server = createServer((_request, response) => {
    fetches++
    if (served) response.end(served)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/image`
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await storage.stop()
})

const signal = new AbortController().signal

function loader(store: ImageStore = storage.store, through: Database = database) {
  return createImageLoader({
    database: through,
    store,
    budget: createByteBudget(50_000_000),
    link: (run: Run, imageId) => saveImage(database, run, imageId),
    allowLoopbackHttp: true,
  })
}

async function submit(imageUrl = source, userId = 'ann'): Promise<number> {
  const { jobId } = await createVisionJob(
    database,
    { imageUrl, analysisPurpose: 'a test', outputFormat: 'summary', language: 'en' },
    { userId, maxRetries: 9, inFlightPerUser: noCap, lifeMs: 86_400_000 },
  )
  return jobId
}

async function claim(): Promise<Run> {
  const { runs } = await claimPendingVisionJobs(database, {
    workerId: 'w',
    limit: 1,
    leaseMs: 60_000,
    lane: 'analysis',
  })
  return runs[0] as Run
}

/** Settles a run as failed and brings the job up for another at once. */
async function again(run: Run): Promise<Run> {
  const reason = { code: 'analysis.unavailable', message: 'a test' } as const
  await retryVisionJob(database, run, reason, {}, { delayMs: 0, costsRetry: true })
  await database.sql("UPDATE vision_jobs SET status = 'pending' WHERE id = ?", [run.jobId])
  return claim()
}

const hashOf = async (jobId: number) => {
  const { job } = await getVisionJob(database, { jobId, userId: 'ann' })
  const [image] = await database.sql('SELECT * FROM vision_images WHERE id = ?', [job.imageId])
  return image
}

test('a retry reads the copy of the first run, though the source has changed and then vanished', async () => {
  served = await fixture('red.png')
  fetches = 0
  const jobId = await submit()
  const first = await claim()
  const loaded = await loader()(first, signal)
  expect(Buffer.compare(loaded.bytes, served)).toBe(0)
  const kept = await hashOf(jobId)
  expect(kept).toMatchObject({ type: 'image/png', bytes: served.length, state: 'stored', sweep_at: null })

  served = await fixture('halves.png')
  const second = await again(first)
  expect(Buffer.compare((await loader()(second, signal)).bytes, await fixture('red.png'))).toBe(0)
  served = undefined
  const third = await again(second)
  const last = await loader()(third, signal)
  expect(Buffer.compare(last.bytes, await fixture('red.png'))).toBe(0)
  expect(last.type).toBe('image/png')
  expect(await hashOf(jobId)).toEqual(kept)
  expect(fetches).toBe(1)
})

/** The second runs of two jobs, whose first ones have brought `red.png` and `halves.png`. */
async function broughtBefore(): Promise<[Run, Run]> {
  const bring = async (name: string) => {
    served = await fixture(name)
    await submit()
    const first = await claim()
    await loader()(first, signal)
    return again(first)
  }
  return [await bring('red.png'), await bring('halves.png')]
}

test('jobs that begin together learn of their images in one statement, each of its own', async () => {
  const [red, halves] = await broughtBefore()
  served = undefined
  const proxied = await openProxied(database.url)
  const bring = loader(storage.store, proxied)
  const loaded = await Promise.all([red, halves, red].map((run) => bring(run, signal)))
  expect(loaded.map(({ bytes }) => Buffer.from(bytes))).toEqual(
    await Promise.all(['red.png', 'halves.png', 'red.png'].map(fixture)),
  )
  expect(proxied.proxy.statements.filter((statement) => statement.includes('vision_images'))).toHaveLength(1)
  await proxied.close()
})

test('a job whose image has no row any more fails, alone among those that begin with it, and does not ask its source', async () => {
  const runs = await broughtBefore()
  await database.sql('DELETE FROM vision_images WHERE id = ?', [runs[0].imageId])
  fetches = 0
  const bring = loader()
  const [gone, there] = await Promise.allSettled(runs.map((run) => bring(run, signal)))
  expect(gone).toMatchObject({ status: 'rejected', reason: { code: 'image.not_found' } })
  expect(there).toMatchObject({ status: 'fulfilled', value: { bytes: expect.anything() } })
  expect(fetches).toBe(0)
})

describe('an image that the bucket has lost, as after a restore of the database,', () => {
  /** A job whose first run has brought its image, which then vanished from the bucket. */
  async function lose(imageUrl = source, imageId?: number): Promise<{ run: Run; key: string; id: unknown }> {
    const jobId = await submit(imageUrl)
    if (imageId !== undefined) await database.sql('UPDATE vision_jobs SET image_id = ? WHERE id = ?', [imageId, jobId])
    const first = await claim()
    await loader()(first, signal)
    const row = await hashOf(jobId)
    const key = snapshotKey('ann', String(row?.sha256))
    await storage.store.delete(key)
    return { run: await again(first), key, id: row?.id }
  }
  const stateOf = async (id: unknown) =>
    (await database.sql('SELECT state FROM vision_images WHERE id = ?', [id]))[0]?.state

  test('is taken from its source again, and kept', async () => {
    served = await fixture('red.png')
    const { run, key, id } = await lose()
    expect(Buffer.compare((await loader()(run, signal)).bytes, served)).toBe(0)
    expect(await stateOf(id)).toBe('stored')
    served = undefined
    expect(Buffer.compare((await loader()(await again(run), signal)).bytes, await fixture('red.png'))).toBe(0)
    await storage.store.delete(key)
  })

  test('is not replaced by another that is there now', async () => {
    served = await fixture('red.png')
    const { run } = await lose()
    served = await fixture('halves.png')
    await expect(loader()(run, signal)).rejects.toMatchObject({ code: 'image.not_found' })
  })

  test('fails the job if it came with the call, and is stored again when it comes again', async () => {
    const intake = createImageIntake(database, storage.store, { allowLoopbackHttp: false })
    const url = await fixtureUrl('red.png', 'image/png')
    const taken = await intake.take(url, 'ann')
    const { run, key, id } = await lose(taken.imageUrl, taken.imageId)
    await expect(loader()(run, signal)).rejects.toMatchObject({
      code: 'image.not_found',
      message: expect.stringContaining('Send it again'),
    })
    expect(await stateOf(id)).toBe('arriving')
    expect(await intake.take(url, 'ann')).toEqual(taken)
    expect(await stateOf(id)).toBe('stored')
    expect((await storage.store.get(key, 1_000_000, signal)).length).toBeGreaterThan(0)
  })
})

test('an image comes with its displayed size and its orientation, from its source, its copy and a copy of an earlier release', async () => {
  served = await fixture('portrait-exif.jpg')
  const shown = { type: 'image/jpeg', width: 64, height: 96, orientation: 6 }
  const jobId = await submit()
  const first = await claim()
  expect(await loader()(first, signal)).toMatchObject(shown)
  expect(await hashOf(jobId)).toMatchObject({ width: 96, height: 64, orientation: 6 })
  const second = await again(first)
  expect(await loader()(second, signal)).toMatchObject(shown)
  await database.sql('UPDATE vision_images SET orientation = NULL WHERE orientation = 6')
  expect(await loader()(await again(second), signal)).toMatchObject(shown)
})

test('two jobs with the same image share one copy', async () => {
  served = await fixture('halves.png')
  const ids = [await submit(), await submit()]
  for (const _ of ids) await loader()(await claim(), signal)
  const [one, other] = await Promise.all(ids.map(hashOf))
  expect(one).toEqual(other)
})

test('a run that lost its job cannot give it an image', async () => {
  served = await fixture('red.png')
  const jobId = await submit()
  const run = await claim()
  await cancelVisionJob(database, { jobId, userId: 'ann' })
  await expect(loader()(run, signal)).rejects.toThrow(LeaseLost)
  expect((await getVisionJob(database, { jobId, userId: 'ann' })).job.imageId).toBeNull()
})

test('when the store is down that costs the job nothing, and the next run brings the image', async () => {
  served = await fixture('sample.webp')
  const jobId = await submit()
  const run = await claim()
  const failing = { ...storage.store, put: () => Promise.reject(new VisionError('storage.unavailable')) }
  await expect(loader(failing)(run, signal)).rejects.toMatchObject({ errorClass: 'provider' })
  const next = await again(run)
  await loader()(next, signal)
  expect(await hashOf(jobId)).toMatchObject({ state: 'stored' })
})

test('what is no image is never kept', async () => {
  served = Buffer.from('<!doctype html><title>Sign in</title>')
  const jobId = await submit()
  await expect(loader()(await claim(), signal)).rejects.toMatchObject({
    code: 'image.unsupported_type',
    message: expect.stringContaining('HTML'),
  })
  expect((await getVisionJob(database, { jobId, userId: 'ann' })).job.imageId).toBeNull()
})

test('an upload that arrived is taken from the bucket; one that never did is a permanent error that says so', async () => {
  const bytes = await fixture('photo-like.jpg')
  const granted = { userId: 'ann', contentType: 'image/jpeg', bytes: bytes.length, now: Date.now() } as const
  const missing = await grantUpload(storage.store, granted)
  await submit(missing.imageUrl)
  await expect(loader()(await claim(), signal)).rejects.toMatchObject({
    code: 'image.upload_missing',
    errorClass: 'permanent',
  })

  const jobId = await submit(await upload(granted, bytes))
  const loaded = await loader()(await claim(), signal)
  expect(Buffer.compare(loaded.bytes, bytes)).toBe(0)
  expect(await hashOf(jobId)).toMatchObject({ type: 'image/jpeg' })
})

test('an upload whose hash was named is that file, or nothing', async () => {
  const [photo, other] = [await fixture('photo-like.jpg'), await fixture('sample.webp')]
  const sha256 = createHash('sha256').update(photo).digest('hex')
  const granted = { userId: 'ann', contentType: 'image/jpeg', bytes: 1_000_000, now: Date.now(), sha256 } as const
  await submit(await upload(granted, other))
  await expect(loader()(await claim(), signal)).rejects.toMatchObject({
    code: 'image.malformed',
    message: 'The upload is not the file whose SHA-256 was given.',
  })
  const jobId = await submit(await upload(granted, photo))
  await loader()(await claim(), signal)
  expect(await hashOf(jobId)).toMatchObject({ sha256, state: 'stored' })
})

/** Sends a file as its grant asks for, and returns the `imageUrl`. */
async function upload(request: UploadRequest, bytes: Buffer): Promise<string> {
  const { url, fields, imageUrl } = await grantUpload(storage.store, request)
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  form.append('file', new Blob([new Uint8Array(bytes)]), 'photo')
  expect((await fetch(String(url), { method: 'POST', body: form })).status).toBe(204)
  return imageUrl
}

test('servers that say nothing hold no room, so that a stored image is not kept waiting', async () => {
  served = await fixture('red.png')
  await submit()
  const first = await claim()
  await loader()(first, signal)
  const stored = await again(first)

  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const bring = createImageLoader({
    database,
    store: storage.store,
    budget: createByteBudget(20_000_000),
    link: (run: Run, imageId) => saveImage(database, run, imageId),
    allowLoopbackHttp: true,
  })
  const leave = new AbortController()
  const tarpits: Promise<unknown>[] = []
  for (let n = 0; n < 5; n++) {
    await submit(`http://127.0.0.1:${port}/`)
    tarpits.push(bring(await claim(), leave.signal).catch((error: unknown) => error))
  }
  expect((await bring(stored, signal)).type).toBe('image/png')
  const reason = new Error('the test is over')
  leave.abort(reason)
  expect(await Promise.all(tarpits)).toEqual(Array(5).fill(reason))
  silent.closeAllConnections()
  silent.close()
})

test('servers that announce 20 MB and send little of it hold no room for the rest, so that another user’s large image comes', async () => {
  const large = png(8, 4, pngChunk('juNk', Buffer.alloc(15_000_000)))
  const dripping = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 20_000_000 })
    // Just fast enough not to be cut off as too slow.
    const drip = setInterval(() => response.write(Buffer.alloc(10_000)), 500)
    response.on('close', () => clearInterval(drip))
    response.write('.')
  })
  await new Promise<void>((resolve) => dripping.listen(0, '127.0.0.1', resolve))
  const { port } = dripping.address() as AddressInfo
  const bring = createImageLoader({
    database,
    store: storage.store,
    budget: createByteBudget(40_000_000, 20_000_000),
    link: (run: Run, imageId) => saveImage(database, run, imageId),
    allowLoopbackHttp: true,
  })
  const leave = new AbortController()
  const drips: Promise<unknown>[] = []
  const connections: Promise<unknown>[] = []
  for (let n = 0; n < 5; n++) {
    await submit(`http://127.0.0.1:${port}/`, 'bob')
    connections.push(once(dripping, 'request'))
    drips.push(bring(await claim(), leave.signal).catch((error: unknown) => error))
    await connections[n]
  }
  served = large
  await submit()
  const loaded = await bring(await claim(), signal)
  expect(loaded.bytes.length).toBe(large.length)
  loaded.release()
  const reason = new Error('the test is over')
  leave.abort(reason)
  for (const outcome of await Promise.all(drips)) expect(outcome).toBeInstanceOf(Error)
  dripping.closeAllConnections()
  dripping.close()
})

test('an image counts against the budget until it is released, also when bringing it failed', async () => {
  served = await fixture('red.png')
  const budget = createByteBudget(20_000_000)
  const bring = createImageLoader({
    database,
    store: storage.store,
    budget,
    link: (run: Run, imageId) => saveImage(database, run, imageId),
    allowLoopbackHttp: true,
  })
  await submit()
  const loaded = await bring(await claim(), signal)
  // What it weighs is held, and no more.
  const rest = budget.open('bob', 20_000_000 - loaded.bytes.length)
  await rest.growTo(20_000_000 - loaded.bytes.length, signal)
  rest.release()
  const all = budget.open('bob', 20_000_000)
  let whole = false
  const waiting = all.growTo(20_000_000, signal).then(() => {
    whole = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(whole).toBe(false)
  loaded.release()
  await waiting
  all.release()

  served = undefined
  await submit()
  await expect(bring(await claim(), signal)).rejects.toMatchObject({ code: 'image.not_found' })
  await budget.open('bob', 20_000_000).growTo(20_000_000, signal)
})
