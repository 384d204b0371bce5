import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { StartError } from '../../../dev/errors/start-error.ts'
import { checkBucket } from '../../../dev/parts/check-bucket.ts'
import { startTestStorage, type TestStorage } from '../../support/images/storage.ts'

let storage: TestStorage
beforeAll(async () => {
  storage = await startTestStorage()
})
afterAll(() => storage.stop())

test('a bucket that is there and ours passes', async () => {
  await checkBucket(storage.settings)
})

test.each([
  ['another name', { BUCKET_NAME: 'no-such-bucket' }, /no-such-bucket .*none of that name/],
  ['a wrong secret', { S3_SECRET_ACCESS_KEY: 'hunter2' }, /credentials are wrong/],
  ['nobody at the endpoint', { S3_ENDPOINT: 'http://ann:hunter2@127.0.0.1:1' }, /127\.0\.0\.1:1 .*ECONNREFUSED/],
])('%s is told with the setting to look at, and without the secret', async (_what, change, says) => {
  const refusal = await checkBucket({ ...storage.settings, ...change }).catch((error) => error)
  expect(refusal).toBeInstanceOf(StartError)
  expect(refusal.message).toMatch(says)
  expect(refusal.message).toContain('BUCKET_NAME')
  expect(refusal.message).not.toContain('hunter2')
})

test('a bucket of another region is told as one', async () => {
  const elsewhere = createServer((_request, response) => response.writeHead(301).end()).listen(0, '127.0.0.1')
  onTestFinished(() => void elsewhere.close())
  await new Promise((resolve) => elsewhere.once('listening', resolve))
  const endpoint = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
  await expect(checkBucket({ ...storage.settings, S3_ENDPOINT: endpoint })).rejects.toThrow('AWS_REGION')
})
