import { createHmac } from 'node:crypto'
import { createRemoteJWKSet, decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { VisionError } from '../domain/errors.ts'
import type { ApiConfig } from './config/api.ts'
import { rememberVerified } from './verified-tokens.ts'

/**
 * The scopes of a credential: reading the user's own resources; creating, changing and deleting them; and the operator's
 * calls, which concern all users.
 */
export const scopes = ['read', 'write', 'operator'] as const
export type Scope = (typeof scopes)[number]

/** The scopes of a user's token: everything that is the user's. */
export const ownScopes = ['read', 'write'] as const satisfies readonly Scope[]

/** The caller of the API. */
export interface Actor {
  /** 1 to 255 characters of printable ASCII. */
  readonly userId: string
  readonly scopes: ReadonlySet<string>
  /** The API key of the call; undefined for a token. */
  readonly key?: ActingKey
}

/** The API key that a call came with. */
export interface ActingKey {
  readonly id: number
}

/**
 * Authenticates the caller of a request.
 *
 * @param bindings the server adapter's view of the connection: Hono's `c.env`
 * @throws VisionError `request.unauthenticated`, or `auth.unavailable` if that cannot be checked now
 */
export type Authenticate = (request: Request, bindings: unknown) => Promise<Actor>

/** A token was sent that is not valid (RFC 6750, section 3.1: `invalid_token`). */
export class InvalidToken extends VisionError {
  constructor(message: string, detail?: string) {
    super('request.unauthenticated', { message, ...(detail !== undefined && { detail }) })
  }
}

/** The token is valid, but lacks a scope (RFC 6750, section 3.1: `insufficient_scope`). */
export class InsufficientScope extends VisionError {
  readonly scope: string

  constructor(scope: string) {
    super('request.forbidden', { message: `This needs a token or an API key with the scope \`${scope}\`.` })
    this.scope = scope
  }
}

export type AuthConfig = Partial<
  Pick<ApiConfig, 'AUTH_JWKS_URL' | 'AUTH_ISSUER' | 'AUTH_AUDIENCE' | 'AUTH_SECRET' | 'AUTH_SECRET_PREVIOUS'>
>

/** The tolerated difference between the clocks of the issuer and of this machine, in seconds. */
const clockToleranceSeconds = 10

// Asymmetric only: with HS256 among them, anyone who can read the public key could sign with it (RFC 8725, section 2.1).
const publicKeyAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

// The column is ASCII, and its collation takes 'a' and 'a ' for the same: no spaces at either end. In the audit log, `cli:`
// marks the account that ran a command.
const subject = /^(?!cli:)[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/i

/** Whether a text can be a user's id: 1 to 255 characters of printable ASCII, no space at either end, not beginning with `cli:`. */
export function isUserId(text: string): boolean {
  return subject.test(text)
}

type Verify = (token: string, keyId?: string) => Promise<JWTPayload>

/**
 * Checks bearer tokens (RFC 6750) that are JWTs: against the keys at `AUTH_JWKS_URL`, or, if they are signed with HS256,
 * against `AUTH_SECRET` and `AUTH_SECRET_PREVIOUS`. Issuer and audience must match wherever they are configured; `sub`
 * and `exp` must be there. A token that was verified is taken again for half a minute without another look at its signature. The scopes are `read` and `write`, which every token of a user's has, and the words of `scope`.
 *
 * @param now milliseconds since the epoch
 */
export function createAuthenticator(config: AuthConfig, now: () => number = Date.now): Authenticate {
  const verify = verifier(config, now)
  const actorWith = rememberVerified(async (token) => {
    const claims = await verify(token)
    // Both claims are checked; `exp` is there.
    const { nbf = 0, exp = 0 } = claims
    const [from, until] = [nbf - clockToleranceSeconds, exp + clockToleranceSeconds]
    return { found: actorOf(claims), from: from * 1000, until: until * 1000 }
  }, now)
  return async (request) => {
    const token = bearerToken(request)
    try {
      return await actorWith(token)
    } catch (error) {
      if (error instanceof VisionError) throw error
      if (error instanceof errors.JWTExpired) throw new InvalidToken('The token has expired.', reasonFor(error))
      if (error instanceof errors.JOSEError) throw invalid(reasonFor(error))
      throw error
    }
  }
}

/**
 * The credentials of a request (RFC 6750, section 2.1).
 *
 * @throws VisionError `request.unauthenticated`
 */
export function bearerToken(request: Request): string {
  const header = request.headers.get('authorization')
  if (header === null) throw new VisionError('request.unauthenticated', { detail: 'no Authorization header' })
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(header.trim())?.[1]
  if (token === undefined) {
    throw new InvalidToken(
      'The header Authorization must be the word Bearer, a space, and a key or a token.',
      'the Authorization header is not the word Bearer and a token',
    )
  }
  return token
}

/** The reason for the log: the library's codes and the names of claims, never its messages, which may quote the token. */
function reasonFor(error: errors.JOSEError): string {
  const aboutClaim = error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired
  return aboutClaim ? `${error.code}: ${error.claim} ${error.reason}` : error.code
}

function verifier(config: AuthConfig, now: () => number): Verify {
  const { AUTH_JWKS_URL, AUTH_ISSUER, AUTH_AUDIENCE, AUTH_SECRET, AUTH_SECRET_PREVIOUS } = config
  const checks = () => ({
    ...(AUTH_ISSUER && { issuer: AUTH_ISSUER }),
    ...(AUTH_AUDIENCE && { audience: AUTH_AUDIENCE }),
    requiredClaims: ['sub', 'exp'],
    clockTolerance: clockToleranceSeconds,
    currentDate: new Date(now()),
  })
  const given = [AUTH_SECRET, AUTH_SECRET_PREVIOUS].flatMap((secret) => secret || [])
  const secrets = given.map(keyOf)
  const keyIds = new Set(given.map(keyIdOf))
  const keys = AUTH_JWKS_URL ? publicKeys(AUTH_JWKS_URL) : undefined

  const bySecret: Verify = async (token, keyId) => {
    // The key ids of other issuers mean nothing here.
    if (secrets.length > 0 && keyId?.startsWith(ourKeyIds) && !keyIds.has(keyId)) {
      throw new InvalidToken(otherSecret, 'signed with another secret')
    }
    for (const [index, secret] of secrets.entries()) {
      try {
        return (await jwtVerify(token, secret, { ...checks(), algorithms: ['HS256'] })).payload
      } catch (error) {
        const another = index + 1 < secrets.length
        if (!another || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error
      }
    }
    throw invalid('signed with HS256, and there is no AUTH_SECRET')
  }
  return async (token) => {
    const { alg, kid } = headerOf(token)
    if (alg === 'HS256') return bySecret(token, kid)
    if (keys === undefined) throw invalid('not signed with HS256, and there is no AUTH_JWKS_URL')
    return (await jwtVerify(token, keys, { ...checks(), algorithms: publicKeyAlgorithms })).payload
  }
}

/** This may be revealed: the token itself names the secret that signed it. */
const otherSecret =
  'The token was signed with another secret than this API has: another AUTH_SECRET, or of another DATA_DIR of the local stack.'

function headerOf(token: string): { readonly alg?: string; readonly kid?: string } {
  try {
    return decodeProtectedHeader(token)
  } catch {
    throw invalid('the token is no JWT')
  }
}

/** The keys at a URL, cached for ten minutes; an unknown key id triggers a new fetch, twice a minute at most. */
function publicKeys(url: string): ReturnType<typeof createRemoteJWKSet> {
  const remote = createRemoteJWKSet(new URL(url), { timeoutDuration: 5_000 })
  const keys = async (...call: Parameters<typeof remote>) => {
    try {
      return await remote(...call)
    } catch (error) {
      // The token names a missing key, or none of several: the token is at fault.
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      throw new VisionError('auth.unavailable', { cause: error, detail: 'the JWKS could not be fetched or read' })
    }
  }
  return keys as typeof remote
}

function actorOf({ sub, scope }: JWTPayload): Actor {
  if (typeof sub !== 'string' || !subject.test(sub)) {
    throw invalid(
      'sub is not 1 to 255 characters of printable ASCII without a space at either end, or begins with cli:',
    )
  }
  const words = typeof scope === 'string' ? scope.split(' ').filter(Boolean) : []
  return { userId: sub, scopes: new Set([...ownScopes, ...words]) }
}

export interface TokenClaims {
  readonly userId: string
  readonly scopes: readonly string[]
  readonly lifeSeconds: number
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/**
 * Signs a token with a shared secret (HS256), as `createAuthenticator` takes it.
 *
 * @throws RangeError if the user id could not be a job's owner
 */
export function signToken(secret: string, claims: TokenClaims): Promise<string> {
  const { userId, scopes, lifeSeconds, now, issuer, audience } = claims
  if (!subject.test(userId)) {
    throw new RangeError(
      'A user id has 1 to 255 printable ASCII characters, no space at either end, and does not begin with cli:.',
    )
  }
  const issuedAt = Math.floor(now / 1000)
  const token = new SignJWT(scopes.length > 0 ? { scope: scopes.join(' ') } : {})
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: keyIdOf(secret) })
    .setSubject(userId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.round(lifeSeconds))
  if (issuer) token.setIssuer(issuer)
  if (audience) token.setAudience(audience)
  return token.sign(keyOf(secret))
}

const ourKeyIds = 'vp-'

/** The key id of a secret, by which a token names its signer; it reveals no more of the secret than a signature does. */
function keyIdOf(secret: string): string {
  return `${ourKeyIds}${createHmac('sha256', secret).update('vision-pipeline/key-id').digest('hex').slice(0, 16)}`
}

function keyOf(secret: string): Uint8Array {
  return new TextEncoder().encode(secret)
}

/** The caller does not learn which check failed: that would help an attacker, and a caller can only get another token. */
function invalid(detail: string): InvalidToken {
  return new InvalidToken('The token is not valid.', detail)
}
