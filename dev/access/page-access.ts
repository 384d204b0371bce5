import type { Http2Bindings, HttpBindings } from '@hono/node-server'

/** The fetch function of an app. */
type Fetch = (request: Request, bindings: Http2Bindings | HttpBindings) => Response | Promise<Response>

const streams = /^\/(?:v1\/(?:jobs\/[^/]+\/)?events|api\/trpc\/visionPipeline\.watchJobs?)$/

/**
 * Lets pages of any origin watch jobs by the link with its ticket: `eventsUrl` belongs to this server, and a page in
 * development comes from another one. The ticket is the only credential, so a page that has it could as well be a program.
 * A deployed function URL does the same for the origins of `DEPLOY_ORIGINS`.
 */
export function withPageAccess(fetch: Fetch): Fetch {
  return async (request, bindings) => {
    const { pathname, searchParams } = new URL(request.url)
    if (!streams.test(pathname) || !searchParams.has('ticket')) return fetch(request, bindings)
    if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: { ...allowed, ...preflight } })
    const response = await fetch(request, bindings)
    for (const [name, value] of Object.entries(allowed)) response.headers.set(name, value)
    return response
  }
}

const allowed = { 'access-control-allow-origin': '*' }
const preflight = {
  'access-control-allow-methods': 'GET',
  // An EventSource does not need it; clients that use fetch do.
  'access-control-allow-headers': 'last-event-id, cache-control',
  'access-control-max-age': '3600',
}
