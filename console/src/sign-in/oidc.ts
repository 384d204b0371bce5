import * as oauth from 'oauth4webapi'
import { type Issuer, returnPath } from './issuer.ts'
import { refusalOf, SignInRefused } from './refusals.ts'

/** What an issuer gave to somebody who signed in. */
export interface Grant {
  readonly token: string
  /** When to have another one, by the clock of this machine, in milliseconds since the epoch; null: the issuer does not say when this one ends. */
  readonly renewAt: number | null
  /** What another token is had for; null where the issuer gives none. */
  readonly refreshToken: string | null
}

/** The page that somebody signs in on. */
export interface Surroundings {
  readonly issuer: Issuer
  /** Of this tab alone. */
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  /** Of the page. */
  readonly origin: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A sign-in that was begun: what the answer to it must fit. */
interface Begun {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  /** Where the reader was, within the console. */
  readonly place: string
}

const begunName = 'vision-sign-in'
/** What the issuer's clock may differ by, in seconds. */
const clockToleranceSeconds = 30
/** A token is renewed when this is left of it, and no sooner than at half of its life. */
const renewAheadMs = 60_000

/**
 * Begins to sign in (OpenID Connect Core 1.0, section 3.1; RFC 7636).
 *
 * @param place where the reader is, within the console
 * @returns where to send the reader
 * @throws SignInRefused
 */
export async function beginSignIn(around: Surroundings, place: string): Promise<URL> {
  const { issuer, storage } = around
  try {
    const server = await discover(issuer)
    if (server.authorization_endpoint === undefined)
      throw new SignInRefused(`${hostOf(issuer)} has no page to sign in.`)
    const begun: Begun = {
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      codeVerifier: oauth.generateRandomCodeVerifier(),
      place,
    }
    storage.setItem(begunName, JSON.stringify(begun))
    const url = new URL(server.authorization_endpoint)
    const asked = {
      response_type: 'code',
      client_id: issuer.clientId,
      redirect_uri: redirectUri(around),
      scope: issuer.scopes,
      state: begun.state,
      nonce: begun.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(begun.codeVerifier),
      code_challenge_method: 'S256',
      // Of no standard, and ignored by those who do not know it (RFC 6749, section 3.1): by it Auth0 and Ory give a token for an API.
      audience: issuer.audience,
    }
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value)
    return url
  } catch (error) {
    throw refusalOf(error, hostOf(issuer))
  }
}

/** Whether an address has the answer to a sign-in that was begun in this tab. */
export function isBegunHere({ storage }: Pick<Surroundings, 'storage'>, address: URL): boolean {
  return read(storage)?.state === (address.searchParams.get('state') ?? '')
}

/** What became of a sign-in when the reader came back. */
export interface Returned {
  /** Where the reader was when it was begun. */
  readonly place: string
  readonly outcome: Grant | SignInRefused
}

/**
 * Ends a sign-in that was begun in this tab: its answer counts once, whatever comes of it.
 *
 * @param address that the issuer sent the reader back to
 */
export async function finishSignIn(around: Surroundings, address: URL): Promise<Returned> {
  const { issuer, storage, origin } = around
  const begun = read(storage)
  storage.removeItem(begunName)
  if (begun === undefined || address.searchParams.get('state') !== begun.state) {
    const outcome = new SignInRefused('This answer is to no sign-in that was begun in this tab. Nobody was signed in.')
    return { place: placeWithin(begun?.place, origin), outcome }
  }
  const place = placeWithin(begun.place, origin)
  try {
    const server = await discover(issuer)
    const client = clientOf(issuer)
    const answer = oauth.validateAuthResponse(server, client, address, begun.state)
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      oauth.None(),
      answer,
      redirectUri(around),
      begun.codeVerifier,
      transport(issuer),
    )
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: begun.nonce,
      requireIdToken: true,
    })
    return { place, outcome: grantOf(tokens, around) }
  } catch (error) {
    return { place, outcome: refusalOf(error, hostOf(issuer)) }
  }
}

/**
 * Has another token given for a refresh token (RFC 6749, section 6), which some issuers replace by it.
 *
 * @returns null if the issuer takes the refresh token no more
 * @throws SignInRefused if the issuer could not be asked
 */
export async function renewGrant(around: Surroundings, refreshToken: string): Promise<Grant | null> {
  const { issuer } = around
  try {
    const server = await discover(issuer)
    const client = clientOf(issuer)
    const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, transport(issuer))
    const tokens = await oauth.processRefreshTokenResponse(server, client, response)
    return grantOf({ refresh_token: refreshToken, ...tokens }, around)
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return null
    throw refusalOf(error, hostOf(issuer))
  }
}

/**
 * Has the issuer forget a refresh token (RFC 7009).
 *
 * @returns where the reader is signed out of the issuer too (OpenID Connect RP-Initiated Logout 1.0); null if nowhere
 * @throws SignInRefused if the issuer could not be asked
 */
export async function endGrant({ issuer, origin }: Surroundings, { refreshToken }: Grant): Promise<URL | null> {
  try {
    const server = await discover(issuer)
    if (refreshToken !== null && server.revocation_endpoint !== undefined) {
      await oauth.revocationRequest(server, clientOf(issuer), oauth.None(), refreshToken, transport(issuer))
    }
    if (server.end_session_endpoint === undefined) return null
    const url = new URL(server.end_session_endpoint)
    url.searchParams.set('client_id', issuer.clientId)
    url.searchParams.set('post_logout_redirect_uri', `${origin}/console/`)
    return url
  } catch (error) {
    throw refusalOf(error, hostOf(issuer))
  }
}

async function discover(issuer: Issuer): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer.issuer)
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, transport(issuer)))
}

/** In the clear only where the settings allow it: on this machine. */
function transport({ issuer }: Issuer) {
  return { [oauth.allowInsecureRequests]: issuer.startsWith('http:'), signal: () => AbortSignal.timeout(20_000) }
}

function clientOf({ clientId }: Issuer): oauth.Client {
  return { client_id: clientId, [oauth.clockTolerance]: clockToleranceSeconds }
}

function redirectUri({ origin }: Surroundings): string {
  return `${origin}${returnPath}`
}

function hostOf({ issuer }: Issuer): string {
  return new URL(issuer).host
}

type Tokens = Pick<oauth.TokenEndpointResponse, 'access_token' | 'expires_in' | 'refresh_token'>

function grantOf({ access_token, expires_in, refresh_token }: Tokens, { now }: Surroundings): Grant {
  return {
    token: access_token,
    renewAt: expires_in === undefined ? null : now() + expires_in * 1000 - Math.min(renewAheadMs, expires_in * 500),
    refreshToken: refresh_token ?? null,
  }
}

function read(storage: Surroundings['storage']): Begun | undefined {
  try {
    return (JSON.parse(storage.getItem(begunName) ?? 'null') as Begun | null) ?? undefined
  } catch {
    return undefined
  }
}

/** A path of the console, whatever was kept. */
function placeWithin(place: unknown, origin: string): string {
  const home = '/console/'
  if (typeof place !== 'string') return home
  const url = URL.parse(place, origin)
  if (url?.origin !== origin || !url.pathname.startsWith(home) || url.pathname === returnPath) return home
  return `${url.pathname}${url.search}${url.hash}`
}
