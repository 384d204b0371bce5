import type { APIGatewayProxyEventV2, LambdaFunctionURLEvent, ScheduledEvent } from 'aws-lambda'

interface Request {
  readonly method?: string
  readonly path: string
  readonly query?: string
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

/** What API Gateway sends for an HTTP API, payload format 2.0. */
export function apiEvent(request: Request): APIGatewayProxyEventV2 {
  return payload('abc123.execute-api.us-east-1.amazonaws.com', request)
}

/** What a function URL sends. */
export function urlEvent(request: Request): LambdaFunctionURLEvent {
  return payload('abc123.lambda-url.us-east-1.on.aws', request)
}

function payload(host: string, { method = 'GET', path, query = '', headers = {}, body }: Request) {
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    headers: { host, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abc123',
      domainName: host,
      domainPrefix: 'abc123',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '198.51.100.7', userAgent: 'curl/8.5.0' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: '$default',
      stage: '$default',
      time: '24/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_521_600_000,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    isBase64Encoded: false,
  }
}

/** What EventBridge Scheduler sends where the target's input is left to it. */
export const tick: ScheduledEvent = {
  version: '0',
  id: '89d1a02d-5ec7-412e-82f5-13505f849b41',
  'detail-type': 'Scheduled Event',
  source: 'aws.scheduler',
  account: '123456789012',
  time: '2026-11-24T12:00:00Z',
  region: 'us-east-1',
  resources: ['arn:aws:scheduler:us-east-1:123456789012:schedule/default/poller'],
  detail: '{}' as never,
}
