import { createHmac, timingSafeEqual } from 'node:crypto'
import { S3Error } from './error.ts'

/** The one key that the emulated S3 knows. */
export interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What `<access key id>/<yyyymmdd>/<region>/s3/aws4_request` says. */
export interface Credential {
  readonly accessKeyId: string
  /** yyyymmdd */
  readonly date: string
  /** All after the access key id. */
  readonly scope: string
}

/** @returns undefined unless it is a credential for S3 under Signature Version 4; every region is accepted. */
export function parseCredential(text: string): Credential | undefined {
  const [, accessKeyId, scope, date] = /^([^/]+)\/((\d{8})\/[a-z0-9-]+\/s3\/aws4_request)$/.exec(text) ?? []
  return accessKeyId && scope && date ? { accessKeyId, scope, date } : undefined
}

/** @returns the milliseconds since 1970 of a time written yyyymmddThhmmssZ, or NaN */
export function parseTime(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

/**
 * Checks a signature as AWS computes it in "Authenticating Requests (AWS Signature Version 4)": a key derived from the
 * secret and the credential's scope, HMAC-SHA256 of the text, in lower-case hexadecimal.
 *
 * @throws S3Error InvalidAccessKeyId, SignatureDoesNotMatch
 */
export function checkSignature(signature: string, text: string, credential: Credential, key: AccessKey): void {
  if (credential.accessKeyId !== key.accessKeyId) {
    throw new S3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', {
      AWSAccessKeyId: credential.accessKeyId,
    })
  }
  const sign = (secret: string | Buffer, part: string) => createHmac('sha256', secret).update(part).digest()
  const signing = credential.scope.split('/').reduce<string | Buffer>(sign, `AWS4${key.secretAccessKey}`)
  const expected = Buffer.from(sign(signing, text).toString('hex'))
  const provided = Buffer.from(signature)
  if (provided.length !== expected.length || !timingSafeEqual(provided, expected)) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      { AWSAccessKeyId: credential.accessKeyId },
    )
  }
}

/** @throws S3Error InvalidToken where a request names a temporary session: the emulated S3 hands out none */
export function refuseSessionToken(token: string | undefined): void {
  if (token !== undefined) {
    throw new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.')
  }
}

/** Signature Version 2, which S3 takes for no bucket made since 24 June 2020. */
export function oldSignature(): S3Error {
  return new S3Error(
    'InvalidRequest',
    'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
  )
}
