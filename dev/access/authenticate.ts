import type { HttpBindings } from '@hono/node-server'
import { VisionError } from '../../core/domain/errors.ts'
import { type Actor, type Authenticate, ownScopes } from '../../core/platform/auth.ts'

/** The caller without a token on this machine. */
const localUser: Actor = { userId: 'local', scopes: new Set(ownScopes) }

/**
 * Lets a call without a token act as the user `local`, if it comes from a program of this machine, or from a page that this
 * server or another one on this machine served. A token is checked as ever, and a bad one refused.
 */
export function withLocalUser(authenticate: Authenticate): Authenticate {
  return async (request, bindings) => {
    if (request.headers.has('authorization')) return authenticate(request, bindings)
    const why = strangerBecause(request, bindings)
    if (why === undefined) return localUser
    throw new VisionError('request.unauthenticated', {
      message: `Send a valid bearer token. Without one a call must come from this machine: ${why}.`,
      detail: 'no Authorization header',
    })
  }
}

/** Whether a call may act as the user `local` without a token, and so may be shown that user's key. */
export function isOfThisMachine(request: Request, bindings: unknown): boolean {
  return strangerBecause(request, bindings) === undefined
}

const loopbackPeer = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/
const loopbackName = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/** Why a call cannot be taken for one of this machine, to be read after a colon; undefined if it can. */
function strangerBecause({ headers }: Request, bindings: unknown): string | undefined {
  const { incoming } = bindings as Partial<HttpBindings>
  if (!loopbackPeer.test(incoming?.socket.remoteAddress ?? '')) return 'this one comes from another'
  // A proxy on this machine hands on the calls of others.
  const proxied = proxyHeaders.find((name) => headers.has(name))
  if (proxied !== undefined) return `this one was passed on by a proxy (${proxied})`
  // A page of another site may have pointed its own name at this machine (DNS rebinding): the name gives it away. So it does
  // where a proxy keeps the name that it was called by.
  const server = URL.parse(`http://${headers.get('host')}`)
  if (server === null || !loopbackName.test(server.hostname)) return 'its Host is not localhost'
  const referrer = headers.get('referer')
  if (referrer !== null && !isLoopback(URL.parse(referrer))) return 'its page (Referer) does not'
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') {
    return 'its page is of another origin; let the page’s development server pass the calls on'
  }
  const origin = headers.get('origin')
  if (origin === null || origin === server.origin) return undefined
  if (!isLoopback(URL.parse(origin))) return 'its page (Origin) does not'
  // A development server has passed on what its own page sent, and has put our name into Host: the browser says that the page
  // called its own server, and no page can say that in its place.
  return site === 'same-origin'
    ? undefined
    : 'its page is of another port, and the browser does not say that it called its own'
}

function isLoopback(url: URL | null): boolean {
  return url !== null && /^https?:$/.test(url.protocol) && loopbackName.test(url.hostname)
}
