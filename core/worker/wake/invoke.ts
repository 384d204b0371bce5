import type { AwsCredentials } from '../../platform/config/shared.ts'
import { createSigner } from '../../platform/sign-aws.ts'

/** A deployed function, and how to call it. */
export interface FunctionTarget {
  /** Its name or ARN. */
  readonly name: string
  readonly region: string
  readonly credentials: AwsCredentials
  /** Of Lambda's API; AWS's own in the region if not given. */
  readonly endpoint?: string | undefined
}

/**
 * Calls a function without waiting for its result: Lambda queues the event (AWS Lambda API Reference, "Invoke").
 *
 * @throws if Lambda does not accept it with 202
 */
export async function invokeAsync(
  { name, region, credentials, endpoint }: FunctionTarget,
  event: unknown,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(endpoint ?? `https://lambda.${region}.amazonaws.com`)
  url.pathname = `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`
  const body = JSON.stringify(event)
  const { headers } = await createSigner('lambda', region, credentials).sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { host: url.host, 'content-type': 'application/json', 'x-amz-invocation-type': 'Event' },
    body,
  })
  const { host: _, ...sent } = headers
  const reply = await fetch(url, { method: 'POST', headers: sent, body, signal, redirect: 'error' })
  const text = await reply.text()
  if (reply.status !== 202) throw new Error(`Lambda answered ${reply.status}: ${text.slice(0, 300)}`)
}
