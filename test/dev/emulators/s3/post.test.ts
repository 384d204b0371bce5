import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { createPresignedPost, type PresignedPostOptions } from '@aws-sdk/s3-presigned-post'
import { expect, test } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import { Bucket, expectRefusal, hmac, key, origin, signingKey, useS3Emulator } from './harness.ts'

const s3 = useS3Emulator()

const Key = 'uploads/7/photo'
const type = 'image/png'
const maxBytes = 20_000_000
type Fields = Record<string, string>

/** The form that an upload of a user gets. */
const grant = (options: Partial<PresignedPostOptions> = {}, client = s3.client()) =>
  createPresignedPost(client, {
    Bucket,
    Key,
    Conditions: [
      ['eq', '$Content-Type', type],
      ['content-length-range', 1, maxBytes],
    ],
    Fields: { 'Content-Type': type },
    Expires: 600,
    ...options,
  })

/** Posts a form as a page on another origin does. */
const post = (
  fields: Fields,
  file: Blob | string | undefined = 'pixels',
  url = `${s3.emulator.endpoint}/${Bucket}`,
) => {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  if (file !== undefined) form.append('file', new Blob([file], { type: 'text/html' }), 'C:\\photos\\my photo.png')
  return fetch(url, { method: 'POST', body: form, headers: { origin }, redirect: 'manual' })
}

