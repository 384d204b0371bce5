import { once } from 'node:events'
import type { APIGatewayProxyEvent, LambdaFunctionURLEvent } from 'aws-lambda'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { composeStreams } from '../core/api/compose-streams.ts'
import { openDatabase } from '../core/database/client.ts'
import { installLightFetch } from '../core/http/fetch/install.ts'
import { secretsOf } from '../core/platform/config/secrets.ts'
import { loadStreamConfig } from '../core/platform/config/stream.ts'
import { createLog, writeToStandardOutput } from '../core/platform/log.ts'

let server: ReturnType<typeof open> | undefined

/**
 * Function URL, or REST API, both with response streaming: live progress. One instance serves one stream at a time.
 */
export const handler = awslambda.streamifyResponse<LambdaFunctionURLEvent | APIGatewayProxyEvent>(
  async (event, stream, context) => {
    server ??= open()
    const { app, live, log } = server
    log.invoked(context)
    const left = new AbortController()
    // Lambda does not report that the client has left; when the stream breaks, the work ends.
    for (const broken of ['error', 'close']) stream.on(broken, () => left.abort())
    const response = await app.fetch(requestOf(event, left.signal))
    const reply = awslambda.HttpResponseStream.from(stream, {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
    })
    // The status and the headers are sent with the first write; an end alone would never send them.
    reply.write('')
    try {
      for await (const chunk of response.body ?? []) {
        if (!reply.write(chunk)) await once(reply, 'drain', { signal: left.signal })
      }
    } catch (error) {
      if (!left.signal.aborted) throw error
    }
    reply.end()
    // Work that is under way when this returns is frozen with the function.
    await live.settled()
  },
)

function open() {
  installLightFetch()
  const config = loadStreamConfig()
  const log = createLog({
    level: config.LOG_LEVEL,
    service: config.POWERTOOLS_SERVICE_NAME,
    secrets: secretsOf(config),
    write: writeToStandardOutput,
    now: Date.now,
  })
  const database = openDatabase(config.DATABASE_URL, { connections: 2, random: Math.random })
  // Unauthenticated, and an instance serves one call at a time, so the answer says only that it runs. The API checks the database.
  const { app, live } = composeStreams(config, { database, log, isReady: async () => true })
  const { STREAM_ORIGINS } = config
  return { app: STREAM_ORIGINS ? readableFrom(STREAM_ORIGINS, app) : app, live, log }
}

/** Answers CORS preflight requests, as a function URL would. */
function readableFrom(origins: string[], streams: Pick<Hono, 'fetch'>): Hono {
  const app = new Hono()
  app.use(
    cors({ origin: origins, allowMethods: ['GET'], allowHeaders: ['authorization', 'last-event-id'], maxAge: 3_600 }),
  )
  app.all('*', (context) => streams.fetch(context.req.raw))
  return app
}

/** The request of a function URL (payload format 2.0) or of a REST API (1.0). */
function requestOf(event: LambdaFunctionURLEvent | APIGatewayProxyEvent, signal: AbortSignal): Request {
  return 'rawPath' in event ? requestOf2(event, signal) : requestOf1(event, signal)
}

function requestOf2(event: LambdaFunctionURLEvent, signal: AbortSignal): Request {
  const { rawPath, rawQueryString, headers, requestContext } = event
  const { domainName, http } = requestContext
  const url = new URL(`https://${domainName}${rawPath}`)
  url.search = rawQueryString
  return new Request(url, { method: http.method, headers: headers as Record<string, string>, signal })
}

function requestOf1(event: APIGatewayProxyEvent, signal: AbortSignal): Request {
  const { path, httpMethod, headers, multiValueQueryStringParameters, requestContext } = event
  const url = new URL(`https://${requestContext.domainName}${path}`)
  for (const [name, values = []] of Object.entries(multiValueQueryStringParameters ?? {})) {
    for (const value of values) url.searchParams.append(name, value)
  }
  const given = Object.entries(headers ?? {}).filter(([, value]) => value !== undefined) as [string, string][]
  return new Request(url, { method: httpMethod, headers: given, signal })
}
