import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

/** An issuer of tokens on this machine: OpenID Connect by a code with PKCE, with keys of its own, as much of it as the console uses. */
export interface TestIssuer {
  readonly url: string
  /** The settings of the API and the console that name it. */
  readonly settings: Readonly<Record<string, string>>
  /** What it does otherwise from now on: it gives tokens that have expired, or another nonce. */
  readonly mood: { isLate: boolean; nonce: string | undefined }
  /** The paths that were called, in order. */
  readonly calls: string[]
  /** A token of this user, as it gives them to pages. */
  token(userId: string, claims?: { readonly scope?: string }): Promise<string>
  stop(): Promise<void>
}

interface Asked {
  readonly challenge: string
  readonly redirectUri: string
  readonly nonce: string
  readonly scope: string
}

const clientId = 'the-console'
const audience = 'https://api.example'
const lifeSeconds = 3600

/** Its page to sign in has two links, and whoever follows the first is ann. */
export async function startIssuer(scopes = 'openid offline_access'): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const key = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  const mood: TestIssuer['mood'] = { isLate: false, nonce: undefined }
  const calls: string[] = []
  const codes = new Map<string, Asked>()
  const refreshTokens = new Set<string>()
  let url = ''

  const sign = (payload: JWTPayload, to: string) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', kid: key.kid })
      .setIssuer(url)
      .setAudience(to)
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1000) + (mood.isLate && to === audience ? -60 : lifeSeconds))
      .sign(privateKey)

  const authorize = (asked: URLSearchParams): string => {
    const redirectUri = asked.get('redirect_uri') ?? ''
    const isGood =
      asked.get('response_type') === 'code' &&
      asked.get('client_id') === clientId &&
      asked.get('audience') === audience &&
      asked.get('code_challenge_method') === 'S256' &&
      asked.get('scope') === scopes
    if (!isGood) return 'This cannot be asked.'
    const link = (name: string, answer: Record<string, string>) => {
      const to = new URL(redirectUri)
      const all = { ...answer, state: asked.get('state') ?? '', iss: url }
      for (const [key, value] of Object.entries(all)) to.searchParams.set(key, value)
      return `<p><a href="${to.href.replaceAll('&', '&amp;')}">${name}</a></p>`
    }
    const code = randomUUID()
    codes.set(code, {
      challenge: asked.get('code_challenge') ?? '',
      redirectUri,
      nonce: asked.get('nonce') ?? '',
      scope: scopes,
    })
    return `<!doctype html><html lang="en"><title>Test issuer</title><h1>Test issuer</h1>${link('Sign in as ann', { code })}${link('Cancel', { error: 'access_denied', error_description: 'Ann changed her mind' })}`
  }

  const grant = async (form: URLSearchParams): Promise<object | undefined> => {
    if (form.get('client_id') !== clientId) return undefined
    const given = async (more: object) => {
      const refreshToken = randomUUID()
      refreshTokens.add(refreshToken)
      return {
        access_token: await sign({ sub: 'ann' }, audience),
        token_type: 'Bearer',
        expires_in: lifeSeconds,
        ...(scopes.includes('offline_access') && { refresh_token: refreshToken }),
        ...more,
      }
    }
    if (form.get('grant_type') === 'refresh_token') {
      return refreshTokens.delete(form.get('refresh_token') ?? '') ? given({}) : undefined
    }
    const asked = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (asked?.challenge !== challenge || asked.redirectUri !== form.get('redirect_uri')) return undefined
    return given({ id_token: await sign({ sub: 'ann', nonce: mood.nonce ?? asked.nonce }, clientId) })
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    // Tests send a header as a proxy does, which a page may not send by itself.
    const forPages = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' }
    if (request.method === 'OPTIONS') return void response.writeHead(204, forPages).end()
    calls.push(pathname)
    const json = (body: object, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json', ...forPages })
      response.end(JSON.stringify(body))
    }
    if (pathname === '/.well-known/openid-configuration') {
      return json({
        issuer: url,
        authorization_endpoint: `${url}/authorize`,
        token_endpoint: `${url}/token`,
        revocation_endpoint: `${url}/revoke`,
        end_session_endpoint: `${url}/end`,
        id_token_signing_alg_values_supported: [key.alg],
        jwks_uri: `${url}/keys`,
        authorization_response_iss_parameter_supported: true,
      })
    }
    if (pathname === '/keys') return json({ keys: [key] })
    if (pathname === '/authorize') {
      response.writeHead(200, { 'content-type': 'text/html' })
      return void response.end(authorize(searchParams))
    }
    if (pathname === '/end') {
      response.writeHead(302, { location: searchParams.get('post_logout_redirect_uri') ?? '/' })
      return void response.end()
    }
    const form = new URLSearchParams(await text(request))
    if (pathname === '/revoke') {
      refreshTokens.delete(form.get('token') ?? '')
      return json({})
    }
    const given = pathname === '/token' ? await grant(form) : undefined
    return given ? json(given) : json({ error: 'invalid_grant' }, 400)
  }

  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    settings: {
      AUTH_JWKS_URL: `${url}/keys`,
      AUTH_ISSUER: url,
      AUTH_AUDIENCE: audience,
      CONSOLE_CLIENT_ID: clientId,
      CONSOLE_SCOPES: scopes,
    },
    mood,
    calls,
    token: (userId, claims = {}) => sign({ sub: userId, ...claims }, audience),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
