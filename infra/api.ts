import { common, environmentOf, observedAs, type Shared, traced } from './functions.ts'
import { mayInvoke } from './poller.ts'
import { authEnvironment } from './secrets.ts'
import { mayUse } from './storage.ts'

/** The request headers that pages of other origins may send. */
const requestHeaders = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'prefer',
  'traceparent',
  'trpc-accept',
]

/** The response headers that those pages may read. */
const readableHeaders = [
  'deprecation',
  'etag',
  'idempotent-replayed',
  'link',
  'location',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'sunset',
  'x-request-id',
  'x-trace-id',
]

/** The files of `GET /docs`: read on request, so that they cost the start of the function nothing. */
const referenceFiles = ['swagger-ui-bundle.js', 'swagger-ui.css'].map((name) => ({
  from: `node_modules/swagger-ui-dist/${name}`,
}))

/** The HTTP API, with one function behind every path of it. */
export function createApi({
  bucket,
  streamUrl,
  poller,
  ...shared
}: Shared & {
  readonly bucket: sst.aws.Bucket
  readonly streamUrl: $util.Output<string> | undefined
  readonly poller: sst.aws.Function
}) {
  const { settings, secrets, databaseUrl } = shared
  const shape = common(shared)
  const tracing = traced(settings)
  const handler = new sst.aws.Function('ApiHandler', {
    ...shape,
    description: 'The HTTP API',
    ...shared.code('api'),
    copyFiles: referenceFiles,
    // As long as API Gateway waits.
    timeout: '30 seconds',
    memory: '1024 MB',
    environment: environmentOf({
      ...settings.environment.api,
      ...observedAs(),
      ...authEnvironment(secrets),
      DATABASE_URL: databaseUrl,
      BUCKET_NAME: bucket.name,
      POLLER_FUNCTION: poller.name,
      POLLER_MAX: String(settings.concurrency.mostPollers),
      ...(streamUrl && { STREAM_URL: streamUrl }),
    }),
    // Requests that it signs for others need the same permissions as its own.
    permissions: [
      mayUse(bucket, 'images/', ['s3:GetObject', 's3:PutObject']),
      mayUse(bucket, 'uploads/', ['s3:PutObject']),
      mayInvoke(poller),
      ...tracing.permissions,
    ],
    transform: { ...shape.transform, ...tracing.transform },
  })
  const { DEPLOY_DOMAIN: domain, DEPLOY_ORIGINS: origins } = settings
  const gateway = new sst.aws.ApiGatewayV2('Api', {
    ...(domain && { domain }),
    accessLog: { retention: settings.DEPLOY_LOG_RETENTION },
    cors: origins
      ? {
          allowOrigins: origins,
          allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
          allowHeaders: requestHeaders,
          exposeHeaders: readableHeaders,
          maxAge: '1 hour',
        }
      : false,
    transform: {
      stage: (args) => {
        args.defaultRouteSettings = {
          throttlingRateLimit: settings.concurrency.api.rate,
          throttlingBurstLimit: settings.concurrency.api.burst,
        }
      },
    },
  })
  // The app knows its routes, and answers the others in its own words.
  gateway.route('$default', handler.arn)
  return { handler, gateway }
}
