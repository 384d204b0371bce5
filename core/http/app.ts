import { randomUUID } from 'node:crypto'
import type { AnyRouter } from '@trpc/server'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { Hono, type Context as HonoContext } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { VisionError } from '../domain/errors.ts'
import type { Actor } from '../platform/auth.ts'
import { withFields } from '../platform/log.ts'
import { traceIdOf } from '../platform/trace.ts'
import { limitBody } from './body-limit.ts'
import type { AppEnv, Context, KernelServices } from './context.ts'
import { deprecationHeaders } from './deprecation.ts'
import { type ErrorHeaders, toErrorResponse } from './error-response.ts'
import { shared } from './health.ts'
import { logError } from './log-error.ts'
import { operationsOf } from './operations.ts'
import { mountProblemPages } from './pages/problem-page.ts'
import { type KeyFor, mountReferencePage, referencePath } from './pages/reference-page.ts'
import { toProblem } from './problem.ts'
import type { Resource } from './resource.ts'
import { mountRest, refuseOtherMethods } from './rest.ts'
import { errorShape } from './trpc/trpc.ts'
import { batchCallsAtOnce, createLimiter, maxBatchCalls } from './trpc/trpc-batch.ts'
import { methodsOf, operationsAt, requestForTrpc, trpcPath, withJsonType } from './trpc/trpc-request.ts'

type Call = HonoContext<AppEnv>

/** The parts of the served application. */
export interface Api {
  readonly name: string
  /** What the OpenAPI document begins with: its `info` object. */
  readonly info: Readonly<Record<string, unknown>>
  readonly resources: readonly Resource[]
  /** All procedures of the resources. */
  readonly router: AnyRouter
  readonly errorHeaders?: ErrorHeaders
  /** The page that shows the document; undefined where none is served. */
  readonly reference?: { readonly keyFor: KeyFor | undefined }
}

// An event of Lambda may be 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), and the
// body is not all of it.
const maxBodyBytes = 5.5 * 1024 * 1024

/** How long an answer about the service's health holds, in milliseconds. */
const healthMs = 1_000

/** An API as one function from request to response, in both protocols and with its document. */
export function createHttpApp<Services extends KernelServices>(
  { name, info, resources, router, errorHeaders, reference }: Api,
  services: Services,
): Hono<AppEnv> {
  const operations = operationsOf(router, resources)
  const app = new Hono<AppEnv>()

  const contextOf = (call: Call): Context<Services> => {
    let actor: Promise<Actor> | undefined
    return {
      services: { ...services, log: call.get('log') },
      requestId: call.get('requestId'),
      traceId: call.get('traceId'),
      authenticate: () => {
        actor ??= services.authenticate(call.req.raw, call.env)
        return actor
      },
      limit: createLimiter(batchCallsAtOnce),
      ticket: call.req.query('ticket'),
      transport: call.req.path.startsWith(`${trpcPath}/`) ? 'trpc' : 'sse',
      idempotencyKey: call.req.header('idempotency-key'),
      creations: 1,
      preferences: {
        get waitSignal() {
          return call.req.raw.signal
        },
      },
      reply: {},
    }
  }

  app.use(async (call, next) => {
    const requestId = randomUUID()
    const traceId = traceIdOf(call.req.raw.headers, services.randomBytes)
    call.set('requestId', requestId)
    call.set('traceId', traceId)
    call.set('log', withFields(services.log, { requestId, traceId }))
    // Before the response is made: by Hono's `header` a finished one is made anew, its body as a stream.
    call.header('x-request-id', requestId)
    call.header('x-trace-id', traceId)
    await next()
    const { headers } = call.res
    // What tRPC answers is not made by the call.
    if (headers.has('x-request-id')) return
    headers.set('x-request-id', requestId)
    headers.set('x-trace-id', traceId)
  })
  app.use(limitBody(maxBodyBytes, (call) => fail(call, new VisionError('request.too_large'))))
  app.notFound((call) => fail(call, new VisionError('request.not_found')))
  app.onError((error, call) => fail(call, error))

  const places = { openapi: '/openapi.json', ...(reference && { docs: referencePath }), trpc: trpcPath, rest: '/v1' }
  app.get('/', (call) => call.json({ name, ...places }))
  if (reference) mountReferencePage(app, String(info.title ?? name), reference.keyFor)
  mountProblemPages(app)
  const isReady = shared(services.isReady, healthMs, services.now)
  app.get('/healthz', async (call) => {
    if (await isReady()) return call.json({ status: 'ok' })
    call.header('retry-after', '5')
    return call.json({ status: 'unavailable' }, 503)
  })
  let document: Promise<object> | undefined
  app.get('/openapi.json', async (call) => {
    document ??= import('./openapi/openapi.ts').then(({ openApiDocument }) =>
      openApiDocument(info, resources, operations),
    )
    return call.json(await document)
  })
  for (const path of ['/', '/healthz', '/openapi.json']) refuseOtherMethods(app, path, ['GET', 'HEAD'])
  app.all(`${trpcPath}/*`, async (call) => {
    const named = operationsAt(operations, call.req.url)
    const allowed = methodsOf(named)
    if (!allowed.includes(call.req.method)) {
      call.header('allow', allowed.join(', '))
      throw new VisionError('request.method_not_allowed', { message: 'Queries take GET, mutations take POST.' })
    }
    const context = { ...contextOf(call), creations: named.filter(({ meta }) => meta.idempotent).length }
    const logged = new WeakSet<Error>()
    const response = await fetchRequestHandler({
      endpoint: trpcPath,
      req: await authenticatedIfRefused(context, () => requestForTrpc(call.req.raw, named)),
      router,
      createContext: () => context,
      maxBatchSize: maxBatchCalls,
      onError: ({ error, path }) => {
        // tRPC reports a subscription that did not begin twice.
        if (logged.has(error)) return
        logged.add(error)
        logError(call.get('log'), error, path ?? 'unknown')
      },
      responseMeta: ({ ctx, errors }) => ({
        headers: Object.assign(
          {},
          ctx?.reply.limits,
          ...named.map(({ meta }) => (meta.deprecated ? deprecationHeaders(meta.deprecated) : {})),
          ...errors.map((error) => toErrorResponse(error, errorHeaders).headers),
        ),
      }),
    })
    return withJsonType(response)
  })
  mountRest(app, router, operations, contextOf)
  return app

  function fail(call: Call, error: unknown): Response {
    logError(call.get('log'), error, `${call.req.method} ${call.req.path}`)
    return respond(call, error, errorHeaders)
  }
}

/** A request that is refused before tRPC sees it; a missing authentication is reported first. */
async function authenticatedIfRefused<Result>(
  { authenticate }: Pick<Context, 'authenticate'>,
  take: () => Promise<Result>,
) {
  try {
    return await take()
  } catch (error) {
    await authenticate()
    throw error
  }
}

/** An error in the terms of the protocol that the path belongs to. */
function respond(call: Call, error: unknown, errorHeaders: ErrorHeaders | undefined): Response {
  const response = toErrorResponse(error, errorHeaders)
  const requestId = call.get('requestId')
  const status = response.status as ContentfulStatusCode
  for (const [name, value] of Object.entries(response.headers)) call.header(name, value)
  if (call.req.path.startsWith(`${trpcPath}/`)) {
    return call.json({ error: errorShape(error, undefined, requestId) }, status)
  }
  return call.body(JSON.stringify(toProblem(response, requestId)), status, {
    'content-type': 'application/problem+json',
  })
}
