import {
  type LifecycleRule,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
  type TransitionDefaultMinimumObjectSize,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bucketFaults, configureBucket, describeBucket } from '../../core/images/bucket.ts'
import { createS3Client } from '../../core/images/s3.ts'
import { startTestStorage, type TestStorage } from '../support/images/storage.ts'

let storage: TestStorage
let client: S3Client
let bucket: string
beforeEach(async () => {
  storage = await startTestStorage()
  client = createS3Client(storage.settings)
  bucket = storage.settings.BUCKET_NAME
})
afterEach(async () => {
  client.destroy()
  await storage.stop()
})

const week = { uploadDays: 7 }
const archive: LifecycleRule = {
  ID: 'archive reports & logs',
  Status: 'Enabled',
  Filter: { And: { Prefix: 'reports/', Tags: [{ Key: 'kind', Value: '<log>' }] } },
  Transitions: [{ Days: 30, StorageClass: 'GLACIER' }],
}

const putRules = (rules: LifecycleRule[], minimum?: TransitionDefaultMinimumObjectSize) =>
  client.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket: bucket,
      LifecycleConfiguration: { Rules: rules },
      TransitionDefaultMinimumObjectSize: minimum,
    }),
  )

test('a bucket without settings is told as one, with every fault', async () => {
  const settings = await describeBucket(client, bucket)
  expect(settings).toEqual({
    publicAccess: undefined,
    encryption: undefined,
    rules: [],
    transitionMinimum: undefined,
  })
  expect(bucketFaults(settings, week).ours).toHaveLength(4)
})

test('what is set is in force: nothing public, encryption, and two rules that are for uploads alone', async () => {
  await configureBucket(client, bucket, week)
  const settings = await describeBucket(client, bucket)
  expect(settings.publicAccess).toEqual({
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  })
  expect(settings.encryption).toEqual({
    ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' },
    BucketKeyEnabled: true,
  })
  expect(settings.rules).toEqual([
    expect.objectContaining({ Filter: { Prefix: 'uploads/' }, Status: 'Enabled', Expiration: { Days: 7 } }),
    expect.objectContaining({
      Filter: { Prefix: 'uploads/' },
      Status: 'Enabled',
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
    }),
  ])
  expect(bucketFaults(settings, week)).toEqual({ ours: [], others: [] })
})

test('doing it again changes nothing, and other days take the place of the former', async () => {
  await configureBucket(client, bucket, week)
  const first = await describeBucket(client, bucket)
  await configureBucket(client, bucket, week)
  expect(await describeBucket(client, bucket)).toEqual(first)
  await configureBucket(client, bucket, { uploadDays: 30 })
  const { rules } = await describeBucket(client, bucket)
  expect(rules.map(({ Expiration }) => Expiration?.Days)).toEqual([30, undefined])
})

test('rules of others stay as they are, with what applies to them as a whole', async () => {
  await putRules([archive], 'varies_by_storage_class')
  await configureBucket(client, bucket, week)
  await configureBucket(client, bucket, week)
  const settings = await describeBucket(client, bucket)
  expect(settings.rules).toHaveLength(3)
  expect(settings.rules[0]).toEqual(archive)
  expect(settings.transitionMinimum).toBe('varies_by_storage_class')
  expect(bucketFaults(settings, week)).toEqual({ ours: [], others: [] })
})

test('a rule of others in the older form stays, in the form that goes together with ours', async () => {
  await putRules([{ ID: 'old', Status: 'Enabled', Prefix: 'reports/', Expiration: { Days: 90 } }])
  await configureBucket(client, bucket, week)
  const { rules } = await describeBucket(client, bucket)
  expect(rules).toHaveLength(3)
  expect(rules[0]).toEqual({
    ID: 'old',
    Status: 'Enabled',
    Filter: { Prefix: 'reports/' },
    Expiration: { Days: 90 },
  })
})

