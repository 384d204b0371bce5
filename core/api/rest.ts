import type { Hono, Context as HonoContext } from 'hono'
import { VisionError } from '../errors.ts'
import { malformedJson, pointerTo, RefusedInput } from './failure.ts'
import { inputFromText, type Operation } from './operations.ts'
import { type AppRouter, appRouter } from './router.ts'
import type { AppEnv } from './services.ts'
import { type Context, createCallerFactory } from './trpc.ts'

type Call = HonoContext<AppEnv>

/** Serves each procedure at its REST route; every other method on such a path is 405. */
export function mountRest(app: Hono<AppEnv>, operations: readonly Operation[], contextOf: (call: Call) => Context) {
  const createCaller = createCallerFactory(appRouter)
  const templates = [...new Set(operations.map((operation) => operation.template))]
  for (const template of templates) {
    const path = template.replaceAll(/\{(\w+)\}/g, ':$1')
    const here = operations.filter((operation) => operation.template === template)
    for (const operation of here) {
      app.on(operation.method, path, async (call) => {
        const context = contextOf(call)
        // Before the body: who may not call need not send it.
        await context.authenticate()
        const procedure = procedureAt(createCaller(context), operation.path)
        return answer(call, operation, context, await procedure(await inputOf(call, operation)))
      })
    }
    const methods = here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
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

type Caller = ReturnType<ReturnType<typeof createCallerFactory<AppRouter['_def']['record']>>>

function procedureAt(caller: Caller, path: string): (input: unknown) => Promise<unknown> {
  return path.split('.').reduce((at: unknown, name) => (at as Record<string, unknown>)[name], caller) as never
}

function answer(call: Call, { meta }: Operation, { reply }: Context, result: unknown): Response {
  if (reply.location) call.header('location', reply.location)
  if (meta.status === 204) return call.body(null, 204)
  return call.json(result as object, reply.status ?? meta.status)
}

async function inputOf(call: Call, operation: Operation): Promise<unknown> {
  const { fields, method, pathFields } = operation
  const named = inputFromText(
    fields,
    new URLSearchParams(pathFields.map((name) => [name, call.req.param(name) ?? ''] as [string, string])),
  )
  if (method !== 'POST') return { ...inputFromText(fields, new URL(call.req.url).searchParams), ...named }
  const body = await readJson(call)
  if (pathFields.length === 0 && body !== undefined) return body
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) {
    throw new RefusedInput([{ pointer: '#', detail: 'The body must be a JSON object, or empty.' }])
  }
  const twice = pathFields.filter((name) => body !== undefined && name in body)
  if (twice.length > 0) {
    throw new RefusedInput(twice.map((name) => ({ pointer: pointerTo([name]), detail: 'The path says this already.' })))
  }
  return { ...body, ...named }
}

/** The body, or undefined if it is empty. */
async function readJson(call: Call): Promise<unknown> {
  const bytes = await call.req.arrayBuffer()
  if (bytes.byteLength === 0) return undefined
  if (!isJson(call.req.header('content-type'))) throw new VisionError('request.unsupported_type')
  try {
    return JSON.parse(textOf(bytes))
  } catch {
    throw new VisionError('request.invalid', { message: malformedJson })
  }
}

/** @throws TypeError if the bytes are not UTF-8 */
export function textOf(bytes: ArrayBuffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

/** Whether a body says that it is JSON; JSON is UTF-8 (RFC 8259, section 8.1). */
export function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(contentType ?? '')
}
