import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthenticator } from '../../core/auth.ts'
import { withLocalUser } from '../../local/authenticate.ts'
import { secret, token } from '../support/api.ts'

const authenticate = withLocalUser(createAuthenticator({ AUTH_SECRET: secret }))
// As the API does it: the request and what the adapter knows of its connection.
const app = new Hono().get('/', async (call) => {
  const actor = await authenticate(call.req.raw, call.env).catch((error) => ({ userId: error.message }))
  return call.text(actor.userId)
})
const server = createAdaptorServer({ fetch: app.fetch })
let port: number
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.close()
})

const refused = 'Send a valid bearer token.'

/** Calls over a real connection; fetch would not let us say just anything in Host, Origin or Sec-Fetch-Site. */
function call(headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, headers: { host: `localhost:${port}`, ...headers } },
      async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve(text)
      },
    )
    request.on('error', reject)
    request.end()
  })
}

test('a call without a token from this machine is the local user’s', async () => {
  expect(await call()).toBe('local')
  expect(await call({ host: `127.0.0.1:${port}` })).toBe('local')
  expect(await call({ host: '127.1.2.3' })).toBe('local')
  expect(await call({ host: `[::1]:${port}` })).toBe('local')
})

test('a token says who calls, here too, and a bad one is refused', async () => {
  expect(await call({ authorization: `Bearer ${await token('ann')}` })).toBe('ann')
  expect(await call({ authorization: `Bearer ${await token('ann')}x` })).toBe('The token is not valid.')
  expect(await call({ authorization: `Bearer ${await token('ann', -60)}` })).toBe('The token has expired.')
  expect(await call({ authorization: '' })).toBe('The token is not valid.')
})

test('a page that pointed its own name at this machine gets nowhere', async () => {
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '10.0.0.1',
    '127.0.0.1.evil.example',
  ]) {
    expect([host, await call({ host })]).toEqual([host, refused])
  }
})

test('a page of another site or port gets nowhere, and our own does', async () => {
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost:1',
    `https://localhost:${port}`,
    'nonsense',
  ]) {
    expect([origin, await call({ origin })]).toEqual([origin, refused])
  }
  for (const site of ['cross-site', 'same-site']) {
    expect([site, await call({ 'sec-fetch-site': site })]).toEqual([site, refused])
  }
  expect(await call({ origin: `http://localhost:${port}`, 'sec-fetch-site': 'same-origin' })).toBe('local')
  expect(await call({ 'sec-fetch-site': 'none' })).toBe('local')
})

test('what a proxy on this machine hands on is not from this machine', async () => {
  expect(await call({ 'x-forwarded-for': '198.51.100.7' })).toBe(refused)
  expect(await call({ forwarded: 'for=198.51.100.7' })).toBe(refused)
})

test('a call from another machine is nobody’s', async () => {
  const request = new Request('http://localhost:3000/', { headers: { host: 'localhost:3000' } })
  const from = (remoteAddress?: string) => authenticate(request, { incoming: { socket: { remoteAddress } } })
  for (const peer of ['192.0.2.1', '10.127.0.1', '127.0.0.1.example', '::ffff:192.0.2.1', 'fe80::1', '', undefined]) {
    await expect(from(peer)).rejects.toMatchObject({ code: 'request.unauthenticated' })
  }
  for (const peer of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
    expect(await from(peer)).toMatchObject({ userId: 'local' })
  }
})

test('without a connection there is no local user', async () => {
  const request = new Request('http://localhost:3000/', { headers: { host: 'localhost:3000' } })
  await expect(authenticate(request, {})).rejects.toMatchObject({ code: 'request.unauthenticated' })
})
