import { describe, expect, test, vi } from 'vitest'
import { createPresigner } from '../../core/images/presign.ts'
import { openBucket } from '../../core/images/s3.ts'

const keys = { S3_ACCESS_KEY_ID: 'AKIDEXAMPLE', S3_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const aws = { BUCKET_NAME: 'images-of-ann', AWS_REGION: 'eu-central-1' }
const now = new Date('2026-11-27T08:00:00.250Z')
const life = { signedAt: now, seconds: 1_200 }
const upload = { contentType: 'image/png', maxBytes: 20_000_000, seconds: 600 }

const places = {
  'a bucket of AWS': { ...aws, ...keys },
  'a server with a path': { ...aws, ...keys, S3_ENDPOINT: 'http://127.0.0.1:9000/s3' },
  'a server, a bucket with a dot': {
    ...aws,
    ...keys,
    BUCKET_NAME: 'images.ann',
    S3_ENDPOINT: 'https://s3.example.com',
  },
}

describe.each(Object.entries(places))('%s', (_, config) => {
  test.each(['images/0a1b/ff00', "uploads/a b/ü+'(1)*!~.png"])(
    'is read by the link that the SDK makes: %s',
    async (key) => {
      const link = await createPresigner(config)?.presignRead(key, life)
      expect(link).toBe(await openBucket(config).presignRead(key, life))
    },
  )

  test('is written to by the form that the SDK makes', async () => {
    vi.useFakeTimers({ now, toFake: ['Date'] })
    try {
      const form = await createPresigner(config)?.presignUpload('uploads/0a1b/c', upload)
      expect(form).toEqual(await openBucket(config).presignUpload('uploads/0a1b/c', upload))
    } finally {
      vi.useRealTimers()
    }
  })
})

test('the credentials of a function sign with their session', async () => {
  const config = {
    ...aws,
    AWS_ACCESS_KEY_ID: 'ASIA',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'a/session+token',
  }
  const presigner = createPresigner(config)
  const link = new URL((await presigner?.presignRead('images/a', life)) ?? '')
  expect(link.searchParams.get('X-Amz-Security-Token')).toBe('a/session+token')
  const { fields } = (await presigner?.presignUpload('uploads/a', upload)) ?? {}
  expect(fields).toMatchObject({ 'X-Amz-Security-Token': 'a/session+token' })
})

test.each([
  ['whose credentials the SDK has to find', aws],
  ['with a dot in its name', { ...aws, ...keys, BUCKET_NAME: 'images.ann' }],
  ['in China', { ...aws, ...keys, AWS_REGION: 'cn-north-1' }],
])('a bucket %s is left to the SDK', (_, config) => {
  expect(createPresigner(config)).toBeUndefined()
})
