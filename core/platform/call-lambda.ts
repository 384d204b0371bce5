import type { AwsCredentials } from './config/shared.ts'
import { createSigner } from './sign-aws.ts'

/** Where Lambda's API is, and who calls it. */
export interface LambdaApi {
  readonly region: string
  readonly credentials: AwsCredentials
  /** AWS's own in the region if not given. */
  readonly endpoint?: string | undefined
}

interface LambdaCall {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Sends a signed call to Lambda's API. @throws what `fetch` throws */
export async function callLambda(
  { region, credentials, endpoint }: LambdaApi,
  { method, path, headers = {}, body }: LambdaCall,
  signal: AbortSignal,
): Promise<Response> {
  const url = new URL(path, endpoint ?? `https://lambda.${region}.amazonaws.com`)
  const content = body === undefined ? {} : { body }
  const signed = await createSigner('lambda', region, credentials).sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { host: url.host, ...headers },
    ...content,
  })
  const { host: _, ...sent } = signed.headers
  return fetch(url, { method, headers: sent, ...content, signal, redirect: 'error' })
}
