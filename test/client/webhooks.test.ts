import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { verifyWebhook } from '../../client/src/webhooks.ts'
import { examplePayloads } from '../../core/api/webhooks/examples.ts'
import { signedHeaders } from '../../core/webhooks/secrets.ts'

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`
const [secret, other] = [secretOf(1), secretOf(2)]
const now = () => 1_800_000_000_000
const message = { id: 'msg_1_a', timestamp: 1_800_000_000, body: JSON.stringify(examplePayloads['job.completed']) }
const headers = signedHeaders(message, [secret])
const refused = { code: 'client.invalid_webhook' }

test('what the service or a library of others signs is verified, as text or bytes, by headers of either kind', async () => {
  for (const body of [message.body, new TextEncoder().encode(message.body)]) {
    for (const sent of [headers, new Headers(headers), { 'Webhook-Id': [message.id], ...headers }]) {
      expect(await verifyWebhook(body, sent, { secret, now })).toEqual(examplePayloads['job.completed'])
    }
  }
  const signature = new Webhook(secret).sign(message.id, new Date(now()), message.body)
  const sent = { ...headers, 'webhook-signature': signature }
  expect((await verifyWebhook(message.body, sent, { secret, now })).type).toBe('job.completed')
})

test('while a secret is rotated either side may be ahead', async () => {
  const both = signedHeaders(message, [other, secret])
  expect(both['webhook-signature']?.split(' ')).toHaveLength(2)
  await verifyWebhook(message.body, both, { secret, now })
  await verifyWebhook(message.body, both, { secret: other, now })
  await verifyWebhook(message.body, headers, { secret: [other, secret], now })
})

test('anything else is refused: another secret, a changed body, id or time, a missing header, an old one, an odd signature', async () => {
  const verify = (changes: Record<string, string>, body = message.body, options: object = {}) =>
    verifyWebhook(body, { ...headers, ...changes }, { secret, now, ...options })
  await expect(verify({}, message.body, { secret: other })).rejects.toMatchObject(refused)
  await expect(verify({}, `${message.body} `)).rejects.toMatchObject(refused)
  await expect(verify({ 'webhook-id': 'msg_2' })).rejects.toMatchObject(refused)
  await expect(verify({ 'webhook-timestamp': '1800000001' })).rejects.toMatchObject(refused)
  await expect(verify({ 'webhook-timestamp': 'now' })).rejects.toMatchObject(refused)
  await expect(verify({ 'webhook-signature': '' })).rejects.toMatchObject(refused)
  await expect(verify({ 'webhook-signature': 'v1,%%% v2,abc' })).rejects.toMatchObject(refused)
  for (const seconds of [-301, 301]) {
    await expect(verify({}, message.body, { now: () => now() + seconds * 1000 })).rejects.toMatchObject(refused)
  }
  await expect(verify({}, message.body, { now: () => now() + 299_000 })).resolves.toBeDefined()
  await expect(verify({}, message.body, { secret: 'whsec_' })).rejects.toMatchObject(refused)
})
