import type { AnyRouter } from '@trpc/server'
import type { Hono, Context as HonoContext } from 'hono'
import type { TrackedWatch } from '../api/jobs/watch.ts'
import type { AppEnv, StreamServices } from '../api/services.ts'
import { VisionError } from '../domain/errors.ts'
import { readJson } from './body.ts'
import { names, waitSecondsOf } from './conditional.ts'
import { inputFromText, type Operation } from './operations.ts'
import { logFailure, pointerTo, RefusedInput, unknownField } from './problem.ts'
import { eventStreamHeaders, toEventStream } from './sse.ts'
import { type Context, createCallerFactory, type Wish } from './trpc.ts'

type Call = HonoContext<AppEnv>

/** Serves each procedure at its REST route; every other method on such a path is 405. */
export function mountRest(
  app: Hono<AppEnv>,
  router: AnyRouter,
  operations: readonly Operation[],
  contextOf: (call: Call) => Context<StreamServices>,
) {
  const createCaller = createCallerFactory(router)
  const templates = [...new Set(operations.map((operation) => operation.template))]
  for (const template of templates) {
    const path = template.replaceAll(/\{(\w+)\}/g, ':$1')
    const here = operations.filter((operation) => operation.template === template)
    for (const operation of here) {
      app.on(operation.method, path, async (call) => {
        const context = { ...contextOf(call), wish: wishOf(call, operation) }
        if (operation.meta.streams) return stream(call, operation, context, createCaller)
        // Before the body: who may not call need not send it.
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
  context: Context<StreamServices>,
  createCaller: CreateCaller,
): Promise<Response> {
  // Its body would be a stream that nobody reads.
  if (call.req.method === 'HEAD') {
    call.header('allow', 'GET')
    throw new VisionError('request.method_not_allowed')
  }
  // Before its parameters: who may not call is told nothing of them. A ticket is for the job that they name.
  if (context.ticket === undefined) await context.authenticate()
  const left = new AbortController()
  const signal = AbortSignal.any([call.req.raw.signal, left.signal])
  const procedure = procedureAt(createCaller(context, { signal }), operation.path)
  const watch = (await procedure(await inputOf(call, operation))) as TrackedWatch
  if (watch.over) return call.body(null, 204)
  const events = toEventStream(watch, {
    left: () => left.abort(),
    onError: (error) => logFailure(context.services.log, error, operation.path),
  })
  return call.body(events, 200, eventStreamHeaders)
}

function procedureAt(caller: object, path: string): (input: unknown) => Promise<unknown> {
  return path.split('.').reduce((at: unknown, name) => (at as Record<string, unknown>)[name], caller) as never
}

/** What a call asks for in its headers, where its operation knows of that. */
function wishOf(call: Call, { meta }: Operation): Wish {
  const { signal } = call.req.raw
  const known = meta.versioned ? call.req.header('if-none-match') : undefined
  const waitSeconds = meta.waits && waitSecondsOf(call.req.header('prefer'))
  if (waitSeconds === undefined) return { patience: signal, known }
  return { waitSeconds, patience: AbortSignal.any([signal, AbortSignal.timeout(waitSeconds * 1000)]), known }
}

function answer(call: Call, { method, meta }: Operation, context: Context<StreamServices>, result: unknown): Response {
  const { reply, wish } = context
  if (reply.location) call.header('location', reply.location)
  for (const [name, value] of Object.entries(reply.limits ?? {})) call.header(name, value)
  if (wish.waitSeconds !== undefined && !reply.unwaited) call.header('preference-applied', `wait=${wish.waitSeconds}`)
  // Who waits is told of the next change as soon as it asks again.
  else if (reply.retryAfterSeconds !== undefined) call.header('retry-after', String(reply.retryAfterSeconds))
  if (reply.etag) {
    call.header('etag', reply.etag)
    call.header('cache-control', 'private, no-cache')
    if (method === 'GET' && names(wish.known, reply.etag)) return call.body(null, 304)
  }
  if (meta.status === 204) return call.body(null, 204)
  return call.json(result as object, reply.status ?? meta.status)
}

async function inputOf(call: Call, operation: Operation): Promise<unknown> {
  const { fields, method, pathFields } = operation
  const named = inputFromText(
    fields,
    new URLSearchParams(pathFields.map((name) => [name, call.req.param(name) ?? ''] as [string, string])),
  )
  if (method !== 'POST') return { ...inputFromText(fields, queryOf(call, operation)), ...named }
  // What is not looked at must not be taken for heard.
  const unknown = [...new Set(new URL(call.req.url).searchParams.keys())]
  if (unknown.length > 0) throw new RefusedInput(unknown.map((name) => unknownField([name])))
  const body = await readJson(call.req.raw)
  if (pathFields.length === 0 && body !== undefined) return body
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) {
    const detail = 'The body must be a JSON object, or empty.'
    throw new RefusedInput([{ pointer: '#', code: 'field.wrong_type', detail }])
  }
  const twice = pathFields.filter((name) => body !== undefined && Object.hasOwn(body, name))
  if (twice.length > 0) {
    const detail = 'The path says this already.'
    throw new RefusedInput(twice.map((name) => ({ pointer: pointerTo([name]), code: 'field.conflict', detail })))
  }
  return { ...body, ...named }
}

function queryOf(call: Call, { meta }: Operation): URLSearchParams {
  const query = new URL(call.req.url).searchParams
  if (!meta.streams) return query
  query.delete('ticket')
  // An EventSource that comes back asks for the same URL, and says in the header how far it has come.
  const lastEventId = call.req.header('last-event-id')
  if (lastEventId) query.set('lastEventId', lastEventId)
  return query
}
