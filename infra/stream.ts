import { streamGraceSeconds } from './constraints.ts'
import { common, environmentOf, observedAs, type Shared } from './functions.ts'
import { authEnvironment } from './secrets.ts'

/**
 * Live progress at a function URL that streams. Who may watch is checked by the function itself, by ticket or token. Not
 * for a function in a VPC: from there function URLs do not stream (AWS Lambda Developer Guide, "Response streaming").
 */
export function createStream(shared: Shared) {
  const { settings, secrets, databaseUrl } = shared
  const { DEPLOY_ORIGINS: origins, DEPLOY_STREAM_CONCURRENCY: reserved } = settings
  return new sst.aws.Function('Stream', {
    ...common(shared),
    description: 'Live progress as server-sent events',
    handler: 'functions/stream.handler',
    streaming: true,
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
    timeout: `${Math.ceil(settings.streamSeconds) + streamGraceSeconds} seconds`,
    memory: '512 MB',
    ...(reserved && { concurrency: { reserved } }),
    environment: environmentOf({
      ...settings.environment.stream,
      ...observedAs(),
      ...authEnvironment(secrets),
      DATABASE_URL: databaseUrl,
    }),
  })
}
