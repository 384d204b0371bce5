import { streamGraceSeconds } from './constraints.ts'
import { common, environmentOf, observedAs, type Shared, traced } from './functions.ts'
import { authEnvironment } from './secrets.ts'

/** Live progress: the function, and where it answers. */
export interface LiveStream {
  readonly handler: sst.aws.Function
  readonly url: $util.Output<string>
}

/**
 * Live progress as server-sent events. Who may watch is checked by the function itself, by ticket or token. It answers at a
 * function URL, or, in a private network, from where those do not stream (AWS Lambda Developer Guide, "Response streaming"),
 * behind a REST API that does (API Gateway Developer Guide, "Stream the integration response").
 */
export function createStream(shared: Shared): LiveStream {
  const { settings, secrets, databaseUrl, vpc } = shared
  const { DEPLOY_ORIGINS: origins } = settings
  const reserved = settings.concurrency.streams
  const seconds = Math.ceil(settings.streamSeconds) + streamGraceSeconds
  const shape = common(shared)
  const tracing = traced(settings)
  const handler = new sst.aws.Function('Stream', {
    ...shape,
    description: 'Live progress as server-sent events',
    ...shared.code('stream'),
    streaming: true,
    ...(!vpc && {
      url: {
        authorization: 'none',
        cors: origins
          ? {
              allowOrigins: origins,
              allowMethods: ['GET'],
              allowHeaders: ['authorization', 'last-event-id'],
              maxAge: '1 hour',
            }
          : false,
      },
    }),
    permissions: tracing.permissions,
    transform: { ...shape.transform, ...tracing.transform },
    timeout: `${seconds} seconds`,
    memory: '512 MB',
    ...(reserved && { concurrency: { reserved } }),
    environment: environmentOf({
      ...settings.environment.stream,
      ...observedAs(),
      ...authEnvironment(secrets),
      DATABASE_URL: databaseUrl,
      // A REST API leaves the headers of other origins to the function.
      ...(vpc && origins && { STREAM_ORIGINS: origins.join(',') }),
    }),
  })
  return { handler, url: vpc ? gatewayOf(handler, seconds, shared).url : handler.url }
}

/** A REST API in this region, where a stream may be silent for five minutes; at the edge it would be half of one. */
function gatewayOf(handler: sst.aws.Function, seconds: number, { settings }: Shared): sst.aws.ApiGatewayV1 {
  const { rate, burst } = settings.concurrency.api
  const gateway = new sst.aws.ApiGatewayV1('StreamGateway', {
    endpoint: { type: 'regional' },
    cors: false,
    accessLog: { retention: settings.DEPLOY_LOG_RETENTION },
  })
  gateway.route('ANY /{proxy+}', handler.arn, {
    name: 'Events',
    // SST does not know that a function given by its ARN streams.
    streaming: true,
    transform: {
      integration: (args) => {
        args.timeoutMilliseconds = seconds * 1000
      },
    },
  })
  gateway.deploy()
  new aws.apigateway.MethodSettings('StreamLimits', {
    restApi: gateway.nodes.api.id,
    stageName: gateway.nodes.stage?.stageName ?? $app.stage,
    methodPath: '*/*',
    settings: { throttlingRateLimit: rate, throttlingBurstLimit: burst },
  })
  return gateway
}
