import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LocalStack } from './local-stack.ts'

/** A development server of pages that call the API. */
export interface PageServer {
  readonly url: string
  stop(): void
}

/** Serves files, and passes /v1 on as Vite's development server does with `proxy: { '/v1': '…' }`: under the API's own Host. */
export async function startPageServer(
  stack: LocalStack,
  fileAt: (path: string) => Promise<{ readonly type: string; readonly body: string | Buffer }>,
): Promise<PageServer> {
  const server = createServer(async (incoming, response) => {
    if (!incoming.url?.startsWith('/v1')) {
      const { type, body } = await fileAt(incoming.url ?? '/')
      response.setHeader('content-type', type).end(body)
      return
    }
    const headers = { ...incoming.headers, host: new URL(stack.url).host }
    const passed = request(stack.url + incoming.url, { method: incoming.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
