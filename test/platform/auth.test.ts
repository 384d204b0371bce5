import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type AuthConfig, createAuthenticator, signToken } from '../../core/platform/auth.ts'
import { loadApiConfig } from '../../core/platform/config/api.ts'
import { ConfigError } from '../../core/platform/config/load.ts'
import { maxVerified, rememberVerified, verifiedMs } from '../../core/platform/verified-tokens.ts'

const now = Date.UTC(2026, 10, 23, 12)
const seconds = now / 1000
const secret = 'a secret of the tests, 32 bytes or more'
const issuer = 'https://issuer.example/'
const audience = 'vision-pipeline'

interface Keys {
  privateKey: CryptoKey
  publicKey: CryptoKey
}
let rsa: Keys
let ec: Keys
let stranger: Keys
let jwks: { keys: object[] }
let jwksServer: Server
let jwksUrl: string
let broken = false
let fetched = 0

beforeAll(async () => {
  ;[rsa, ec, stranger] = await Promise.all([
    generateKeyPair('RS256'),
    generateKeyPair('ES256'),
    generateKeyPair('RS256'),
  ])
  jwks = {
    keys: [
      { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256', use: 'sig' },
      { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig' },
    ],
  }
  jwksServer = createServer((_request, response) => {
    fetched++
    if (broken) response.writeHead(500).end('no')
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(jwks))
  })
  await new Promise<void>((resolve) => jwksServer.listen(0, '127.0.0.1', resolve))
  jwksUrl = `http://127.0.0.1:${(jwksServer.address() as AddressInfo).port}/jwks.json`
})
afterAll(() => jwksServer.close())
afterEach(() => {
  broken = false
  vi.restoreAllMocks()
})

const withKeys = (): AuthConfig => ({ AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience })
const check = (config: AuthConfig, header?: string) => {
  const request = new Request('http://api.example/', header === undefined ? {} : { headers: { authorization: header } })
  return createAuthenticator(config, () => now)(request, {})
}
const good: JWTPayload = { sub: 'auth0|ann', iss: issuer, aud: audience, exp: seconds + 60 }
const sign = (claims: object, { alg = 'RS256', kid = 'rsa', key = rsa.privateKey as CryptoKey | Uint8Array } = {}) =>
  new SignJWT(claims as JWTPayload).setProtectedHeader({ alg, kid }).sign(key)
const unauthenticated = (message: string) => ({ code: 'request.unauthenticated', message })
const invalid = unauthenticated('The token is not valid.')

test('a token signed by one of the issuer’s keys identifies the caller and its scopes', async () => {
  const token = await sign({ ...good, scope: 'operator  read' })
  expect(await check(withKeys(), `Bearer ${token}`)).toEqual({
    userId: 'auth0|ann',
    scopes: new Set(['read', 'write', 'operator']),
  })
  const other = await sign({ ...good, aud: ['another', audience] }, { alg: 'ES256', kid: 'ec', key: ec.privateKey })
  expect(await check(withKeys(), `bearer  ${other}`)).toMatchObject({
    userId: 'auth0|ann',
    scopes: new Set(['read', 'write']),
  })
})

test.each<[string, object, string]>([
  ['another issuer', { ...good, iss: 'https://issuer.example' }, ': iss check_failed'],
  ['another audience', { ...good, aud: 'another' }, ': aud check_failed'],
  ['no audience', { ...good, aud: undefined }, ': aud missing'],
  ['no subject', { ...good, sub: undefined }, ': sub missing'],
  ['an empty subject', { ...good, sub: '' }, 'sub is not'],
  ['a subject that is too long', { ...good, sub: 'x'.repeat(256) }, 'sub is not'],
  ['a subject that is no ASCII', { ...good, sub: 'änn' }, 'sub is not'],
  ['a subject that its column would take for another', { ...good, sub: 'ann ' }, 'sub is not'],
  ['no end', { ...good, exp: undefined }, ': exp missing'],
  ['a beginning that is to come', { ...good, nbf: seconds + 60 }, ': nbf check_failed'],
])('a token with %s is not valid, and the operator sees why', async (_, claims, reason) => {
  const token = await sign(claims)
  const detail = expect.stringContaining(reason)
  await expect(check(withKeys(), `Bearer ${token}`)).rejects.toMatchObject({ ...invalid, detail })
})

test('the operator sees why what came is no token of ours, and nothing of what came', async () => {
  const keys = withKeys()
  const hidden = 'purple'
  const own = { ...good, sub: hidden }
  const strange = new SignJWT(own).setProtectedHeader({ alg: 'RS256', kid: 'rsa', crit: [hidden], [hidden]: 1 })
  const reasons: readonly [AuthConfig, string, string][] = [
    [keys, `Basic ${hidden}`, 'the Authorization header is not the word Bearer and a token'],
    [keys, `Bearer ${hidden}`, 'the token is no JWT'],
    [keys, `Bearer ${await sign(own, { key: stranger.privateKey })}`, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
    [keys, `Bearer ${await sign(own, { kid: hidden })}`, 'ERR_JWKS_NO_MATCHING_KEY'],
    [keys, `Bearer ${await strange.sign(rsa.privateKey, { crit: { [hidden]: true } })}`, 'ERR_JOSE_NOT_SUPPORTED'],
    [
      keys,
      `Bearer ${await signToken(secret, { userId: hidden, scopes: [], lifeSeconds: 60, now })}`,
      'signed with HS256, and there is no AUTH_SECRET',
    ],
    [{ AUTH_SECRET: secret }, `Bearer ${await sign(own)}`, 'not signed with HS256, and there is no AUTH_JWKS_URL'],
  ]
  for (const [config, header, reason] of reasons) {
    const error = await check(config, header).catch((caught) => caught)
    expect(error).toMatchObject({ code: 'request.unauthenticated', detail: reason })
    if (header.startsWith('Bearer')) expect(error).toMatchObject(invalid)
    expect(`${error.message} ${error.detail} ${error.cause}`).not.toContain(hidden)
  }
  await expect(check(keys)).rejects.toMatchObject({ detail: 'no Authorization header' })
})

test('a token that has expired is told so, after a little tolerance for clocks', async () => {
  const old = await sign({ ...good, exp: seconds - 11 })
  await expect(check(withKeys(), `Bearer ${old}`)).rejects.toMatchObject(unauthenticated('The token has expired.'))
  const close = await sign({ ...good, exp: seconds - 5 })
  expect(await check(withKeys(), `Bearer ${close}`)).toMatchObject({ userId: 'auth0|ann' })
})

test('a token is not valid without a signature that a key of ours made', async () => {
  const unsigned = new UnsecuredJWT(good as JWTPayload).encode()
  const text = new TextEncoder()
  const publicPem = text.encode(await exportSPKI(rsa.publicKey))
  const publicJwk = text.encode(JSON.stringify(jwks.keys[0]))
  const tokens = [
    unsigned,
    // Whoever reads the public key must not be able to sign with it as if it were a shared secret.
    await sign(good, { alg: 'HS256', key: publicPem }),
    await sign(good, { alg: 'HS256', key: publicJwk }),
    await sign(good, { key: stranger.privateKey }),
    await sign(good, { kid: 'unknown' }),
    await sign(good, { alg: 'ES256', kid: 'rsa', key: ec.privateKey }),
    `${(await sign(good)).slice(0, -6)}AAAAAA`,
  ]
  for (const token of tokens) {
    await expect(check(withKeys(), `Bearer ${token}`)).rejects.toMatchObject(invalid)
    await expect(check({ ...withKeys(), AUTH_SECRET: secret }, `Bearer ${token}`)).rejects.toMatchObject(invalid)
  }
  const changed = (await sign(good)).split('.')
  changed[1] = Buffer.from(JSON.stringify({ ...good, sub: 'eve' })).toString('base64url')
  await expect(check(withKeys(), `Bearer ${changed.join('.')}`)).rejects.toMatchObject(invalid)
})

test('what is no bearer token is not valid, and nothing at all is asked for one', async () => {
  const before = fetched
  const form = 'The header Authorization must be the word Bearer, a space, and a key or a token.'
  for (const header of ['Basic YW5uOnB3', 'vpk_abc', 'Bearer', 'Bearer a b', 'Bearer ü', '']) {
    await expect(check(withKeys(), header)).rejects.toMatchObject(unauthenticated(form))
  }
  for (const header of ['Bearer abc', 'Bearer a.b.c']) {
    await expect(check(withKeys(), header)).rejects.toMatchObject(invalid)
  }
  await expect(check(withKeys())).rejects.toMatchObject(unauthenticated('Send a valid bearer token.'))
  // None of that was worth a look at the issuer's keys.
  expect(fetched).toBe(before)
})

test('keys that cannot be fetched are not the caller’s fault', async () => {
  const token = await sign(good)
  broken = true
  await expect(check(withKeys(), `Bearer ${token}`)).rejects.toMatchObject({ code: 'auth.unavailable' })
  const nobody = { ...withKeys(), AUTH_JWKS_URL: 'http://127.0.0.1:1/jwks.json' }
  const error = await check(nobody, `Bearer ${token}`).catch((caught) => caught)
  expect(error).toMatchObject({ code: 'auth.unavailable' })
  expect(`${error.message} ${error.detail}`).not.toContain(token)
})

test('the keys are fetched once for many calls', async () => {
  const authenticate = createAuthenticator(withKeys(), () => now)
  const call = async (token: string) =>
    authenticate(new Request('http://api.example/', { headers: { authorization: `Bearer ${token}` } }), {})
  const before = fetched
  await call(await sign(good))
  await call(await sign(good))
  expect(fetched).toBe(before + 1)
})

test('a token is verified once in half a minute, and is never good for longer than it says', async () => {
  let at = now
  const authenticate = createAuthenticator({ AUTH_SECRET: secret }, () => at)
  const call = (token: string) =>
    authenticate(new Request('http://api.example/', { headers: { authorization: `Bearer ${token}` } }), {})
  const verified = vi.spyOn(crypto.subtle, 'verify')
  const token = await signToken(secret, { userId: 'ann', scopes: [], lifeSeconds: 40, now })
  expect(await call(token)).toBe(await call(token))
  expect(verified).toHaveBeenCalledTimes(1)
  at += verifiedMs - 1
  await call(token)
  expect(verified).toHaveBeenCalledTimes(1)
  at += 1
  await call(token)
  expect(verified).toHaveBeenCalledTimes(2)
  // Ten seconds are the tolerance for clocks.
  at = now + 49_999
  await call(token)
  at = now + 50_000
  await expect(call(token)).rejects.toMatchObject(unauthenticated('The token has expired.'))
  // A clock that was set back makes nothing of it longer.
  at = now - 1
  const before = verified.mock.calls.length
  await call(token)
  expect(verified).toHaveBeenCalledTimes(before + 1)
  const later = await sign({ ...good, nbf: seconds + 20 }, { alg: 'HS256', key: new TextEncoder().encode(secret) })
  at = now + 10_000
  await call(later)
  at = now + 9_999
  await expect(call(later)).rejects.toMatchObject(invalid)
})

test('however many tokens come, so many are remembered, and no refused one', async () => {
  const verify = vi.fn(async (token: string) => {
    if (token === 'bad') throw new Error('refused')
    return { found: token, from: 0, until: Number.POSITIVE_INFINITY }
  })
  const actorWith = rememberVerified(verify, () => now)
  for (let number = 0; number <= maxVerified; number++) await actorWith(String(number))
  verify.mockClear()
  await actorWith(String(maxVerified))
  await actorWith('1')
  expect(verify).not.toHaveBeenCalled()
  await actorWith('0')
  expect(verify).toHaveBeenCalledTimes(1)
  for (const _ of [1, 2]) await expect(actorWith('bad')).rejects.toThrow('refused')
  expect(verify).toHaveBeenCalledTimes(3)
})

test('a shared secret works, and the one before it until it is taken away', async () => {
  const claims = { userId: 'ann', scopes: ['operator'], lifeSeconds: 60, now }
  const token = `Bearer ${await signToken(secret, claims)}`
  const actor = { userId: 'ann', scopes: new Set(['read', 'write', 'operator']) }
  expect(await check({ AUTH_SECRET: secret }, token)).toEqual(actor)
  const next = 'the next secret of the tests, just as long'
  expect(await check({ AUTH_SECRET: next, AUTH_SECRET_PREVIOUS: secret }, token)).toEqual(actor)
  const other = { code: 'request.unauthenticated', message: expect.stringMatching(/another secret.*DATA_DIR/) }
  await expect(check({ AUTH_SECRET: next }, token)).rejects.toMatchObject(other)
  // Beside the keys of an issuer it is as good, with the same issuer and audience.
  await expect(check({ ...withKeys(), AUTH_SECRET: secret }, token)).rejects.toMatchObject(invalid)
  const full = `Bearer ${await signToken(secret, { ...claims, issuer, audience })}`
  expect(await check({ ...withKeys(), AUTH_SECRET: secret }, full)).toEqual(actor)
  // Without the issuer's keys, what they sign is nothing.
  await expect(check({ AUTH_SECRET: secret }, `Bearer ${await sign(good)}`)).rejects.toMatchObject(invalid)
  const expired = `Bearer ${await signToken(next, { ...claims, now: now - 120_000 })}`
  const both = { AUTH_SECRET: secret, AUTH_SECRET_PREVIOUS: next }
  await expect(check(both, expired)).rejects.toMatchObject(unauthenticated('The token has expired.'))
})

test('a token that names no secret of ours, or the right one and is forged, is just not valid', async () => {
  const claims = { sub: 'ann', exp: seconds + 60 }
  const text = new TextEncoder()
  const keyed = (kid: string | undefined, key: string) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256', ...(kid && { kid }) }).sign(text.encode(key))
  const [header = ''] = (await signToken(secret, { userId: 'ann', scopes: [], lifeSeconds: 60, now })).split('.')
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
  for (const name of [undefined, 'k1', kid]) {
    expect(await check({ AUTH_SECRET: secret }, `Bearer ${await keyed(name, secret)}`)).toMatchObject({ userId: 'ann' })
    const forged = `Bearer ${await keyed(name, 'x'.repeat(32))}`
    await expect(check({ AUTH_SECRET: secret }, forged)).rejects.toMatchObject(invalid)
  }
})

test('a secret signs with HS256 alone', async () => {
  const key = new TextEncoder().encode(secret.padEnd(64, '.'))
  const token = await new SignJWT(good).setProtectedHeader({ alg: 'HS512' }).sign(key)
  await expect(check({ AUTH_SECRET: secret.padEnd(64, '.') }, `Bearer ${token}`)).rejects.toMatchObject(invalid)
})

test('no user has the name of the account that ran a command', async () => {
  for (const sub of ['cli:root', 'CLI:root', 'cli:']) {
    const token = await sign({ ...good, sub })
    await expect(check(withKeys(), `Bearer ${token}`)).rejects.toMatchObject({
      ...invalid,
      detail: expect.stringContaining('cli:'),
    })
  }
  expect(await check(withKeys(), `Bearer ${await sign({ ...good, sub: 'client:1' })}`)).toMatchObject({
    userId: 'client:1',
  })
})

test.each(['', ' ann', 'ann\n', 'änn', 'x'.repeat(256), 'cli:root'])('no token is signed for %j', (userId) => {
  expect(() => signToken(secret, { userId, scopes: [], lifeSeconds: 60, now })).toThrow(RangeError)
})

test('without a way to check tokens nothing starts', () => {
  const env = { DATABASE_URL: 'mysql://root@127.0.0.1/x', BUCKET_NAME: 'bucket' }
  expect(() => loadApiConfig(env)).toThrow(ConfigError)
  expect(() => loadApiConfig(env)).toThrow(/AUTH_SECRET is missing/)
  expect(() => loadApiConfig({ ...env, AUTH_JWKS_URL: jwksUrl })).toThrow(/AUTH_ISSUER.*\n.*AUTH_AUDIENCE/)
  expect(() => loadApiConfig({ ...env, AUTH_SECRET: 'short' })).toThrow(/AUTH_SECRET must be at least 32 bytes/)
  expect(loadApiConfig({ ...env, AUTH_SECRET: secret }).AUTH_SECRET).toBe(secret)
})
