import { runInThisContext } from 'node:vm'
import { LightHeaders } from './headers.ts'
import { LightRequest } from './request.ts'
import { LightResponse } from './response.ts'

type FetchClasses = Record<'Headers' | 'Request' | 'Response', unknown>

/**
 * Declares the names beside the global object. Node.js loads its own when a property of the global object is so much as
 * described, defined or assigned; a declaration of a script comes before it, and leaves it alone.
 */
const declaration = `
  let Headers, Request, Response
  ;(classes) => { ({ Headers, Request, Response } = classes) }`

type Assign = (classes: FetchClasses) => void
/** The process has one declaration, and may load this file more than once. */
const shared: { [key: symbol]: Assign | undefined } = globalThis as never
const assign = Symbol.for('vision-pipeline.declared-fetch')

/**
 * Puts classes of our own in the place of `Request`, `Response` and `Headers`, for a process that answers requests and
 * is started for each first one. Node.js loads its own together with all that `fetch` is made of, which takes as long as
 * Node.js itself does to start, and what a server does with them needs none of that. What ours do not understand, such as a
 * form as a body, is made of Node.js' own, which are loaded then; `fetch` is untouched, and takes these headers.
 */
export function installLightFetch(): void {
  shared[assign] ??= runInThisContext(declaration) as Assign
  shared[assign]({
    Headers: LightHeaders,
    Request: new Proxy(LightRequest, {
      construct: (target, args, self) =>
        target.understands(args[0], args[1]) ? Reflect.construct(target, args, self) : native('Request', args),
    }),
    Response: new Proxy(LightResponse, {
      construct: (target, args, self) =>
        target.understands(args[0]) ? Reflect.construct(target, args, self) : native('Response', args),
    }),
  })
}

/** Has these names mean Node.js' own again: for tests, which share a process. */
export function restoreFetch(): void {
  const { Headers, Request, Response } = globalThis
  shared[assign]?.({ Headers, Request, Response })
}

/** One of Node.js' own, made of what it understands itself. */
function native(name: 'Request' | 'Response', [input, init]: readonly unknown[]): object {
  const { headers } = (init ?? {}) as { headers?: unknown }
  const options = headers instanceof LightHeaders ? { ...(init as object), headers: [...headers] } : init
  return Reflect.construct(globalThis[name], [input instanceof LightRequest ? nativeRequest(input) : input, options])
}

function nativeRequest({ url, method, headers, body, signal }: LightRequest): Request {
  return new globalThis.Request(url, { method, headers: [...headers], body, signal, duplex: 'half' })
}
