import type { AnyRouter } from '@trpc/server'
import type { Hono, Context as HonoContext } from 'hono'
import { VisionError } from '../domain/errors.ts'
import { mediaTypeOf, readJson, readText } from './body.ts'
import type { AppEnv, Context, Preferences } from './context.ts'
import { deprecationHeaders } from './deprecation.ts'
import { matchesETag } from './etag.ts'
import { InvalidInput, pointerTo, unknownField } from './invalid-input.ts'
import { logError } from './log-error.ts'
import { takesBody } from './meta.ts'
import type { Operation } from './operations.ts'
import { waitSecondsOf } from './prefer.ts'
import { type EventStream, eventStreamHeaders, toEventStream } from './sse.ts'
import { createCallerFactory } from './trpc/trpc.ts'

type Call = HonoContext<AppEnv>

/** Serves each procedure at its REST route; every other method on such a path is 405. */
export function mountRest(
  app: Hono<AppEnv>,
  router: AnyRouter,
  operations: readonly Operation[],
  contextOf: (call: Call) => Context,
) {
  const createCaller = createCallerFactory(router)
  const templates = [...new Set(operations.map((operation) => operation.template))]
  for (const template of templates) {
    const path = template.replaceAll(/\{(\w+)\}/g, ':$1')
    const here = operations.filter((operation) => operation.template === template)
    for (const operation of here) {
      const { deprecated } = operation.meta
      const notices = Object.entries(deprecated ? deprecationHeaders(deprecated) : {})
      app.on(operation.method, path, async (call) => {
        // On refusals, too.
        for (const [name, value] of notices) call.header(name, value)
        const context = { ...contextOf(call), preferences: preferencesOf(call, operation) }
        if (operation.meta.streams) return stream(call, operation, context, createCaller)
        // Before the body: a caller that is refused need not send it.
        await context.authenticate()
        const procedure = procedureAt(createCaller(context), operation.path)
        return answer(call, operation, context, await procedure(await inputOf(call, operation)))
      })
    }
    const methods = here.flatMap(({ method, meta }) => (method === 'GET' && !meta.streams ? ['GET', 'HEAD'] : [method]))
    refuseOtherMethods(app, path, methods)
  }
}

/** Answers 405 to every method that no route before has taken. */
export function refuseOtherMethods(app: Hono<AppEnv>, path: string, allowed: readonly string[]): void {
  app.all(path, (call) => {
    call.header('allow', allowed.join(', '))
    throw new VisionError('request.method_not_allowed')
  })
}

type CreateCaller = ReturnType<typeof createCallerFactory<AnyRouter['_def']['record']>>

/** Ends with the connection: a client that goes away ends the work. */
async function stream(
  call: Call,
  operation: Operation,
  context: Context,
  createCaller: CreateCaller,
): Promise<Response> {
  // Its body would be a stream without a reader.
  if (call.req.method === 'HEAD') {
    call.header('allow', 'GET')
    throw new VisionError('request.method_not_allowed')
  }
  const left = new AbortController()
  const signal = AbortSignal.any([call.req.raw.signal, left.signal])
  const procedure = procedureAt(createCaller(context, { signal }), operation.path)
  const events = (await procedure(await inputOf(call, operation))) as EventStream
  if (events.complete) return call.body(null, 204)
  const body = toEventStream(events, {
    closingOf: events.closingOf,
    left: () => left.abort(),
    onError: (error) => logError(context.services.log, error, operation.path),
  })
  return call.body(body, 200, eventStreamHeaders)
}

function procedureAt(caller: object, path: string): (input: unknown) => Promise<unknown> {
  return path.split('.').reduce((at: unknown, name) => (at as Record<string, unknown>)[name], caller) as never
}

