import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { expect, test } from 'vitest'
import { Bucket, expectRefusal, key, origin, presign, sendRaw, useS3Emulator } from './harness.ts'

const s3 = useS3Emulator()

const linkTo = (Key: string, options: Parameters<typeof getSignedUrl>[2] = { expiresIn: 600 }) =>
  getSignedUrl(s3.client(), new GetObjectCommand({ Bucket, Key }), options)
const uploadTo = (Key: string) => getSignedUrl(s3.client(), new PutObjectCommand({ Bucket, Key }), { expiresIn: 600 })

test('without a signature nothing is read, written, listed or deleted', async () => {
  await s3.put('a', 'private')
  const url = `${s3.emulator.endpoint}/${Bucket}`
  const files = await s3.files()
  for (const [method, target] of [
    ['GET', `${url}/a`],
    ['PUT', `${url}/a`],
    ['PUT', `${url}/b`],
    ['DELETE', `${url}/a`],
    ['GET', url],
    ['GET', `${url}?list-type=2`],
    ['POST', `${url}?delete`],
    ['POST', `${url}/a?uploads`],
    ['PUT', `${url}?website`],
    ['DELETE', url],
    ['PUT', `${s3.emulator.endpoint}/other`],
    ['GET', `${s3.emulator.endpoint}/`],
  ] as const) {
    const answer = await fetch(target, { method, ...(method !== 'GET' && { body: 'x' }) })
    await expectRefusal(answer, 403, 'AccessDenied', 'Access Denied')
  }
  expect((await fetch(`${url}/a`, { method: 'HEAD' })).status).toBe(403)
  expect(await s3.read('a')).toBe('private')
  expect(await s3.files()).toEqual(files)
})

test('a link shows its object to any origin until it expires', async () => {
  await s3.put('uploads/7/a', 'pixels')
  const link = await linkTo('uploads/7/a')
  const answer = await fetch(link, { headers: { origin } })
  expect(answer.status).toBe(200)
  expect(await answer.text()).toBe('pixels')
  expect(answer.headers.get('content-type')).toBe('text/plain')
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  s3.aheadMs = 601_000
  const expired = await fetch(link, { headers: { origin } })
  expect(expired.headers.get('access-control-allow-origin')).toBe('*')
  await expectRefusal(expired, 403, 'AccessDenied', 'Request has expired')
  s3.aheadMs = -16 * 60_000
  await expectRefusal(await fetch(link), 403, 'AccessDenied', 'Request is not yet valid')
})

test('a link that was changed, or signed by another key, is refused', async () => {
  await s3.put('a', 'pixels')
  await s3.put('b', 'others')
  const link = await linkTo('a')
  for (const changed of [
    link.replace('/a?', '/b?'),
    link.replace('/a?', '/%2e%2e/vision-images/b?'),
    link.replace('X-Amz-Expires=600', 'X-Amz-Expires=6000'),
    link.replace('SignedHeaders=host', 'SignedHeaders=host%3Bx'),
    `${link}&response-content-type=text%2Fhtml`,
    `${link.replace(/Signature=\w{4}/, 'Signature=0000')}`,
    `${link.replace(/&X-Amz-Signature=\w+/, '&X-Amz-Signature=0')}`,
  ]) {
    await expectRefusal(await fetch(changed), 403, 'SignatureDoesNotMatch')
  }
  await expectRefusal(
    await fetch(link.replace(/X-Amz-Date=\d{8}/, 'X-Amz-Date=20200101')),
    400,
    'AuthorizationQueryParametersError',
  )
  await expectRefusal(
    await fetch(link.replace(/X-Amz-Expires=600/, 'X-Amz-Expires=NaN')),
    400,
    'AuthorizationQueryParametersError',
  )
  await expectRefusal(await fetch(link.replace(/&X-Amz-Signature=\w+/, '')), 400, 'AuthorizationQueryParametersError')
  const week = await getSignedUrl(s3.client(), new GetObjectCommand({ Bucket, Key: 'a' }), { expiresIn: 604_800 })
  expect((await fetch(week)).status).toBe(200)

  const signedBy = (credentials: typeof key) =>
    getSignedUrl(s3.client({ credentials }), new GetObjectCommand({ Bucket, Key: 'a' }))
  await expectRefusal(await fetch(await signedBy({ ...key, accessKeyId: 'who' })), 403, 'InvalidAccessKeyId')
  await expectRefusal(await fetch(await signedBy({ ...key, secretAccessKey: 'guess' })), 403, 'SignatureDoesNotMatch')
})

