import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type S3Emulator, startS3Emulator } from '../../../../dev/emulators/s3/server.ts'
import { Bucket, key, presign } from './harness.ts'

let folder: string
let emulator: S3Emulator
const clients: S3Client[] = []

const start = () => startS3Emulator({ folder, bucket: Bucket, ...key })
const client = (credentials = key) => {
  const made = new S3Client({
    endpoint: emulator.endpoint,
    region: 'us-east-1',
    credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    maxAttempts: 1,
  })
  clients.push(made)
  return made
}

const presignPut = (name: string, at: Date) => presign('PUT', `${emulator.endpoint}/${Bucket}/${name}`, at)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-emulator-'))
  emulator = await start()
})
afterEach(async () => {
  for (const made of clients.splice(0)) made.destroy()
  await emulator.stop()
  await rm(folder, { recursive: true })
})

test('an object is put, read, headed, listed and deleted', async () => {
  const s3 = client()
  const Key = 'images/7/größe 1.png'
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from('pixels'), ContentType: 'image/png' }))
  const read = await s3.send(new GetObjectCommand({ Bucket, Key }))
  expect(await read.Body?.transformToString()).toBe('pixels')
  expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({
    ContentLength: 6,
    ContentType: 'image/png',
  })
  const list = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'images/' }))
  expect(list.Contents?.map((object) => object.Key)).toEqual([Key])
  await s3.send(new DeleteObjectCommand({ Bucket, Key }))
  await expect(s3.send(new GetObjectCommand({ Bucket, Key }))).rejects.toMatchObject({ name: 'NoSuchKey' })
  expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0)
})

test('a wrong secret, an unknown key and no key at all are refused', async () => {
  const put = (credentials: typeof key) =>
    client(credentials).send(new PutObjectCommand({ Bucket, Key: 'a', Body: Buffer.from('b') }))
  await expect(put({ ...key, secretAccessKey: 'guess' })).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
  await expect(put({ ...key, accessKeyId: 'who' })).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  await expect(put({ accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' })).rejects.toMatchObject({
    name: 'InvalidAccessKeyId',
  })
  const unsigned = await fetch(`${emulator.endpoint}/${Bucket}/a`, { method: 'PUT', body: 'b' })
  expect(unsigned.status).toBe(403)
  expect(await unsigned.text()).toContain('<Code>AccessDenied</Code>')
  expect((await fetch(`${emulator.endpoint}/${Bucket}/a?X-Amz-Signature=1`)).status).toBe(403)
  await expect(client().send(new GetObjectCommand({ Bucket, Key: 'a' }))).rejects.toMatchObject({ name: 'NoSuchKey' })
})

test('a presigned upload works from any origin until it expires', async () => {
  const upload = (url: string, body = 'pixels') =>
    fetch(url, { method: 'PUT', body, headers: { origin: 'http://localhost:3000' } })
  const good = await upload(presignPut('a.png', new Date()))
  expect(good.status).toBe(200)
  expect(good.headers.get('access-control-allow-origin')).toBeTruthy()
  expect((await upload(presignPut('a.png', new Date(Date.now() - 61_000)))).status).toBe(403)
  expect((await upload(presignPut('a.png', new Date()).replace('a.png', 'b.png'))).status).toBe(403)
  const preflight = await fetch(presignPut('a.png', new Date()), {
    method: 'OPTIONS',
    headers: {
      origin: 'http://localhost:3000',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'content-type',
    },
  })
  expect(preflight.status).toBe(200)
  expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT')
})

test('a restart serves what was stored before', async () => {
  await client().send(new PutObjectCommand({ Bucket, Key: 'kept', Body: Buffer.from('still here') }))
  await emulator.stop()
  emulator = await start()
  const read = await client().send(new GetObjectCommand({ Bucket, Key: 'kept' }))
  expect(await read.Body?.transformToString()).toBe('still here')
})

const unfinished = async () =>
  (await readdir(join(folder, Bucket, 'objects'))).filter((name) => name.endsWith('.partial'))

/** Sends the first 4 of 100 bytes of an upload; resolves when they are sent. */
async function uploadHalf(name: string) {
  const { port, pathname, search } = new URL(presignPut(name, new Date()))
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
  const head = `PUT ${pathname}${search} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 100\r\n\r\n`
  const closed = new Promise((resolve) => socket.resume().on('close', resolve))
  await new Promise<unknown>((resolve) => socket.write(`${head}half`, resolve))
  return { socket, closed }
}

test('an upload that broke off leaves the object as it was', async () => {
  const s3 = client()
  await s3.send(new PutObjectCommand({ Bucket, Key: 'kept/whole', Body: Buffer.from('whole') }))
  const { socket, closed } = await uploadHalf('half')
  socket.destroy()
  await closed
  expect(await unfinished()).toEqual([])
  expect((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key)).toEqual(['kept/whole'])
  await expect(s3.send(new GetObjectCommand({ Bucket, Key: 'half' }))).rejects.toMatchObject({ name: 'NoSuchKey' })
})

test('stops within a second while clients keep connections open, one in the middle of an upload', async () => {
  const s3 = client()
  await Promise.all([1, 2, 3].map(() => s3.send(new HeadBucketCommand({ Bucket }))))
  const { closed } = await uploadHalf('half')
  const started = performance.now()
  await emulator.stop()
  expect(performance.now() - started).toBeLessThan(1000)
  await closed
  await expect(fetch(emulator.endpoint)).rejects.toThrow()
  emulator = await start()
})

test('a list comes in pages, in the order of the keys', async () => {
  const s3 = client()
  // Their files are in another order, that of the keys' hashes.
  const keys = ['a-1', 'a/1', 'a/2', 'a1', 'b & c', 'ä']
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from('b') }))
  const listed = []
  let token: string | undefined
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2, ContinuationToken: token }))
    expect(page.KeyCount).toBe(2)
    listed.push(...(page.Contents?.map(({ Key }) => Key) ?? []))
    token = page.NextContinuationToken
  } while (token)
  expect(listed).toEqual(keys)
  const rest = await s3.send(new ListObjectsV2Command({ Bucket, StartAfter: 'a/2', Prefix: 'a' }))
  expect(rest.Contents?.map(({ Key }) => Key)).toEqual(['a1'])
  expect(rest).toMatchObject({ IsTruncated: false, KeyCount: 1 })
  const badToken = new ListObjectsV2Command({ Bucket, ContinuationToken: '!' })
  await expect(s3.send(badToken)).rejects.toMatchObject({ name: 'InvalidArgument' })
})