test('encryption with a key of the operator’s own stays', async () => {
  const own = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'alias/ours' } } as const
  const configuration = { Rules: [own] }
  await client.send(
    new PutBucketEncryptionCommand({ Bucket: bucket, ServerSideEncryptionConfiguration: configuration }),
  )
  await configureBucket(client, bucket, week)
  const settings = await describeBucket(client, bucket)
  expect(settings.encryption).toEqual(own)
  expect(bucketFaults(settings, week).ours).toEqual([])
})

test('which kinds of encryption are blocked stays', async () => {
  const BlockedEncryptionTypes = { EncryptionType: ['SSE-C'] } as const
  const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } } as const
  await client.send(
    new PutBucketEncryptionCommand({
      Bucket: bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ...rule, BlockedEncryptionTypes: { EncryptionType: [...BlockedEncryptionTypes.EncryptionType] } }],
      },
    }),
  )
  await configureBucket(client, bucket, week)
  const { encryption } = await describeBucket(client, bucket)
  expect(encryption).toEqual({ ...rule, BucketKeyEnabled: true, BlockedEncryptionTypes })
})

test.each<[string, LifecycleRule]>([
  ['every key', { Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 365 } }],
  ['snapshots', { Status: 'Enabled', Filter: { Prefix: 'images/' }, Expiration: { Days: 365 } }],
  ['some snapshots', { Status: 'Enabled', Filter: { Prefix: 'images/a' }, Expiration: { Days: 365 } }],
  ['uploads too early', { Status: 'Enabled', Filter: { Prefix: 'uploads/' }, Expiration: { Days: 6 } }],
])('a rule of others that deletes %s is kept and named as a fault', async (_what, rule) => {
  await putRules([{ ...rule, ID: 'cleanup' }])
  await configureBucket(client, bucket, week)
  const settings = await describeBucket(client, bucket)
  expect(settings.rules).toHaveLength(3)
  expect(bucketFaults(settings, week)).toEqual({ ours: [], others: [expect.stringContaining('cleanup')] })
})

test.each<[string, LifecycleRule]>([
  ['is off', { Status: 'Disabled', Filter: { Prefix: '' }, Expiration: { Days: 1 } }],
  ['is for other keys', { Status: 'Enabled', Filter: { Prefix: 'reports/' }, Expiration: { Days: 1 } }],
  [
    'is for tagged objects',
    { Status: 'Enabled', Filter: { Tag: { Key: 'temporary', Value: '1' } }, Expiration: { Days: 1 } },
  ],
])('a rule of others that %s is no fault', async (_what, rule) => {
  await putRules([{ ...rule, ID: 'cleanup' }])
  await configureBucket(client, bucket, week)
  expect(bucketFaults(await describeBucket(client, bucket), week)).toEqual({ ours: [], others: [] })
})

test('each way in which a setting was changed is a fault', async () => {
  await configureBucket(client, bucket, week)
  expect(bucketFaults(await describeBucket(client, bucket), { uploadDays: 8 }).ours).toEqual([
    expect.stringContaining('8 days'),
  ])
  const { rules } = await describeBucket(client, bucket)
  await putRules(rules.map((rule) => ({ ...rule, Status: 'Disabled' })))
  expect(bucketFaults(await describeBucket(client, bucket), week).ours).toHaveLength(2)
  await putRules(rules.map((rule) => ({ ...rule, Filter: { Prefix: 'other/' } })))
  expect(bucketFaults(await describeBucket(client, bucket), week).ours).toHaveLength(2)
  await configureBucket(client, bucket, week)
  await client.send(
    new PutPublicAccessBlockCommand({
      Bucket: bucket,
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true },
    }),
  )
  expect(bucketFaults(await describeBucket(client, bucket), week).ours).toEqual([
    'Public access is not blocked: RestrictPublicBuckets must be on.',
  ])
})

test('what the server refuses is thrown as it is', async () => {
  await expect(configureBucket(client, 'no-such-bucket', week)).rejects.toMatchObject({ name: 'NoSuchBucket' })
})
