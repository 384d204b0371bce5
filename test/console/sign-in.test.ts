import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { beginSignIn, endGrant, finishSignIn, type Grant, renewGrant } from '../../console/src/sign-in/oidc.ts'
import { createAuthenticator } from '../../core/platform/auth.ts'
import { startIssuer, type TestIssuer } from './support/issuer.ts'

let issuer: TestIssuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer.stop())

const origin = 'https://console.example'
let kept: Map<string, string>
beforeEach(() => {
  kept = new Map()
  Object.assign(issuer.mood, { isLate: false, nonce: undefined })
})

const around = (url = issuer.url) => ({
  issuer: { issuer: url, clientId: 'the-console', scopes: 'openid offline_access', audience: 'https://api.example' },
  storage: {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  },
  origin,
  now: () => 1_000_000,
})

/** Where the issuer's page sends those who follow its link of this name. */
async function follow(page: URL, name: string): Promise<URL> {
  const html = await (await fetch(page)).text()
  const [, href = ''] = new RegExp(`href="([^"]+)">${name}<`).exec(html) ?? []
  return new URL(href.replaceAll('&amp;', '&'))
}

async function signIn(place = '/console/jobs?status=failed'): Promise<URL> {
  return follow(await beginSignIn(around(), place), 'Sign in as ann')
}

const refusalOf = async (address: URL) => {
  const { outcome } = await finishSignIn(around(), address)
  return outcome instanceof Error ? outcome.message : `${outcome.token} was taken`
}

test('who signs in at the issuer comes back to where they were, with a token that the API takes', async () => {
  const address = await signIn()
  expect(address.pathname).toBe('/console/signed-in')
  const { place, outcome } = await finishSignIn(around(), address)
  expect(place).toBe('/console/jobs?status=failed')
  // A minute before the token ends.
  expect(outcome).toMatchObject({ renewAt: 1_000_000 + 3_540_000, refreshToken: expect.any(String) })
  const authenticate = createAuthenticator(issuer.settings)
  const headers = { authorization: `Bearer ${(outcome as Grant).token}` }
  expect(await authenticate(new Request('https://api.example', { headers }), undefined)).toMatchObject({
    userId: 'ann',
  })
  expect([...kept.keys()]).toEqual([])
})

test('an answer counts once, for the tab that asked, and for the sign-in that it is an answer to', async () => {
  const address = await signIn()
  const stranger = new URL(address)
  stranger.searchParams.set('state', 'another')
  expect(await refusalOf(stranger)).toContain('no sign-in that was begun in this tab')
  expect(await refusalOf(address)).toContain('no sign-in that was begun in this tab')
  // The code of another sign-in, which a forged link may bring.
  const theirs = await signIn()
  const ours = await signIn()
  ours.searchParams.set('code', theirs.searchParams.get('code') ?? '')
  expect(await refusalOf(ours)).toContain('takes this sign-in no more')
  issuer.mood.nonce = 'of another sign-in'
  expect(await refusalOf(await signIn())).toMatch(/cannot be relied on.*nonce/)
  issuer.mood.nonce = undefined
  const elsewhere = await signIn()
  elsewhere.searchParams.set('iss', 'https://evil.example')
  expect(await refusalOf(elsewhere)).toMatch(/cannot be relied on.*iss/)
})

test('whoever cancels is told so, with what the issuer says', async () => {
  const address = await follow(await beginSignIn(around(), '/console/'), 'Cancel')
  expect(await refusalOf(address)).toBe(
    `${new URL(issuer.url).host} did not let you in: the sign-in was cancelled there, or you may not use the console. It says: “Ann changed her mind”`,
  )
  const odd = await signIn()
  odd.searchParams.set('error', 'x'.repeat(2_000))
  expect((await refusalOf(odd)).length).toBeLessThan(400)
})

test('an issuer that cannot be reached, or is none, is told in a sentence', async () => {
  await expect(beginSignIn(around('http://127.0.0.1:9'), '/console/')).rejects.toThrow(
    '127.0.0.1:9 could not be reached',
  )
  await expect(beginSignIn(around(`${issuer.url}/other`), '/console/')).rejects.toThrow('cannot be relied on')
})

test('the place to come back to is one of the console', async () => {
  for (const place of [
    'https://evil.example/console/',
    '//evil.example/console/',
    '/console/../v1/jobs',
    '/console/signed-in',
    'javascript:alert(1)',
  ]) {
    expect((await finishSignIn(around(), await signIn(place))).place, place).toBe('/console/')
  }
})

test('a token is renewed for as long as the issuer lets it be, and not after signing out', async () => {
  const { outcome } = await finishSignIn(around(), await signIn())
  const first = outcome as Grant
  const second = await renewGrant(around(), String(first.refreshToken))
  expect(second).toMatchObject({ renewAt: 1_000_000 + 3_540_000, refreshToken: expect.any(String) })
  // It was replaced.
  expect(await renewGrant(around(), String(first.refreshToken))).toBeNull()
  const end = await endGrant(around(), second as Grant)
  expect(end?.href).toBe(
    `${issuer.url}/end?client_id=the-console&post_logout_redirect_uri=${encodeURIComponent(`${origin}/console/`)}`,
  )
  expect(await renewGrant(around(), String(second?.refreshToken))).toBeNull()
})