/** Signs a policy as AWS documents it for Signature Version 4: HMAC-SHA256 of the base64 text under the derived key. */
function sign(policy: unknown, fields: Fields, secret = key.secretAccessKey): Fields {
  const text = typeof policy === 'string' ? policy : Buffer.from(JSON.stringify(policy)).toString('base64')
  const scope = (fields['X-Amz-Credential'] ?? '').replace(/^[^/]*\//, '')
  const signature = hmac(signingKey(scope, secret), text).toString('hex')
  return { ...fields, Policy: text, 'X-Amz-Signature': signature }
}

const policyOf = (fields: Fields): { expiration: string; conditions: unknown[] } =>
  JSON.parse(Buffer.from(fields.Policy ?? '', 'base64').toString())

/** Changes what the policy demands, and signs it again. */
const regrant = async (change: (conditions: unknown[]) => unknown[], extra: Fields = {}) => {
  const { fields } = await grant()
  const policy = policyOf(fields)
  return sign({ ...policy, conditions: change(policy.conditions) }, { ...fields, ...extra })
}

const nothingIsStored = async () => expect(await s3.files()).toEqual([])

test('a form that meets its policy stores exactly the bytes of its file, under its key and type', async () => {
  const bytes = Buffer.concat([Buffer.from('\r\n--boundary\r\n\0'), randomBytes(300_000), Buffer.from('\r\n')])
  const { url, fields } = await grant()
  const answer = await post(fields, new Blob([bytes]), url)
  expect(answer.status).toBe(204)
  expect(await answer.text()).toBe('')
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(answer.headers.get('location')).toBe(`${s3.emulator.endpoint}/${Bucket}/${Key}`)

  const stored = await s3.client().send(new GetObjectCommand({ Bucket, Key }))
  expect(stored).toMatchObject({ ContentType: type, ContentLength: bytes.length, ETag: answer.headers.get('etag') })
  expect(Buffer.from((await stored.Body?.transformToByteArray()) ?? []).equals(bytes)).toBe(true)
  expect(await s3.keys()).toEqual([Key])
})

test.each(['success_action_status', 'success_action_redirect'])(
  'a form that asks for another answer by %s is not served, though its policy allows it',
  async (field) => {
    const { fields } = await grant({ Fields: { 'Content-Type': type, [field]: '201' } })
    await expectRefusal(await post(fields), 501, 'NotImplemented')
    await nothingIsStored()
  },
)

test('a file of 20 MB passes, one byte more does not, and leaves what was there before', async () => {
  const { fields } = await grant()
  const largest = randomBytes(maxBytes)
  expect((await post(fields, new Blob([largest]))).status).toBe(204)
  const refusal = `<MaxSizeAllowed>${maxBytes}</MaxSizeAllowed>`
  await expectRefusal(await post(fields, new Blob([largest, 'x'])), 400, 'EntityTooLarge', refusal)
  expect(await s3.client().send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({ ContentLength: maxBytes })
  expect((await s3.files()).filter((name) => name.includes('partial'))).toEqual([])
})

test('an empty file is too small', async () => {
  await expectRefusal(
    await post((await grant()).fields, ''),
    400,
    'EntityTooSmall',
    '<MinSizeAllowed>1</MinSizeAllowed>',
  )
  await nothingIsStored()
})

const boundary = '------------------------d74496d66958873e'

/** Begins an upload by hand, up to the bytes of its file, on a connection that is then the test's. */
function beginUpload(fields: Fields, header: string, encode = (text: string) => text) {
  const { port, host } = new URL(s3.emulator.endpoint)
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
  const upload = {
    socket,
    answer: '',
    closed: new Promise((resolve) => socket.on('close', resolve)),
    send: (text: string) => new Promise((resolve) => socket.write(encode(text), resolve)),
  }
  socket.on('data', (piece) => {
    upload.answer += piece
  })
  const type = `multipart/form-data; boundary=${boundary}`
  socket.write(`POST /${Bucket} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${type}\r\n${header}\r\n\r\n`)
  const part = (name: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name=${name}\r\n\r\n${value}`
  const parts = Object.entries(fields).map(([name, value]) => part(`"${name}"`, `${value}\r\n`))
  void upload.send([...parts, part('"file"; filename="a"', '')].join(''))
  return upload
}

const chunked = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

test.each([
  ['without a length', 'Transfer-Encoding: chunked', chunked],
  ['that claims to be far larger', 'Content-Length: 9000000000', undefined],
])('an upload %s is read up to the limit and no further', async (_name, header, encode) => {
  const { fields } = await grant({ Conditions: [['content-length-range', 1, 100_000], { 'Content-Type': type }] })
  const upload = beginUpload(fields, header, encode)
  // A client that never ends by itself.
  while (!upload.socket.destroyed) await upload.send('x'.repeat(60_000))
  await upload.closed
  expect(upload.answer).toMatch(/^HTTP\/1.1 400 /)
  expect(upload.answer).toContain('<Code>EntityTooLarge</Code>')
  await nothingIsStored()
})

test.each([
  ['in its file', 'pixels'],
  ['after its file', `pixels\r\n--${boundary}`],
])('an upload whose client goes away %s stores nothing', async (_name, text) => {
  const upload = beginUpload((await grant()).fields, 'Transfer-Encoding: chunked', chunked)
  await upload.send(text)
  upload.socket.destroy()
  await upload.closed
  await nothingIsStored()
  expect(await s3.keys()).toEqual([])
})

test('a second file that comes late spoils the form', async () => {
  const upload = beginUpload((await grant()).fields, 'Transfer-Encoding: chunked', chunked)
  await upload.send(`pixels\r\n--${boundary}\r\n`)
  expect(await s3.keys()).toEqual([])
  await upload.send(`Content-Disposition: form-data; name="file"; filename="b"\r\n\r\nmore\r\n--${boundary}--\r\n`)
  upload.socket.write('0\r\n\r\n')
  await eventually(() => expect(upload.answer).toContain('exactly one file upload'))
  await nothingIsStored()
  upload.socket.destroy()
})

test('the connection of a large upload that was refused serves the next request', async () => {
  const upload = beginUpload({ key: Key }, 'Transfer-Encoding: chunked', chunked)
  for (let at = 0; at < 50; at++) await upload.send('x'.repeat(100_000))
  await upload.send(`\r\n--${boundary}--\r\n`)
  upload.socket.write(`0\r\n\r\nGET /${Bucket}/next HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await eventually(() => expect(upload.answer.match(/HTTP\/1.1 403 /g)).toHaveLength(2))
  upload.socket.destroy()
})

test('an upload that is cut off stores nothing', async () => {
  const { fields } = await grant()
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  form.append('file', new Blob(['pixels']), 'a')
  const whole = new Response(form)
  const headers = { 'content-type': whole.headers.get('content-type') ?? '' }
  const body = Buffer.from(await whole.arrayBuffer())
  const send = (part: Buffer) => fetch(`${s3.emulator.endpoint}/${Bucket}`, { method: 'POST', headers, body: part })
  for (const part of [body.subarray(0, -8), body.subarray(0, body.indexOf('pixels') + 3), body.subarray(0, 200)]) {
    await expectRefusal(await send(part), 400, 'MalformedPOSTRequest')
  }
  await nothingIsStored()
  expect((await send(body)).status).toBe(204)
})

test('a form without a policy, or without a signature, is refused', async () => {
  const { Policy, ...unsigned } = (await grant()).fields
  await expectRefusal(await post(unsigned), 403, 'AccessDenied', '<Message>Access Denied</Message>')
  await expectRefusal(await post({ key: Key }), 403, 'AccessDenied')
  const { 'X-Amz-Signature': _, ...rest } = (await grant()).fields
  await expectRefusal(await post(rest), 400, 'InvalidArgument', "a field named 'X-Amz-Signature'")
  await expectRefusal(await post({ ...rest, AWSAccessKeyId: 'local-key', signature: 'x' }), 400, 'InvalidRequest')
  await nothingIsStored()
})

test('a form holds for its ten minutes', async () => {
  const { fields } = await grant()
  s3.aheadMs = 595_000
  expect((await post(fields)).status).toBe(204)
  s3.aheadMs = 601_000
  await expectRefusal(await post(fields), 403, 'AccessDenied', 'Invalid according to Policy: Policy expired.')
})

test('a form signed with another secret, for another day or by an unknown key is refused', async () => {
  const { fields } = await grant()
  await expectRefusal(await post(sign(fields.Policy, fields, 'guess')), 403, 'SignatureDoesNotMatch')
  await expectRefusal(await post({ ...fields, 'X-Amz-Signature': 'short' }), 403, 'SignatureDoesNotMatch')
  const unknown = s3.client({ credentials: { accessKeyId: 'who', secretAccessKey: key.secretAccessKey } })
  await expectRefusal(await post((await grant({}, unknown)).fields), 403, 'InvalidAccessKeyId')
  const credential = fields['X-Amz-Credential'] ?? ''
  for (const other of [credential.replace(/\d{8}/, '20200101'), credential.replace('/s3/', '/sqs/'), key.accessKeyId]) {
    await expectRefusal(
      await post(sign(fields.Policy, { ...fields, 'X-Amz-Credential': other })),
      400,
      'InvalidArgument',
    )
  }
  await nothingIsStored()
})

test('a policy that was changed after it was signed is refused', async () => {
  const { fields } = await grant()
  const policy = policyOf(fields)
  const later = { ...policy, expiration: new Date(Date.now() + 86_400_000).toISOString() }
  const freer = {
    ...policy,
    conditions: policy.conditions.filter((condition) => !JSON.stringify(condition).includes('range')),
  }
  for (const changed of [later, freer]) {
    const Policy = Buffer.from(JSON.stringify(changed)).toString('base64')
    await expectRefusal(await post({ ...fields, Policy }), 403, 'SignatureDoesNotMatch')
  }
  await nothingIsStored()
})

test('a policy that cannot be read is refused, though signed', async () => {
  const { fields } = await grant()
  const { expiration, conditions } = policyOf(fields)
  await expectRefusal(await post(sign('bm90IGpzb24=', fields)), 400, 'InvalidPolicyDocument', 'Invalid JSON')
  for (const policy of [
    { conditions },
    { expiration: 'tomorrow', conditions },
    { expiration },
    { expiration, conditions: [...conditions, ['ends-with', '$key', 'o']] },
    { expiration, conditions: [...conditions, ['content-length-range', 1]] },
  ]) {
    await expectRefusal(await post(sign(policy, fields)), 400, 'InvalidPolicyDocument')
  }
  await nothingIsStored()
})

test('another type, key or bucket than the policy’s, and a field that it does not speak of, are refused', async () => {
  const { fields } = await grant()
  const invalid = (condition: string) => `Invalid according to Policy: ${condition}`
  const failed = (name: string, value: string) => invalid(`Policy Condition failed: ["eq", "$${name}", "${value}"]`)
  const { 'Content-Type': _, ...untyped } = fields
  for (const [changed, why] of [
    [{ ...fields, 'Content-Type': 'text/html' }, failed('Content-Type', type)],
    [{ ...fields, 'Content-Type': 'image/png; charset=utf-8' }, failed('Content-Type', type)],
    [untyped, failed('Content-Type', type)],
    [{ ...fields, key: 'uploads/8/photo' }, failed('key', Key)],
    [{ ...fields, bucket: 'other-bucket' }, failed('bucket', Bucket)],
    [{ ...fields, 'X-Amz-Date': (fields['X-Amz-Date'] ?? '').replace(/\d{6}Z/, '000000Z') }, failed('X-Amz-Date', '')],
    [{ ...fields, acl: 'public-read' }, invalid('Extra input fields: acl')],
    [{ ...fields, 'x-amz-meta-owner': '8' }, invalid('Extra input fields: x-amz-meta-owner')],
    [{ ...fields, success_action_status: '201' }, invalid('Extra input fields: success_action_status')],
  ] as const) {
    await expectRefusal(await post(changed), 403, 'AccessDenied', why.replace('""]', ''))
  }
  const other = await grant({ Bucket: 'other-bucket' })
  await expectRefusal(await post(other.fields), 403, 'AccessDenied', failed('bucket', 'other-bucket'))
  await expectRefusal(await post(other.fields, 'pixels', other.url), 404, 'NoSuchBucket')
  const noBucket = await regrant((conditions) => conditions.filter((one) => !JSON.stringify(one).includes('"bucket"')))
  await expectRefusal(await post(noBucket), 403, 'AccessDenied', invalid('Extra input fields: bucket'))
  const { bucket, ...nameless } = noBucket
  await expectRefusal(await post(nameless), 403, 'AccessDenied', invalid('Extra input fields: bucket'))
  await nothingIsStored()
  expect((await post({ ...fields, 'x-ignore-note': 'no condition needed' })).status).toBe(204)
})

// biome-ignore lint/suspicious/noTemplateCurlyInString: S3's own variable
const fileName = 'uploads/7/${filename}'

test('a policy may leave the rest of a value open with starts-with', async () => {
  const open = (extra: Fields) =>
    regrant(
      (conditions) => [
        ...conditions.filter((one) => !/"key"|Content-Type/.test(JSON.stringify(one))),
        ['starts-with', '$key', 'uploads/7/'],
        ['starts-with', '$content-type', 'image/'],
        ['starts-with', '$x-amz-meta-note', ''],
      ],
      { 'x-amz-meta-note': 'any', ...extra },
    )
  expect((await post(await open({ key: fileName, 'Content-Type': 'image/webp' }))).status).toBe(204)
  expect(await s3.keys()).toEqual(['uploads/7/my photo.png'])
  const stored = await s3.client().send(new HeadObjectCommand({ Bucket, Key: 'uploads/7/my photo.png' }))
  expect(stored).toMatchObject({ ContentType: 'image/webp', Metadata: { note: 'any' } })
  await expectRefusal(await post(await open({ key: 'uploads/8/x' })), 403, 'AccessDenied', '["starts-with", "$key"')
  await expectRefusal(await post(await open({ 'Content-Type': 'image/png,text/html' })), 403, 'AccessDenied')
})

test('the narrower of two size ranges counts', async () => {
  const fields = await regrant((conditions) => [...conditions, ['content-length-range', 0, 3]])
  await expectRefusal(await post(fields, 'four'), 400, 'EntityTooLarge', '<MaxSizeAllowed>3</MaxSizeAllowed>')
  await expectRefusal(await post(fields, ''), 400, 'EntityTooSmall')
  expect((await post(fields, 'abc')).status).toBe(204)
})

test('a form has one file, after its fields; what follows the file does not count', async () => {
  const { fields } = await grant()
  const url = `${s3.emulator.endpoint}/${Bucket}`
  const send = (entries: [string, string | Blob][]) => {
    const form = new FormData()
    for (const [name, value] of entries) form.append(name, value)
    return fetch(url, { method: 'POST', body: form })
  }
  const file: [string, Blob] = ['file', new Blob(['pixels'])]
  const { key: _, ...keyless } = fields
  await expectRefusal(await send(Object.entries(fields)), 400, 'InvalidArgument', 'exactly one file upload')
  await expectRefusal(await send([...Object.entries(fields), file, file]), 400, 'InvalidArgument', 'exactly one file')
  await expectRefusal(await send([...Object.entries(fields), ['other', new Blob(['x'])], file]), 400, 'InvalidArgument')
  await expectRefusal(await send([file, ...Object.entries(fields)]), 403, 'AccessDenied')
  await expectRefusal(await send([...Object.entries(keyless), file, ['key', Key]]), 403, 'AccessDenied', '$key')
  await expectRefusal(await send([['key', 'mine'], ...Object.entries(fields), file]), 400, 'MalformedPOSTRequest')
  await nothingIsStored()
  expect((await send([...Object.entries(fields), file, ['acl', 'public-read']])).status).toBe(204)
  expect(await s3.read(Key)).toBe('pixels')
})

test('what is no form, or a form with too large fields, is refused', async () => {
  const { fields } = await grant()
  const url = `${s3.emulator.endpoint}/${Bucket}`
  await expectRefusal(
    await fetch(url, { method: 'POST', body: new URLSearchParams(fields) }),
    412,
    'PreconditionFailed',
  )
  for (const type of ['multipart/form-data', 'multipart/form-data; boundary=b']) {
    const answer = await fetch(url, { method: 'POST', body: 'not a form', headers: { 'content-type': type } })
    await expectRefusal(answer, 400, 'MalformedPOSTRequest')
  }
  const large = 'MaxPostPreDataLengthExceededError'
  await expectRefusal(await post({ ...fields, 'x-ignore-a': 'x'.repeat(21_000) }), 400, large)
  const many = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`x-ignore-${at}`, 'x'.repeat(900)]))
  await expectRefusal(await post({ ...fields, ...many }), 400, large)
  await nothingIsStored()
})

test('a key in a form cannot lead out of the bucket’s folder', async () => {
  for (const outside of ['../outside', 'a/../../outside', '/etc/outside', 'a//b', './a']) {
    expect((await post((await grant({ Key: outside })).fields)).status).toBe(204)
    expect(await s3.keys()).toContain(outside)
  }
  expect(await readdir(s3.folder)).toEqual([Bucket])
  await expectRefusal(await post((await grant({ Key: 'k'.repeat(1025) })).fields), 400, 'KeyTooLongError')
})

test('a browser may post from any origin, and may read why it was refused', async () => {
  const preflight = await fetch(`${s3.emulator.endpoint}/${Bucket}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
  })
  expect(preflight.status).toBe(200)
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
  expect(preflight.headers.get('access-control-allow-methods')).toContain('POST')
  expect(preflight.headers.get('access-control-allow-headers')).toContain('content-type')
  const refused = await post({ key: Key })
  expect(refused.status).toBe(403)
  expect(refused.headers.get('access-control-allow-origin')).toBe('*')
})
