import { callLambda, type LambdaApi } from '../../platform/call-lambda.ts'

/** A deployed function, and how to call it. */
export interface FunctionTarget extends LambdaApi {
  /** Its name or ARN. */
  readonly name: string
}

/**
 * Calls a function without waiting for its result: Lambda queues the event (AWS Lambda API Reference, "Invoke").
 *
 * @throws if Lambda does not accept it with 202
 */
export async function invokeAsync(
  { name, ...api }: FunctionTarget,
  event: unknown,
  signal: AbortSignal,
): Promise<void> {
  const path = `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`
  const headers = { 'content-type': 'application/json', 'x-amz-invocation-type': 'Event' }
  const reply = await callLambda(api, { method: 'POST', path, headers, body: JSON.stringify(event) }, signal)
  const text = await reply.text()
  if (reply.status !== 202) throw new Error(`Lambda answered ${reply.status}: ${text.slice(0, 300)}`)
}