test('a link to read neither writes nor deletes, and one to write does not read', async () => {
  await s3.put('a', 'pixels')
  const link = await linkTo('a')
  for (const method of ['PUT', 'DELETE', 'HEAD', 'POST']) {
    const answer = await fetch(link, { method, ...(method === 'PUT' && { body: 'x' }) })
    expect([method, answer.status]).toEqual([method, 403])
  }
  await expectRefusal(await fetch(await uploadTo('a')), 403, 'SignatureDoesNotMatch')
  expect(await s3.read('a')).toBe('pixels')
  expect((await fetch(await uploadTo('a'), { method: 'PUT', body: 'new' })).status).toBe(200)
  expect(await s3.read('a')).toBe('new')
})

test('the holder of a link cannot add a header that means something to S3', async () => {
  await s3.put('secret', 'private')
  const copy = { 'x-amz-copy-source': `/${Bucket}/secret` }
  const answer = await fetch(await uploadTo('mine'), { method: 'PUT', headers: copy })
  await expectRefusal(answer, 403, 'AccessDenied', '<HeadersNotSigned>x-amz-copy-source</HeadersNotSigned>')
  const meta = await fetch(await uploadTo('mine'), { method: 'PUT', body: 'x', headers: { 'x-amz-meta-owner': '8' } })
  await expectRefusal(meta, 403, 'AccessDenied', 'which were not signed')
  expect(await s3.keys()).toEqual(['secret'])
})

test('a link may set headers of the answer, and of the object it uploads', async () => {
  const command = new PutObjectCommand({ Bucket, Key: 'a', ContentType: 'image/png', Metadata: { owner: '7' } })
  const upload = await getSignedUrl(s3.client(), command, { signableHeaders: new Set(['content-type']) })
  const put = (type: string) => fetch(upload, { method: 'PUT', body: 'x', headers: { 'content-type': type } })
  await expectRefusal(await put('text/html'), 403, 'SignatureDoesNotMatch')
  expect((await put('image/png')).status).toBe(200)
  const stored = await s3.client().send(new HeadObjectCommand({ Bucket, Key: 'a' }))
  expect(stored).toMatchObject({ ContentType: 'image/png', Metadata: { owner: '7' } })
  const ResponseContentDisposition = `attachment; filename="it's (1)*!.png"`
  const link = await getSignedUrl(s3.client(), new GetObjectCommand({ Bucket, Key: 'a', ResponseContentDisposition }))
  expect((await fetch(link)).headers.get('content-disposition')).toBe(ResponseContentDisposition)
})

test('a signed call is refused where its clock is 15 minutes off', async () => {
  await s3.put('a', 'pixels')
  const read = (systemClockOffset: number) =>
    s3.client({ systemClockOffset }).send(new GetObjectCommand({ Bucket, Key: 'a' }))
  expect((await read(14 * 60_000)).ContentLength).toBe(6)
  expect((await read(-14 * 60_000)).ContentLength).toBe(6)
  await expect(read(16 * 60_000)).rejects.toMatchObject({ name: 'RequestTimeTooSkewed' })
  await expect(read(-16 * 60_000)).rejects.toMatchObject({ name: 'RequestTimeTooSkewed' })
})

test('a body that is not the signed one is refused and not stored', async () => {
  const client = s3.client()
  // After the signature has been made.
  client.middlewareStack.add(
    (next) => (args) =>
      next({ ...args, request: Object.assign(args.request as object, { body: Buffer.from('tampered') }) }),
    { step: 'finalizeRequest', priority: 'low' },
  )
  const put = new PutObjectCommand({ Bucket, Key: 'a', Body: Buffer.from('original') })
  await expect(client.send(put)).rejects.toMatchObject({
    name: 'XAmzContentSHA256Mismatch',
    $metadata: { httpStatusCode: 400 },
  })
  expect(await s3.files()).toEqual([])
})

test('an old signature, two at once, a session token and a streamed body are refused in S3’s words', async () => {
  const link = await linkTo('a')
  const url = `${s3.emulator.endpoint}/${Bucket}/a`
  await expectRefusal(
    await fetch(`${url}?AWSAccessKeyId=local-key&Signature=x&Expires=9999999999`),
    400,
    'InvalidRequest',
  )
  await expectRefusal(await fetch(url, { headers: { authorization: 'AWS local-key:x' } }), 400, 'InvalidRequest')
  await expectRefusal(await fetch(url, { headers: { authorization: 'Bearer x' } }), 400, 'AuthorizationHeaderMalformed')
  await expectRefusal(await fetch(link, { headers: { authorization: 'AWS4-HMAC-SHA256 x' } }), 400, 'InvalidArgument')
  const session = s3.client({ credentials: { ...key, sessionToken: 'token' } })
  await expect(session.send(new GetObjectCommand({ Bucket, Key: 'a' }))).rejects.toMatchObject({ name: 'InvalidToken' })
  const streamed = (await uploadTo('a')).replace('UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER')
  await expectRefusal(await fetch(streamed, { method: 'PUT', body: 'x' }), 501, 'NotImplemented')
  expect(await s3.files()).toEqual([])
})