test('a start after a kill serves what was whole and removes what was not', async () => {
  await client().send(new PutObjectCommand({ Bucket, Key: 'empty', Body: Buffer.alloc(0) }))
  await emulator.stop()
  await writeFile(join(folder, Bucket, 'objects', 'abc.partial'), 'half')
  emulator = await start()
  const read = await client().send(new GetObjectCommand({ Bucket, Key: 'empty' }))
  expect(await read.Body?.transformToString()).toBe('')
  expect(read.ContentLength).toBe(0)
  expect(await unfinished()).toEqual([])
})

test('what it does not do is refused and changes nothing', async () => {
  const s3 = client()
  await s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: Buffer.from('pixels') }))
  const refused = { name: 'NotImplemented' }
  await expect(s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }))).rejects.toMatchObject(
    refused,
  )
  await expect(s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'b' }))).rejects.toMatchObject(refused)
  const part = { Bucket, Key: 'a', PartNumber: 1, UploadId: '../../..', Body: Buffer.from('x') }
  await expect(s3.send(new UploadPartCommand(part))).rejects.toMatchObject(refused)
  const batch = new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a' }] } })
  await expect(s3.send(batch)).rejects.toMatchObject(refused)
  await expect(s3.send(new ListObjectsCommand({ Bucket }))).rejects.toMatchObject(refused)
  await expect(s3.send(new ListObjectsV2Command({ Bucket, Delimiter: '/' }))).rejects.toMatchObject(refused)
  const onlyNew = new PutObjectCommand({ Bucket, Key: 'a', Body: Buffer.from('x'), IfNoneMatch: '*' })
  await expect(s3.send(onlyNew)).rejects.toMatchObject(refused)
  await expect(s3.send(new GetObjectCommand({ Bucket: 'other', Key: 'a' }))).rejects.toMatchObject({
    name: 'NoSuchBucket',
  })
  expect((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key)).toEqual(['a'])
  expect(await (await s3.send(new GetObjectCommand({ Bucket, Key: 'a' }))).Body?.transformToString()).toBe('pixels')
})

test('two in a process keep their secrets apart', async () => {
  const other = await startS3Emulator({
    folder: join(folder, 'other'),
    bucket: Bucket,
    ...key,
    secretAccessKey: 'other',
  })
  try {
    await client().send(new HeadBucketCommand({ Bucket }))
    const wrong = client({ ...key, secretAccessKey: 'other' })
    await expect(wrong.send(new ListObjectsV2Command({ Bucket }))).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
    })
  } finally {
    await other.stop()
  }
})

test('a taken port is told', async () => {
  const port = Number(new URL(emulator.endpoint).port)
  const other = { folder, bucket: Bucket, accessKeyId: 'other-key', secretAccessKey: 'other' }
  await expect(startS3Emulator({ ...other, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect((await client().send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0)
})
