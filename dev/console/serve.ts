import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Http2Bindings, HttpBindings } from '@hono/node-server'
import { reasonOf } from '../../core/domain/errors.ts'
import { pageHeaders } from '../../core/http/pages/page.ts'
import { type ConsoleConfig, signInOf, signInOrigins } from '../../core/platform/config/console.ts'
import { consolePath, consolePolicy } from '../../core/platform/config/console-policy.ts'
import { withSignIn } from './sign-in.ts'

/** The fetch function of an app. */
type Fetch = (request: Request, bindings: Http2Bindings | HttpBindings) => Response | Promise<Response>

export interface ConsoleOptions {
  /** The folder of its files as they are now: asked for with each page, so that a change of its sources shows on the next. */
  readonly folder: () => Promise<string>
  /** The origins beside its own that its pages load images from, upload to, or stream from. */
  readonly origins: () => readonly string[]
  /** How its reader signs in. */
  readonly config: ConsoleConfig
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
}

/** Serves the console under `/console/`, and leads browsers there that ask for `/`. */
export function withConsole(fetch: Fetch, { folder, origins, config }: ConsoleOptions): Fetch {
  let last: string | undefined
  return async (request, bindings) => {
    const { pathname } = new URL(request.url)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (pathname === '/' && isRead && /\btext\/html\b/.test(request.headers.get('accept') ?? '')) {
      return redirect(consolePath)
    }
    if (pathname === consolePath.slice(0, -1)) return redirect(consolePath)
    if (!pathname.startsWith(consolePath) || !isRead) return fetch(request, bindings)
    try {
      const [, file] = /^\/console\/((?:assets\/)?[\w.-]+\.(?:css|js|png|svg))$/.exec(pathname) ?? []
      if (file === undefined || last === undefined) last = await folder()
      const content = await readFile(join(last, file ?? 'index.html'))
      return file === undefined
        ? page(withSignIn(content.toString(), signInOf(config)), consolePolicy(origins(), signInOrigins(config)))
        : asset(file, content)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return text(404, 'The console has no such file.')
      return text(500, `The console could not be built: ${reasonOf(error)}`)
    }
  }
}

function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location, vary: 'accept' } })
}

/** Any path that names no file is a page: the one program shows them all. */
function page(html: string, policy: string): Response {
  const headers = {
    ...pageHeaders,
    'content-security-policy': policy,
    'content-type': 'text/html; charset=utf-8',
  }
  return new Response(html, { headers })
}

/** Its name has a hash of what it holds. */
function asset(name: string, content: Uint8Array<ArrayBuffer>): Response {
  const cache = name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
  const type = types[extname(name)] ?? 'application/octet-stream'
  return new Response(content, {
    headers: { 'content-type': type, 'cache-control': cache, 'x-content-type-options': 'nosniff' },
  })
}

function text(status: number, message: string): Response {
  return new Response(`${message}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })
}
