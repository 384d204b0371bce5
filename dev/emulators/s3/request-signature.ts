import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { S3Error } from './error.ts'
import {
  type AccessKey,
  type Credential,
  checkSignature,
  oldSignature,
  parseCredential,
  parseTime,
  refuseSessionToken,
} from './signature.ts'

type Query = readonly (readonly [name: string, value: string])[]

/** A request whose signature is good. */
export interface SignedRequest {
  /** Decoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly bodySha256: string | undefined
}

/** A request's claim about its signer, from its Authorization header or from its URL. */
interface Claim {
  readonly credential: Credential
  /** yyyymmddThhmmssZ */
  readonly time: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  /** The SHA-256 of the body in hexadecimal, or UNSIGNED-PAYLOAD. */
  readonly payload: string
}

/** "Authenticating Requests: Using the Authorization Header": how far a request's time may be from S3's. */
const maxSkewMs = 15 * 60_000
/** "Authenticating Requests: Using Query Parameters": a week, the longest that a presigned URL may hold. */
const maxExpiresSeconds = 604_800
const unsigned = 'UNSIGNED-PAYLOAD'
const urlParameters = ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'].map(
  (name) => `X-Amz-${name}`,
)

/**
 * Checks that a request is signed by the key, in its Authorization header or as a presigned URL, as AWS documents it in
 * "Authenticating Requests (AWS Signature Version 4)".
 *
 * @returns the request's target as it was signed, decoded and without the signature, to be used in place of the URL;
 *   and the signed SHA-256 of the body in hexadecimal, if it is signed, which the reader of the body must compare
 * @throws S3Error AccessDenied, SignatureDoesNotMatch, InvalidAccessKeyId, RequestTimeTooSkewed and the other refusals
 *   of S3
 */
export function verifySignature(request: IncomingMessage, key: AccessKey, now: Date): SignedRequest {
  const { path, query } = splitTarget(request.url ?? '')
  const { authorization } = request.headers
  const presigned = has(query, 'X-Amz-Algorithm')
  const old = has(query, 'Signature') || has(query, 'AWSAccessKeyId')
  if (!presigned && !old && authorization === undefined) throw new S3Error('AccessDenied', 'Access Denied')
  if ((presigned || old) && authorization !== undefined) {
    throw new S3Error('InvalidArgument', 'Only one auth mechanism allowed', { ArgumentName: 'Authorization' })
  }
  if (old || authorization?.startsWith('AWS ')) throw oldSignature()
  refuseSessionToken(request.headersDistinct['x-amz-security-token']?.[0] ?? get(query, 'X-Amz-Security-Token'))

  const claim = presigned ? urlClaim(request, query, now) : headerClaim(request, authorization ?? '', now)
  checkSignedHeaders(request, claim.signedHeaders)
  checkPayloadKind(claim.payload)
  const canonicalRequest = [
    request.method,
    path.split('/').map(encode).join('/'),
    canonicalQuery(query.filter(([name]) => name !== 'X-Amz-Signature')),
    ...claim.signedHeaders.map((name) => `${name}:${headerValue(request, name)}`),
    '',
    claim.signedHeaders.join(';'),
    claim.payload,
  ].join('\n')
  const digest = createHash('sha256').update(canonicalRequest).digest('hex')
  const text = ['AWS4-HMAC-SHA256', claim.time, claim.credential.scope, digest].join('\n')
  checkSignature(claim.signature, text, claim.credential, key)

  const rest = query
    .filter(([name]) => !urlParameters.includes(name))
    .map(([name, value]): [string, string] => [name, value])
  return {
    path,
    query: new URLSearchParams(rest),
    bodySha256: claim.payload === unsigned ? undefined : claim.payload,
  }
}

/** Splits by hand, as the URL class would resolve `..` in a path, and sign something else than was sent. */
function splitTarget(url: string): { path: string; query: Query } {
  const [path = '', ...rest] = url.split('?')
  const decode = (text: string) => {
    try {
      return decodeURIComponent(text)
    } catch {
      throw new S3Error('InvalidURI', "Couldn't parse the specified URI.")
    }
  }
  if (!path.startsWith('/')) throw new S3Error('InvalidURI', "Couldn't parse the specified URI.")
  const query = rest
    .join('?')
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.replaceAll('+', ' ').split('=')
      return [decode(name), decode(value.join('='))] as const
    })
  return { path: decode(path), query }
}

