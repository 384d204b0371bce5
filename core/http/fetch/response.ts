import { isLightBody, LightBody, type LightBodyInit } from './body.ts'
import { LightHeaders } from './headers.ts'

const bodyless = [204, 205, 304]
const redirects = [301, 302, 303, 307, 308]

/** `Response` of the Fetch standard, as far as a server makes one (see `install.ts`). */
export class LightResponse extends LightBody {
  readonly status: number
  readonly statusText: string
  readonly headers: LightHeaders
  readonly type = 'default'
  readonly url = ''
  readonly redirected = false

  /** Whether the constructor knows what a response is made of. */
  static understands(body: unknown): boolean {
    return isLightBody(body)
  }

  static error(): LightResponse {
    throw new TypeError('A server has no response of a network that failed')
  }

  static json(data: unknown, init: ResponseInit = {}): LightResponse {
    const text = JSON.stringify(data)
    if (text === undefined) throw new TypeError('The value is not JSON')
    const headers = new LightHeaders(init.headers)
    if (!headers.has('content-type')) headers.set('content-type', 'application/json')
    return new LightResponse(text, { ...init, headers: headers as never })
  }

  static redirect(url: string | URL, status = 302): LightResponse {
    if (!redirects.includes(status)) throw new RangeError(`${status} is not the status of a redirect`)
    return new LightResponse(null, { status, headers: { location: new URL(url).href } })
  }

  /** @throws RangeError for a status that no response has; TypeError for a body where the status has none */
  constructor(body?: LightBodyInit, init: ResponseInit = {}) {
    const { status = 200, statusText = '' } = init
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError(`The status of a response is 200 to 599, and not ${status}`)
    }
    const hasBody = body !== undefined && body !== null
    if (hasBody && bodyless.includes(status)) throw new TypeError(`A response of ${status} has no body`)
    super(body)
    this.status = status
    this.statusText = statusText
    this.headers = new LightHeaders(init.headers)
    if (typeof body === 'string' && !this.headers.has('content-type')) {
      this.headers.set('content-type', 'text/plain;charset=UTF-8')
    }
  }

  get ok(): boolean {
    return this.status < 300
  }

  clone(): LightResponse {
    return new LightResponse(this.share(), this as never)
  }
}