test('weird keys come back as they were', async () => {
  const weird = [
    'größe 日本 🖼.png',
    'a b+c',
    'a%2Fb',
    'a/b',
    'percent%',
    "quote'(1)*!~",
    '?query=1&x#hash',
    'back\\slash',
    '...dots..',
    'folder/',
    'a.partial',
  ]
  for (const Key of weird) await s3.put(Key, Key)
  for (const Key of weird) {
    expect(await s3.read(Key)).toBe(Key)
    expect(await (await fetch(await linkTo(Key))).text()).toBe(Key)
  }
  expect((await s3.keys()).sort()).toEqual([...weird].sort())
  const prefixed = await s3.client().send(new ListObjectsV2Command({ Bucket, Prefix: "quote'(" }))
  expect(prefixed.KeyCount).toBe(1)
  for (const Key of weird) await s3.client().send(new DeleteObjectCommand({ Bucket, Key }))
  expect(await s3.files()).toEqual([])
})

test('keys cannot lead out of the bucket’s folder', async () => {
  const outside = join(s3.folder, 'x')
  await writeFile(outside, 'outside')
  const odd = ['../x', 'a/../../x', '/x', 'a//x', './x', 'x/..', 'x\0']
  for (const Key of odd) await s3.put(Key, Key)
  for (const Key of odd) expect(await s3.read(Key)).toBe(Key)
  expect(await readFile(outside, 'utf8')).toBe('outside')
  for (const Key of odd) await s3.client().send(new DeleteObjectCommand({ Bucket, Key }))
  expect(await s3.files()).toEqual(['x'])
  await expect(s3.put('k'.repeat(1025), 'x')).rejects.toMatchObject({ name: 'KeyTooLongError' })
})

test('a path that is not what was signed is refused before it is looked at', async () => {
  await s3.put('a', 'pixels')
  await s3.put('a#b', 'other')
  const { pathname, search } = new URL(await linkTo('a#b'))
  const open = (target: string) => sendRaw(s3.emulator.endpoint, `GET ${target} HTTP/1.1`)
  expect(await open(`${pathname}${search}`)).toContain('other')
  // A server that reads "#b" as a fragment would open "a" with it.
  expect(await open(`${pathname.replace('%23', '#')}${search}`)).not.toContain('pixels')
  const link = new URL(await linkTo('a'))
  expect(await open(`${link.pathname}${link.search}`)).toContain('pixels')
  for (const target of [
    `/x/..${link.pathname}`,
    `/${Bucket}/x/../a`,
    `/${Bucket}/%2e%2e/${Bucket}/a`,
    `//${Bucket}/a`,
  ]) {
    expect(await open(`${target}${link.search}`)).toMatch(/^HTTP\/1.1 403 /)
  }
  expect(await open(`/${Bucket}/%zz${link.search}`)).toMatch(/^HTTP\/1.1 400 /)
  expect(await open(`http://127.0.0.1/${Bucket}/a${link.search}`)).toMatch(/^HTTP\/1.1 400 /)
  const preflight = `OPTIONS /..%2f..%2fetc/a HTTP/1.1\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: GET`
  expect(await sendRaw(s3.emulator.endpoint, preflight)).toContain('<Code>NoSuchBucket</Code>')
})

test('a signed form upload still needs its policy', async () => {
  const link = presign('POST', `${s3.emulator.endpoint}/${Bucket}`, new Date())
  const form = new FormData()
  form.append('key', 'any')
  form.append('file', new Blob(['x']))
  await expectRefusal(await fetch(link, { method: 'POST', body: form }), 403, 'AccessDenied')
  expect(await s3.keys()).toEqual([])
})

test.each(['GET', 'PUT'])('a preflight for %s is answered for any origin', async (method) => {
  const link = method === 'GET' ? await linkTo('a') : await uploadTo('a')
  const answer = await fetch(link, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'content-type' },
  })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(answer.headers.get('access-control-allow-methods')).toContain(method)
  expect(answer.headers.get('access-control-allow-headers')).toContain('content-type')
})
