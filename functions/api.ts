import { randomBytes } from 'node:crypto'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { handle, type LambdaContext } from 'hono/aws-lambda'
import { createApp } from '../core/api/app.ts'
import { databaseAnswers, openDatabase } from '../core/database/client.ts'
import { createImageIntake } from '../core/images/intake.ts'
import { openImageStore } from '../core/images/store.ts'
import { openFeed } from '../core/live/open.ts'
import { createTickets } from '../core/live/tickets.ts'
import { createWaits } from '../core/live/waits.ts'
import { createAuthenticator } from '../core/platform/auth.ts'
import { loadApiConfig } from '../core/platform/config/api.ts'
import { secretsOf } from '../core/platform/config/secrets.ts'
import { createLog, writeToStandardOutput } from '../core/platform/log.ts'
import { createMetrics } from '../core/platform/metrics.ts'
import { userLimits } from '../core/usage/quotas.ts'
import { uploadLimits } from '../core/usage/upload-quota.ts'

let api: ReturnType<typeof open> | undefined

/** API Gateway, HTTP API, payload format 2.0: every path of the API. */
export async function handler(
  event: APIGatewayProxyEventV2,
  context?: LambdaContext,
): Promise<APIGatewayProxyStructuredResultV2> {
  api ??= open()
  const { serve, feed, log, metrics } = api
  log.invoked(context as Partial<Context> | undefined)
  const started = performance.now()
  let status = 500
  try {
    const stage = stageOf(event)
    const request = { ...event, rawPath: event.rawPath.slice(stage.length) || '/' }
    const result = (await serve(request as never, context)) as APIGatewayProxyStructuredResultV2
    // Whatever is under way when this returns is frozen with the function.
    await feed.settled()
    const { headers } = result
    if (headers && typeof headers.location === 'string') headers.location = stage + headers.location
    status = result.statusCode ?? 200
    return result
  } finally {
    metrics.apiCall(status, performance.now() - started)
    metrics.flush()
  }
}

function open() {
  const config = loadApiConfig()
  const { STREAM_URL } = config
  const output = { service: config.POWERTOOLS_SERVICE_NAME, write: writeToStandardOutput, now: Date.now }
  const log = createLog({ ...output, level: config.LOG_LEVEL, secrets: secretsOf(config) })
  const metrics = createMetrics(output)
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
    waits: createWaits({ database, perUser: config.WAITS_PER_USER, log, random: Math.random }),
    tickets: STREAM_URL ? createTickets(config, Date.now) : undefined,
    streamUrl: STREAM_URL ? () => STREAM_URL : undefined,
    maxRetries: config.JOB_MAX_RETRIES,
    inFlightPerUser: config.JOB_IN_FLIGHT_PER_USER,
    limits: userLimits(config),
    uploadLimits: uploadLimits(config),
    lifeMs: config.JOB_EXPIRES_HOURS * 3_600_000,
    retentionDays: config.JOB_RETENTION_DAYS,
    log,
    metrics,
    isReady: () => databaseAnswers(database),
    now: Date.now,
    randomBytes,
  })
  return { serve: handle(app), feed, log, metrics }
}

/** What API Gateway puts before the path: the name of a stage other than `$default`, at its own host name only. */
function stageOf({ rawPath, requestContext }: APIGatewayProxyEventV2): string {
  const { stage, apiId, domainPrefix } = requestContext
  const prefix = `/${stage}`
  const inPath = domainPrefix === apiId && (rawPath === prefix || rawPath.startsWith(`${prefix}/`))
  return inPath ? prefix : ''
}
