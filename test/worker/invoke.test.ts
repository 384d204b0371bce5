import { createServer, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { invokeAsync } from '../../core/worker/wake/invoke.ts'
import { listen } from '../../dev/parts/listen.ts'
import { awsSignatureOf } from '../support/network/aws-signature.ts'

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'a-secret-access-key',
  sessionToken: 'a-session-token',
}

/** Speaks Lambda's Invoke, and keeps what it was sent. */
async function startLambda(status: number, reply = '') {
  const calls: { readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string }[] = []
  const server = await listen(
    createServer(async (request, response) => {
      calls.push({ url: request.url ?? '', headers: request.headers, body: await text(request) })
      response.writeHead(status).end(reply)
    }),
    0,
  )
  return { calls, endpoint: `http://127.0.0.1:${server.port}`, stop: server.stop }
}

test.each(['vision-poller', 'arn:aws:lambda:eu-central-1:123456789012:function:vision-poller'])(
  'a function is called as an event, signed as AWS wants it: %s',
  async (name) => {
    const lambda = await startLambda(202)
    const { endpoint } = lambda
    await invokeAsync(
      { name, region: 'eu-central-1', credentials, endpoint },
      { wakeId: 'a' },
      AbortSignal.timeout(9_000),
    )
    const [call] = lambda.calls
    expect(call).toMatchObject({
      url: `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`,
      body: '{"wakeId":"a"}',
    })
    const { headers } = call as NonNullable<typeof call>
    expect(headers).toMatchObject({ 'x-amz-invocation-type': 'Event', 'x-amz-security-token': 'a-session-token' })
    expect(headers.authorization).toContain('/eu-central-1/lambda/aws4_request')
    expect(headers.authorization).toMatch(
      new RegExp(
        `Signature=${awsSignatureOf({ method: 'POST', path: call?.url ?? '', headers, body: call?.body ?? '' }, credentials)}$`,
      ),
    )
    await lambda.stop()
  },
)

test('a call that Lambda does not accept is an error with its words', async () => {
  const lambda = await startLambda(429, '{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}')
  const target = { name: 'vision-poller', region: 'us-east-1', credentials, endpoint: lambda.endpoint }
  const call = invokeAsync(target, {}, AbortSignal.timeout(9_000))
  await expect(call).rejects.toThrow(/Lambda answered 429: .*Limit/)
  await lambda.stop()
})
