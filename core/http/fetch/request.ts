import { isLightBody, LightBody, type LightBodyInit } from './body.ts'
import { LightHeaders } from './headers.ts'

const understood = ['method', 'headers', 'body', 'signal', 'duplex']
/** Methods that the standard puts into upper case; others are left as they are. */
const known = /^(delete|get|head|options|post|put)$/i

/** `Request` of the Fetch standard, as far as a server reads one (see `install.ts`). */
export class LightRequest extends LightBody {
  readonly method: string
  readonly url: string
  readonly headers: LightHeaders
  #signal: AbortSignal | undefined

  /** Whether the constructor knows all of what a request is made of. */
  static understands(input: unknown, init: Readonly<Record<string, unknown>> = {}): boolean {
    const isKnown = typeof input === 'string' || input instanceof URL || input instanceof LightRequest
    return isKnown && Object.keys(init).every((key) => understood.includes(key)) && isLightBody(init.body)
  }

  /** @throws TypeError for what the standard refuses: no URL, a GET with a body, a body that was read before */
  constructor(input: string | URL | LightRequest, init: RequestInit = {}) {
    const from = input instanceof LightRequest ? input : undefined
    const method = init.method ?? from?.method ?? 'GET'
    const given = init.body ?? undefined
    if (given !== undefined && /^(get|head)$/i.test(method)) throw new TypeError(`A request of ${method} has no body`)
    super((given as LightBodyInit) ?? from?.take())
    this.method = known.test(method) ? method.toUpperCase() : method
    this.url = from?.url ?? new URL(input as string | URL).href
    this.headers = new LightHeaders(init.headers ?? (from?.headers as never))
    this.#signal = init.signal ?? from?.signal
    if (typeof given === 'string' && !this.headers.has('content-type')) {
      this.headers.set('content-type', 'text/plain;charset=UTF-8')
    }
  }

  get signal(): AbortSignal {
    this.#signal ??= new AbortController().signal
    return this.#signal
  }

  clone(): LightRequest {
    const { url, method, headers, signal } = this
    return new LightRequest(url, { method, headers, signal, body: this.share() } as never)
  }
}
