import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { handle, type LambdaContext } from 'hono/aws-lambda'
import { createApp } from '../core/api/app.ts'
import { createAuthenticator } from '../core/auth.ts'
import { loadApiConfig } from '../core/config.ts'
import { databaseAnswers, openDatabase } from '../core/db.ts'
import { createImageIntake } from '../core/images/intake.ts'
import { openImageStore } from '../core/images/store.ts'
import { openFeed } from '../core/live/open.ts'
import { createTickets } from '../core/live/tickets.ts'
import { createLog } from '../core/log.ts'

let api: ReturnType<typeof open> | undefined

/** API Gateway, HTTP API, payload format 2.0: every path of the API. */
export async function handler(
  event: APIGatewayProxyEventV2,
  context?: LambdaContext,
): Promise<APIGatewayProxyStructuredResultV2> {
  api ??= open()
  const stage = stageOf(event)
  const result = await api.serve({ ...event, rawPath: event.rawPath.slice(stage.length) || '/' } as never, context)
  // Whatever is under way when this returns is frozen with the function.
  await api.feed.settled()
  const { headers } = result as APIGatewayProxyStructuredResultV2
  if (headers && typeof headers.location === 'string') headers.location = stage + headers.location
  return result as APIGatewayProxyStructuredResultV2
}

function open() {
  const config = loadApiConfig()
  const { STREAM_URL } = config
  const log = createLog(config.LOG_LEVEL, (line) => console.log(line), Date.now)
  const database = openDatabase(config.DATABASE_URL, {
    connections: config.API_DATABASE_CONNECTIONS,
    random: Math.random,
  })
  const store = openImageStore(config)
  const feed = openFeed(database, log)
  const app = createApp({
    database,
    store,
    images: createImageIntake(database, store, { allowLoopbackHttp: false }),
    authenticate: createAuthenticator(config),
    // An HTTP API does not stream: functions/stream.ts does.
    live: undefined,
    feed,
    tickets: STREAM_URL ? createTickets(config, Date.now) : undefined,
    streamUrl: STREAM_URL ? () => STREAM_URL : undefined,
    maxRetries: config.JOB_MAX_RETRIES,
    lifeMs: config.JOB_EXPIRES_HOURS * 3_600_000,
    retentionDays: config.JOB_RETENTION_DAYS,
    log,
    isReady: () => databaseAnswers(database),
    now: Date.now,
  })
  return { serve: handle(app), feed }
}

/** What API Gateway puts before the path: the name of a stage other than `$default`, at its own host name only. */
function stageOf({ rawPath, requestContext }: APIGatewayProxyEventV2): string {
  const { stage, apiId, domainPrefix } = requestContext
  const prefix = `/${stage}`
  const inPath = domainPrefix === apiId && (rawPath === prefix || rawPath.startsWith(`${prefix}/`))
  return inPath ? prefix : ''
}
