import createClient, { type Client } from 'openapi-fetch'
import { VisionError } from './errors.ts'
import type { paths } from './openapi.ts'
import { createSend, type SendOptions } from './send.ts'

export interface ClientOptions extends SendOptions {
  /** Where the API is; the local stack, `http://localhost:3000`, if left out. */
  readonly url?: string | undefined
}

/** Every call of the API, typed by its OpenAPI document: `api.GET('/v1/jobs/{jobId}', …)`. */
export type Api = Client<paths>

/** The connection by which the parts of the client call the API. */
export interface Connection {
  readonly api: Api
  /** The `fetch` of a call that is safe to repeat although its method does not say so. */
  readonly repeat: (request: Request) => Promise<Response>
  /** As given, for servers beside the API: no key goes there. */
  readonly fetch: typeof globalThis.fetch
}

/** @throws VisionError `client.invalid_options` */
export function connect({ url = 'http://localhost:3000', ...options }: ClientOptions): Connection {
  // A page may name its own origin, or a path of it; elsewhere there is nothing that a path would be of.
  const { location } = globalThis as { readonly location?: { readonly href: string } }
  const isOfPage = !/^[a-z][a-z\d+.-]*:/i.test(url) && URL.canParse(url, location?.href)
  if (!isOfPage && !/^https?:\/\/[^/]/i.test(url)) {
    throw new VisionError(
      'client.invalid_options',
      `“${url}” is not the address of an API: it must begin with https or http.`,
    )
  }
  // Its value is a secret, which the error of a header would show.
  if (options.key !== undefined && !/^[\x21-\x7e]*$/.test(options.key)) {
    throw new VisionError(
      'client.invalid_options',
      'The key contains a character that no key has: a space, a line break or an invisible one.',
    )
  }
  const api = createClient<paths>({
    baseUrl: url.replace(/\/+$/, ''),
    fetch: createSend(options),
    // A list is sent as a repeated parameter.
    querySerializer: { array: { style: 'form', explode: true } },
  })
  const { fetch = globalThis.fetch } = options
  // A browser's fetch refuses to be called as a method of another object.
  return { api, repeat: createSend(options, () => true), fetch: (input, init) => fetch(input, init) }
}

/** The body of a successful response; failures have been thrown. */
export async function dataOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer
  return data as T
}
