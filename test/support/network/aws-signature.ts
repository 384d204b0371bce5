import { createHash, createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/**
 * The signature as AWS computes it from what arrived, for services other than S3 ("Create a signed AWS API request", AWS IAM User
 * Guide).
 */
export function awsSignatureOf(
  { method, path, headers, body }: ReceivedRequest,
  { accessKeyId, secretAccessKey }: { readonly accessKeyId: string; readonly secretAccessKey: string },
): string {
  const [, key = '', scope = '', signed = ''] =
    /Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+),/.exec(headers.authorization ?? '') ?? []
  if (key !== accessKeyId) return 'of another key'
  const sha256 = (data: string) => createHash('sha256').update(data).digest('hex')
  const lines = signed.split(';').map((name) => `${name}:${headers[name]}\n`)
  const twice = path.split('/').map(encodeURIComponent).join('/')
  const request = [method, twice, '', lines.join(''), signed, sha256(body)].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(request)].join('\n')
  const hmac = (by: string | Buffer, data: string) => createHmac('sha256', by).update(data).digest()
  const derived = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  return hmac(derived, toSign).toString('hex')
}
