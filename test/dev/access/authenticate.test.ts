import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthenticator } from '../../../core/platform/auth.ts'
import { withLocalUser } from '../../../dev/access/authenticate.ts'
import { secret, token } from '../../support/api/test-api.ts'

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

test('a token identifies the caller, here too, and an invalid one is refused', async () => {
  expect(await call({ authorization: `Bearer ${await token('ann')}` })).toBe('ann')
  expect(await call({ authorization: `Bearer ${await token('ann')}x` })).toBe('The token is not valid.')
  expect(await call({ authorization: `Bearer ${await token('ann', -60)}` })).toBe('The token has expired.')
  expect(await call({ authorization: '' })).toBe(
    'The header Authorization must be the word Bearer, a space, and a key or a token.',
  )
})

test('a page that pointed its own name at this machine gets nowhere', async () => {
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '10.0.0.1',
    '127.0.0.1.evil.example',
  ]) {
    expect([host, await call({ host })]).toEqual([host, expect.stringContaining(refused)])
  }
})

test('a page of another site or port gets nowhere, and our own does', async () => {
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost:1',
    `https://localhost:${port}`,
    'nonsense',
    'http://192.168.1.5:5173',
  ]) {
    expect([origin, await call({ origin })]).toEqual([origin, expect.stringContaining(refused)])
    if (/localhost/.test(origin)) continue
    // Not even if its browser says that it called its own server: that one has passed on what others sent.
    const proxied = await call({ origin, 'sec-fetch-site': 'same-origin' })
    expect([origin, proxied]).toEqual([origin, expect.stringContaining(refused)])
  }
  for (const site of ['cross-site', 'same-site', 'anything']) {
    expect(await call({ 'sec-fetch-site': site })).toMatch(
      /Send a valid bearer token.*another origin.*development server/,
    )
    const origin = 'http://localhost:5173'
    expect(await call({ origin, 'sec-fetch-site': site })).toContain(refused)
  }
  expect(await call({ origin: `http://localhost:${port}`, 'sec-fetch-site': 'same-origin' })).toBe('local')
  expect(await call({ 'sec-fetch-site': 'none' })).toBe('local')
})

test('a page of this machine may have its development server pass its calls on, whichever name that puts into Host', async () => {
  const page = { origin: 'http://localhost:5173', referer: 'http://localhost:5173/', 'sec-fetch-site': 'same-origin' }
  expect(await call(page)).toBe('local')
  expect(await call({ ...page, host: 'localhost:5173' })).toBe('local')
  // A development server that listens for others hands on their calls too: by GET they name no Origin.
  const { origin: _, ...read } = page
  expect(await call(read)).toBe('local')
  for (const referer of ['http://192.168.1.5:5173/', 'http://evil.example:5173/app', 'nonsense']) {
    expect([referer, await call({ ...read, referer })]).toEqual([referer, expect.stringContaining(refused)])
  }
  expect(await call({ ...read, host: '192.168.1.5:5173' })).toMatch(/Host is not localhost/)
})

test('what a proxy on this machine hands on is not from this machine', async () => {
  for (const header of ['x-forwarded-for', 'forwarded', 'x-forwarded-host', 'x-real-ip', 'via']) {
    expect(await call({ [header]: 'for=198.51.100.7' })).toContain(`was passed on by a proxy (${header})`)
  }
})

test('a call from another machine is unauthenticated', async () => {
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
