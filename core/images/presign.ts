import { createHash, createHmac } from 'node:crypto'
import { type AwsConfig, type AwsCredentials, credentialsIn, type StorageConfig } from '../platform/config/shared.ts'

/** A form by which anyone may write one object. */
export interface UploadForm {
  readonly url: string
  readonly fields: Record<string, string>
}

/** Signs requests for others, who need no credentials of their own for them. */
export interface Presigner {
  /** A link by which anyone may read one object for a number of seconds from `signedAt`. */
  presignRead(key: string, life: { readonly signedAt: Date; readonly seconds: number }): Promise<string>
  /** A form by which anyone may write one object, of one type and up to one size, for a number of seconds from now. */
  presignUpload(
    key: string,
    limits: { readonly contentType: string; readonly maxBytes: number; readonly seconds: number },
  ): Promise<UploadForm>
}

/** The response headers of an image that a browser reads by its link. */
export const readCacheControl = 'private, immutable'

const algorithm = 'AWS4-HMAC-SHA256'
const unsigned = 'UNSIGNED-PAYLOAD'

/** Regions of partitions whose hosts have other names than `amazonaws.com`. */
const otherPartition = /^(cn|us-iso\w*|eu-isoe|eusc)-/

/**
 * A presigner without the SDK, whose client takes a seventh of a second to load, and whose signer brings 90 kB of its own: links and forms come out as the SDK's do
 * (Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters" and "Browser-Based Uploads Using POST").
 *
 * @param now milliseconds since the epoch
 * @returns undefined where the SDK must sign: with credentials that it has to find, a bucket whose name is no label of a host, or
 *   another partition of AWS
 */
export function createPresigner(
  config: StorageConfig & Partial<AwsConfig>,
  now: () => number = Date.now,
): Presigner | undefined {
  const { BUCKET_NAME: bucket, AWS_REGION: region, S3_ENDPOINT: endpoint } = config
  const credentials = credentialsOf(config)
  if (!credentials) return undefined
  if (!endpoint && (!/^[a-z0-9][a-z0-9-]+$/.test(bucket) || otherPartition.test(region))) return undefined
  const { origin, host, pathname } = new URL(
    endpoint ? `${endpoint.replace(/\/$/, '')}/${bucket}` : `https://${bucket}.s3.${region}.amazonaws.com/`,
  )
  const base = endpoint ? pathname : ''
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const scopeOf = (day: string) => `${day}/${region}/s3/aws4_request`
  /** The key of a day, which all of its signatures have in common. */
  let derived: { readonly day: string; readonly key: string | Buffer } | undefined
  const signed = (day: string, text: string) => {
    if (derived?.day !== day) {
      const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
      derived = { day, key }
    }
    return hmac(derived.key, text).toString('hex')
  }
  return {
    presignRead: async (key, { signedAt, seconds }) => {
      const stamp = stampOf(signedAt)
      const scope = scopeOf(stamp.slice(0, 8))
      const params = Object.entries({
        'X-Amz-Algorithm': algorithm,
        'X-Amz-Content-Sha256': unsigned,
        'X-Amz-Credential': `${accessKeyId}/${scope}`,
        'X-Amz-Date': stamp,
        'X-Amz-Expires': String(seconds),
        ...(sessionToken && { 'X-Amz-Security-Token': sessionToken }),
        'X-Amz-SignedHeaders': 'host',
        'response-cache-control': readCacheControl,
        'x-amz-checksum-mode': 'ENABLED',
        'x-id': 'GetObject',
      }).map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
      const query = params.sort().join('&')
      const path = `${base}/${key.split('/').map(escaped).join('/')}`
      const request = ['GET', path, query, `host:${host}`, '', 'host', unsigned].join('\n')
      const hash = createHash('sha256').update(request).digest('hex')
      const signature = signed(stamp.slice(0, 8), [algorithm, stamp, scope, hash].join('\n'))
      return `${origin}${path}?${[...params, `X-Amz-Signature=${signature}`].sort().join('&')}`
    },
    presignUpload: async (key, { contentType, maxBytes, seconds }) => {
      const at = new Date(now())
      const stamp = stampOf(at)
      const fields = {
        'Content-Type': contentType,
        bucket,
        'X-Amz-Algorithm': algorithm,
        'X-Amz-Credential': `${accessKeyId}/${scopeOf(stamp.slice(0, 8))}`,
        'X-Amz-Date': stamp,
        ...(sessionToken && { 'X-Amz-Security-Token': sessionToken }),
        key,
      }
      const policy = {
        expiration: new Date(at.valueOf() + seconds * 1_000).toISOString().replace(/\.\d{3}/, ''),
        conditions: [
          ['eq', '$Content-Type', contentType],
          ['content-length-range', 1, maxBytes],
          ...Object.entries(fields).map(([name, value]) => ({ [name]: value })),
        ],
      }
      const Policy = Buffer.from(JSON.stringify(policy)).toString('base64')
      const signature = signed(stamp.slice(0, 8), Policy)
      return { url: `${origin}${base || '/'}`, fields: { ...fields, Policy, 'X-Amz-Signature': signature } }
    },
  }
}

function credentialsOf(config: StorageConfig & Partial<AwsConfig>): AwsCredentials | undefined {
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : credentialsIn(config)
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** A moment as signatures have it: `20261127T080000Z`. */
const stampOf = (at: Date) => at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '')

/** Percent-encoding as RFC 3986 has it, which signatures are made of. */
function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