/** What the headers of a call ask for, where its operation can do that. */
function preferencesOf(call: Call, { meta }: Operation): Preferences {
  const ifNoneMatch = meta.versioned ? call.req.header('if-none-match') : undefined
  const ifMatch = meta.conditional ? call.req.header('if-match') : undefined
  const waitSeconds = meta.waits && waitSecondsOf(call.req.header('prefer'))
  if (waitSeconds === undefined) {
    return {
      get waitSignal() {
        return call.req.raw.signal
      },
      ifNoneMatch,
      ifMatch,
    }
  }
  const waitSignal = AbortSignal.any([call.req.raw.signal, AbortSignal.timeout(waitSeconds * 1000)])
  return { waitSeconds, waitSignal, ifNoneMatch, ifMatch }
}

function answer(call: Call, { method, meta }: Operation, { reply, preferences }: Context, result: unknown): Response {
  const { waitSeconds, ifNoneMatch } = preferences
  if (reply.location) call.header('location', reply.location)
  for (const [name, value] of Object.entries(reply.limits ?? {})) call.header(name, value)
  if (waitSeconds !== undefined && !reply.notWaited) call.header('preference-applied', `wait=${waitSeconds}`)
  // A caller that waits gets the next change as soon as it asks again.
  else if (reply.retryAfterSeconds !== undefined) call.header('retry-after', String(reply.retryAfterSeconds))
  if (reply.etag) {
    call.header('etag', reply.etag)
    call.header('cache-control', 'private, no-cache')
    if (method === 'GET' && matchesETag(ifNoneMatch, reply.etag)) return call.body(null, 304)
  }
  const nextCursor = reply.nextCursor ?? nextCursorOf(result)
  // What has a body has its cursor there.
  if (nextCursor !== undefined && method === 'GET') {
    const url = new URL(call.req.url)
    url.searchParams.set('cursor', nextCursor)
    // Relative to the request: a proxy may have changed the prefix.
    call.header('link', `<${url.search}>; rel="next"`, { append: true })
  }
  if (reply.replayed) call.header('idempotent-replayed', 'true')
  if (reply.body) {
    const { type, text, fileName } = reply.body
    return call.body(text, 200, {
      'content-type': type,
      'content-disposition': `attachment; filename="${fileName}"`,
    })
  }
  if (meta.status === 204) return call.body(null, 204)
  return call.json(result as object, reply.replayed ? 200 : meta.status)
}

/** The cursor of a page that is not the last. */
function nextCursorOf(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null || !('nextCursor' in result)) return undefined
  return typeof result.nextCursor === 'string' ? result.nextCursor : undefined
}

async function inputOf(call: Call, operation: Operation): Promise<unknown> {
  const { method, pathFields } = operation
  const named = await operation.fromText(
    new URLSearchParams(pathFields.map((name) => [name, call.req.param(name) ?? ''] as [string, string])),
  )
  if (!takesBody(method)) return { ...(await operation.fromText(queryOf(call, operation))), ...named }
  // A parameter that is ignored would be taken for accepted.
  const unknown = [...new Set(new URL(call.req.url).searchParams.keys())]
  if (unknown.length > 0) throw new InvalidInput(unknown.map((name) => unknownField([name])))
  const { takesText } = operation.meta
  const isText = takesText && mediaTypeOf(call.req.raw.headers) === takesText.type
  const body = isText ? { [takesText.field]: await readText(call.req.raw) } : await readJson(call.req.raw)
  if (pathFields.length === 0 && body !== undefined) return body
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) {
    const detail = 'The body must be a JSON object, or empty.'
    throw new InvalidInput([{ pointer: '#', code: 'field.wrong_type', detail }])
  }
  const twice = pathFields.filter((name) => body !== undefined && Object.hasOwn(body, name))
  if (twice.length > 0) {
    const detail = 'The path says this already.'
    throw new InvalidInput(twice.map((name) => ({ pointer: pointerTo([name]), code: 'field.conflict', detail })))
  }
  return { ...body, ...named }
}

function queryOf(call: Call, { meta }: Operation): URLSearchParams {
  const query = new URL(call.req.url).searchParams
  if (!meta.streams) return query
  query.delete('ticket')
  // An EventSource reconnects to the same URL, and says in the header how far it has come.
  const lastEventId = call.req.header('last-event-id')
  if (lastEventId) query.set('lastEventId', lastEventId)
  return query
}