function headerClaim(request: IncomingMessage, authorization: string, now: Date): Claim {
  const malformed = (why: string) =>
    new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${why}`)
  const [, credentialText = '', signedHeaders = '', signature = ''] =
    /^AWS4-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([^,\s]+)$/.exec(authorization) ?? []
  const credential = parseCredential(credentialText)
  if (!credential) throw malformed('it takes a Credential for S3, SignedHeaders and a Signature.')
  const time = headerValue(request, 'x-amz-date')
  const requested = parseTime(time)
  if (Number.isNaN(requested)) {
    throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header')
  }
  if (Math.abs(requested - now.getTime()) > maxSkewMs) {
    throw new S3Error(
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
      { RequestTime: time, ServerTime: now.toISOString(), MaxAllowedSkewMilliseconds: maxSkewMs },
    )
  }
  if (!time.startsWith(credential.date)) throw malformed('the credential’s date is not that of x-amz-date.')
  const payload = headerValue(request, 'x-amz-content-sha256')
  if (!payload) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  }
  return { credential, time, signedHeaders: signedHeaders.split(';'), signature, payload }
}

function urlClaim(request: IncomingMessage, query: Query, now: Date): Claim {
  const malformed = (why: string) => new S3Error('AuthorizationQueryParametersError', why)
  const [algorithm, credentialText, time, expires, signedHeaders, signature] = urlParameters.map((name) =>
    get(query, name),
  )
  if (algorithm !== 'AWS4-HMAC-SHA256') throw malformed('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  if (!credentialText || !time || !expires || !signedHeaders || !signature) {
    throw malformed(
      `Query-string authentication version 4 requires the ${urlParameters.slice(0, -1).join(', ')} and X-Amz-Signature parameters.`,
    )
  }
  const credential = parseCredential(credentialText)
  if (!credential) throw malformed('Error parsing the X-Amz-Credential parameter; it takes a credential for S3.')
  const from = parseTime(time)
  if (Number.isNaN(from)) throw malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  if (!time.startsWith(credential.date)) throw malformed('The credential’s date is not that of X-Amz-Date.')
  if (!/^\d{1,6}$/.test(expires) || Number(expires) > maxExpiresSeconds) {
    throw malformed(`X-Amz-Expires must be a number of seconds up to ${maxExpiresSeconds}`)
  }
  const until = new Date(from + Number(expires) * 1000)
  if (now > until) {
    throw new S3Error('AccessDenied', 'Request has expired', {
      'X-Amz-Expires': expires,
      Expires: until.toISOString(),
      ServerTime: now.toISOString(),
    })
  }
  if (from - now.getTime() > maxSkewMs) throw new S3Error('AccessDenied', 'Request is not yet valid')
  const payload = get(query, 'X-Amz-Content-Sha256') ?? headerValue(request, 'x-amz-content-sha256')
  return { credential, time, signedHeaders: signedHeaders.split(';'), signature, payload: payload || unsigned }
}

/** An `x-amz-` header changes what S3 does: the holder of a link must not be able to add one. */
function checkSignedHeaders(request: IncomingMessage, signedHeaders: readonly string[]): void {
  const needed = ['host', ...Object.keys(request.headersDistinct).filter((name) => name.startsWith('x-amz-'))]
  const missing = needed.filter((name) => !signedHeaders.includes(name))
  if (missing.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      HeadersNotSigned: missing.join(', '),
    })
  }
}

function checkPayloadKind(payload: string): void {
  if (payload.startsWith('STREAMING-')) {
    throw new S3Error('NotImplemented', 'The emulated S3 takes a body whole: send a Buffer, not a stream.')
  }
  if (payload !== unsigned && !/^[0-9a-f]{64}$/.test(payload)) {
    throw new S3Error('InvalidArgument', `x-amz-content-sha256 must be ${unsigned}, or a valid sha256 value.`, {
      ArgumentName: 'x-amz-content-sha256',
    })
  }
}

function headerValue(request: IncomingMessage, name: string): string {
  const values = request.headersDistinct[name] ?? []
  return values.map((value) => value.trim().replaceAll(/ +/g, ' ')).join(',')
}

function canonicalQuery(query: Query): string {
  const pairs = query.map(([name, value]) => [encode(name), encode(value)] as const)
  pairs.sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
  return pairs.map((pair) => pair.join('=')).join('&')
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b))

const get = (query: Query, name: string) => query.find(([given]) => given === name)?.[1]

const has = (query: Query, name: string) => get(query, name) !== undefined

/** The UriEncode of Signature Version 4: all but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
