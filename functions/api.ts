import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { handle, type LambdaContext } from 'hono/aws-lambda'
import { composeApi } from '../core/api/compose.ts'
import { databaseAnswers, openDatabase } from '../core/database/client.ts'
import { installLightFetch } from '../core/http/fetch/install.ts'
import { waitSecondsOf } from '../core/http/prefer.ts'
import { openImageStore } from '../core/images/store.ts'
import { loadApiConfig } from '../core/platform/config/api.ts'
import { secretsOf } from '../core/platform/config/secrets.ts'
import { createLog, writeToStandardOutput } from '../core/platform/log.ts'
import { createMetrics } from '../core/platform/metrics.ts'
import { createFunctionWaker } from '../core/worker/wake/wake-functions.ts'

let api: ReturnType<typeof open> | undefined

/** API Gateway, HTTP API, payload format 2.0: every path of the API. */
export async function handler(
  event: APIGatewayProxyEventV2,
  context?: LambdaContext,
): Promise<APIGatewayProxyStructuredResultV2> {
  api ??= open()
  const { serve, feed, waker, log, metrics } = api
  log.invoked(context as Partial<Context> | undefined)
  const started = performance.now()
  let status = 500
  try {
    const stage = stageOf(event)
    const request = { ...event, rawPath: event.rawPath.slice(stage.length) || '/' }
    const result = (await serve(request as never, context)) as APIGatewayProxyStructuredResultV2
    // Work that is under way when this returns is frozen with the function.
    await Promise.all([feed.settled(), waker?.settled()])
    const { headers } = result
    if (headers && typeof headers.location === 'string') headers.location = stage + headers.location
    status = result.statusCode ?? 200
    return result
  } finally {
    // A call that may wait for a job takes as long as the job.
    const isPlain = waitSecondsOf(event.headers?.prefer) === undefined
    metrics.apiCall(status, isPlain ? performance.now() - started : undefined)
    metrics.flush()
  }
}

function open() {
  installLightFetch()
  const config = loadApiConfig()
  const { STREAM_URL } = config
  const output = { service: config.POWERTOOLS_SERVICE_NAME, write: writeToStandardOutput, now: Date.now }
  const log = createLog({ ...output, level: config.LOG_LEVEL, secrets: secretsOf(config) })
  const metrics = createMetrics(output)
  const database = openDatabase(config.DATABASE_URL, {
    connections: config.API_DATABASE_CONNECTIONS,
    random: Math.random,
  })
  const waker = createFunctionWaker(config.POLLER_FUNCTION, config, { database, log })
  const { app, feed } = composeApi(config, {
    database,
    store: openImageStore(config, { log }),
    log,
    metrics,
    isReady: () => databaseAnswers(database),
    wakeWorker: waker?.wake,
    allowLoopbackHttp: false,
    streamUrl: STREAM_URL ? () => STREAM_URL : undefined,
    // An HTTP API does not stream: functions/stream.ts does.
    streams: undefined,
  })
  return { serve: handle(app), feed, waker, log, metrics }
}

/** The prefix that API Gateway adds to the path: the name of a stage other than `$default`, at its own host name only. */
function stageOf({ rawPath, requestContext }: APIGatewayProxyEventV2): string {
  const { stage, apiId, domainPrefix } = requestContext
  const prefix = `/${stage}`
  const inPath = domainPrefix === apiId && (rawPath === prefix || rawPath.startsWith(`${prefix}/`))
  return inPath ? prefix : ''
}
