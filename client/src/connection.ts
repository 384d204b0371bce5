import createClient, { type Client } from 'openapi-fetch'
import type { paths } from './openapi.ts'
import { createSend, type SendOptions } from './send.ts'

export interface ClientOptions extends SendOptions {
  /** Where the API is; the local stack, `http://localhost:3000`, if left out. */
  readonly url?: string | undefined
}

/** Every call of the API, typed by its OpenAPI document: `api.GET('/v1/jobs/{jobId}', …)`. */
export type Api = Client<paths>

/** What the parts of the client call the API by. */
export interface Connection {
  readonly api: Api
  /** The `fetch` of a call that may be sent again though nothing of it says so. */
  readonly repeat: (request: Request) => Promise<Response>
  /** As given, for servers beside the API: no key goes there. */
  readonly fetch: typeof globalThis.fetch
}

export function connect({ url = 'http://localhost:3000', ...options }: ClientOptions): Connection {
  const api = createClient<paths>({
    baseUrl: url.replace(/\/+$/, ''),
    fetch: createSend(options),
    // A list is a parameter that is repeated.
    querySerializer: { array: { style: 'form', explode: true } },
  })
  const { fetch = globalThis.fetch } = options
  // A browser's fetch refuses to be called as a method of anything else.
  return { api, repeat: createSend(options, () => true), fetch: (input, init) => fetch(input, init) }
}

/** The body of an answer; what failed was thrown. */
export async function dataOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer
  return data as T
}
