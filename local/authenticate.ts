import type { HttpBindings } from '@hono/node-server'
import type { Actor, Authenticate } from '../core/auth.ts'

/** Who calls without a token from this machine. */
const localUser: Actor = { userId: 'local', scopes: new Set() }

/**
 * Lets a call without a token act as the user `local`, if it comes from a program of this machine or from a page that
 * this server served. A token is checked as ever, and a bad one refused.
 */
export function withLocalUser(authenticate: Authenticate): Authenticate {
  return async (request, bindings) => {
    const anonymous = !request.headers.has('authorization')
    return anonymous && isFromThisMachine(request, bindings) ? localUser : authenticate(request, bindings)
  }
}

const loopbackPeer = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/
const loopbackName = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

function isFromThisMachine({ headers }: Request, bindings: unknown): boolean {
  const { incoming } = bindings as Partial<HttpBindings>
  if (!loopbackPeer.test(incoming?.socket.remoteAddress ?? '')) return false
  // A proxy on this machine hands on the calls of others.
  if (['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => headers.has(name))) return false
  // A page of another site may have pointed its own name at this machine (DNS rebinding): the name gives it away.
  const server = URL.parse(`http://${headers.get('host')}`)
  if (server === null || !loopbackName.test(server.hostname)) return false
  // And a page of another site, or of another port, may just call us: its browser says so.
  const origin = headers.get('origin')
  if (origin !== null && origin !== server.origin) return false
  return ['same-origin', 'none', null].includes(headers.get('sec-fetch-site'))
}
