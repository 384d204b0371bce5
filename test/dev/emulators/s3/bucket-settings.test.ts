import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import {
  GetBucketLifecycleConfigurationCommand,
  GetPublicAccessBlockCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterEach, expect, test, vi } from 'vitest'
import { configureBucket, describeBucket } from '../../../../core/images/bucket.ts'
import { openObjects } from '../../../../dev/emulators/s3/objects.ts'
import { eventually } from '../../../support/eventually.ts'
import { Bucket, expectRefusal, useS3Emulator } from './harness.ts'

const s3 = useS3Emulator()
const dayMs = 86_400_000

afterEach(() => void vi.useRealTimers())

const configure = (uploadDays = 7) => configureBucket(s3.client(), Bucket, { uploadDays })
const putRules = (...Rules: LifecycleRule[]) =>
  s3.client().send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }))

/** Stops the emulator and starts it at another time. */
async function restartAhead(ms: number): Promise<void> {
  s3.aheadMs = ms
  await s3.emulator.stop()
  s3.emulator = await s3.start()
}

const objectsFolder = () => join(s3.folder, Bucket, 'objects')

/** Opens the folder itself, as requests are signed for a time that is not the emulator's. */
const stored = async () => (await (await openObjects(objectsFolder())).list('')).map(({ key }) => key)

test('settings outlive a restart and are no objects', async () => {
  await configure(9)
  const before = await describeBucket(s3.client(), Bucket)
  await restartAhead(0)
  expect(await describeBucket(s3.client(), Bucket)).toEqual(before)
  expect(before.rules[0]?.Expiration?.Days).toBe(9)
  expect(await s3.keys()).toEqual([])
})

test('the answers are XML in S3’s namespace', async () => {
  await configure()
  const url = await getSignedUrl(s3.client(), new GetPublicAccessBlockCommand({ Bucket }))
  const answer = await fetch(url)
  expect(answer.headers.get('content-type')).toBe('application/xml')
  expect(await answer.text()).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<PublicAccessBlockConfiguration xmlns="http:\/\/s3.amazonaws.com\/doc\/2006-03-01\/"><BlockPublicAcls>true</,
  )
})

test.each(['publicAccessBlock', 'encryption', 'lifecycle'])(
  '%s is neither read nor changed without a signature',
  async (setting) => {
    await configure()
    const before = await describeBucket(s3.client(), Bucket)
    const url = `${s3.emulator.endpoint}/${Bucket}?${setting}`
    await expectRefusal(await fetch(url), 403, 'AccessDenied')
    await expectRefusal(await fetch(url, { method: 'PUT', body: '<A></A>' }), 403, 'AccessDenied')
    expect(await describeBucket(s3.client(), Bucket)).toEqual(before)
  },
)

test('a body that is not the one signed changes nothing', async () => {
  const client = s3.client()
  client.middlewareStack.add(
    (next) => (given) => {
      const request = given.request as { body: string }
      request.body = request.body.replace('true', 'nope')
      return next(given)
    },
    { step: 'deserialize', priority: 'low' },
  )
  const open = { PublicAccessBlockConfiguration: { BlockPublicAcls: true } }
  await expect(client.send(new PutPublicAccessBlockCommand({ Bucket, ...open }))).rejects.toMatchObject({
    name: 'XAmzContentSHA256Mismatch',
  })
  expect((await describeBucket(s3.client(), Bucket)).publicAccess).toBeUndefined()
})

const rule: LifecycleRule = { ID: 'one', Status: 'Enabled', Filter: { Prefix: 'a/' }, Expiration: { Days: 1 } }
test.each<[string, LifecycleRule[], string]>([
  ['no rules', [], 'MalformedXML'],
  ['no whole days', [{ ...rule, Expiration: { Days: 0 } }], 'MalformedXML'],
  ['an unknown status', [{ ...rule, Status: 'On' as 'Enabled' }], 'MalformedXML'],
  ['two rules of one id', [rule, rule], 'InvalidArgument'],
  ['a rule without an action', [{ ID: 'idle', Status: 'Enabled', Filter: { Prefix: '' } }], 'InvalidRequest'],
  [
    'rules of both forms',
    [rule, { ID: 'old', Status: 'Enabled', Prefix: '', Expiration: { Days: 1 } }],
    'InvalidRequest',
  ],
])('a configuration with %s is refused', async (_what, rules, name) => {
  await expect(putRules(...rules)).rejects.toMatchObject({ name })
  await expect(s3.client().send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).rejects.toMatchObject({
    name: 'NoSuchLifecycleConfiguration',
  })
})

test.each([7, 12])(
  'after %i days and the midnight that follows, uploads are gone and snapshots are not',
  async (count) => {
    await configure(count)
    await s3.put('uploads/ann/1', 'unused')
    await s3.put('images/ann/2', 'a snapshot')
    await s3.put('uploads-of-others', 'not under the prefix')
    await restartAhead(count * dayMs - 60_000)
    expect(await stored()).toContain('uploads/ann/1')
    await restartAhead((count + 1) * dayMs)
    expect(await stored()).toEqual(['images/ann/2', 'uploads-of-others'])
  },
)

test('an object is kept until midnight of UTC, as S3 keeps it', async () => {
  await configure()
  await s3.put('uploads/1', 'unused')
  const noon = Math.floor(Date.now() / dayMs) * dayMs - dayMs / 2
  const [file = ''] = await readdir(objectsFolder())
  await utimes(join(objectsFolder(), file), noon / 1000, noon / 1000)
  const midnight = noon + 7.5 * dayMs
  await restartAhead(midnight - 60_000 - Date.now())
  expect(await stored()).toEqual(['uploads/1'])
  await restartAhead(midnight + 60_000 - Date.now())
  expect(await stored()).toEqual([])
})

test('a rule that is off, or chooses by more than a prefix, deletes nothing', async () => {
  await putRules(
    { ID: 'off', Status: 'Disabled', Filter: { Prefix: '' }, Expiration: { Days: 1 } },
    { ID: 'tag', Status: 'Enabled', Filter: { Tag: { Key: 'a', Value: 'b' } }, Expiration: { Days: 1 } },
    { ID: 'large', Status: 'Enabled', Filter: { ObjectSizeGreaterThan: 1000 }, Expiration: { Days: 1 } },
  )
  await s3.put('uploads/1', 'kept')
  await restartAhead(9 * dayMs)
  expect(await stored()).toEqual(['uploads/1'])
})

test('what expires while the emulator runs is deleted within the hour', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  await restartAhead(0)
  await configure()
  await s3.put('uploads/1', 'unused')
  s3.aheadMs = 9 * dayMs
  vi.advanceTimersByTime(3_599_000)
  expect(await stored()).toEqual(['uploads/1'])
  vi.advanceTimersByTime(1_000)
  await eventually(async () => expect(await stored()).toEqual([]))
})
