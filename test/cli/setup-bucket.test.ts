import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type LifecycleRule, PutBucketLifecycleConfigurationCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { setUpBucket } from '../../cli/set-up-bucket.ts'
import { describeBucket } from '../../core/images/bucket.ts'
import { createS3Client } from '../../core/images/s3.ts'
import { startTestStorage, type TestStorage } from '../support/images/storage.ts'
import { runHere, runProcess } from './run-command.ts'

let storage: TestStorage
let client: S3Client
beforeEach(async () => {
  storage = await startTestStorage()
  client = createS3Client(storage.settings)
})
afterEach(async () => {
  client.destroy()
  await storage.stop()
})

const environment = (env: Record<string, string>) => ({ ...storage.settings, UPLOAD_RETENTION_DAYS: '', ...env })
const run = (args: string[], env: Record<string, string> = {}) => runHere(setUpBucket, args, environment(env))
const settings = () => describeBucket(client, storage.settings.BUCKET_NAME)

test('sets the bucket up and says what is in force; --check agrees only then, and only for the same days', async () => {
  const before = await runProcess('setup-bucket.ts', ['--check'], environment({}))
  expect(before.code).toBe(1)
  expect(before.output).toContain('Public access is not blocked')
  expect(before.output).toContain('Run npm run bucket:setup to fix this.')
  expect((await settings()).publicAccess).toBeUndefined()

  const setup = await run([], { UPLOAD_RETENTION_DAYS: '10' })
  expect(setup.code).toBe(0)
  expect(setup.output).toContain('public access: blocked')
  expect(setup.output).toContain('encryption: AES256')
  expect(setup.output).toContain('uploads/: deletes after 10 days')
  expect(setup.output).not.toContain(storage.settings.S3_SECRET_ACCESS_KEY)
  expect((await settings()).rules[0]?.Expiration?.Days).toBe(10)

  expect((await run(['--check'], { UPLOAD_RETENTION_DAYS: '10' })).code).toBe(0)
  const otherDays = await run(['--check'])
  expect(otherDays.code).toBe(1)
  expect(otherDays.output).toContain('after 7 days')
})

test('a rule of others that deletes snapshots is left, named, and makes it end with 1', async () => {
  const rule: LifecycleRule = { ID: 'cleanup', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 90 } }
  const Bucket = storage.settings.BUCKET_NAME
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }))
  const setup = await run([])
  expect(setup.code).toBe(1)
  expect(setup.output).toContain('The rule cleanup deletes images that jobs still need')
  expect((await settings()).rules).toHaveLength(3)
})

test.each([
  ['no bucket', { BUCKET_NAME: '' }, /BUCKET_NAME is missing/],
  ['too few days', { UPLOAD_RETENTION_DAYS: '6' }, /UPLOAD_RETENTION_DAYS must be .*7/],
  ['a bucket that is not there', { BUCKET_NAME: 'no-such-bucket' }, /there is none of that name/],
  ['a wrong secret', { S3_SECRET_ACCESS_KEY: 'hunter2' }, /credentials are wrong/],
  ['nobody at the endpoint', { S3_ENDPOINT: 'http://127.0.0.1:1' }, /ECONNREFUSED/],
])('%s is told without a stack and without the secret', async (_what, env, says) => {
  const refused = await run([], env)
  expect(refused.code).toBe(1)
  expect(refused.output).toMatch(says)
  expect(refused.output).not.toMatch(/hunter2|\n {4}at |emulated/)
})

test('where a permission is missing it names those that are needed', async () => {
  const server = createServer((request, response) => {
    const denied = '<Error><Code>AccessDenied</Code><Message>not authorized to perform that</Message></Error>'
    if (request.method === 'HEAD') response.writeHead(200).end()
    else response.writeHead(403, { 'content-type': 'application/xml' }).end(denied)
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const refused = await run([], { S3_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  expect(refused.code).toBe(1)
  expect(refused.output).toContain('not authorized to perform that')
  expect(refused.output).toContain('s3:GetLifecycleConfiguration')
  expect(refused.output.trim().split('\n')).toHaveLength(1)
})

test.each([['--dry-run'], ['production']])('%s, which it does not know, is refused', async (word) => {
  const refused = await run([word])
  expect(refused.code).toBe(2)
  expect(refused.output).toContain('Usage: npm run bucket:setup')
  expect((await settings()).rules).toEqual([])
})
