import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What a server writes to the wire, byte for byte. */
export interface Wire {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** JSON, or text as it is. */
  readonly body?: unknown
  /** Blank lines before the body, so many, as a server sends them that keeps a waiting connection open. */
  readonly blankLines?: number
  /** The connection breaks off before anything is sent, or within the body. */
  readonly cut?: 'before' | 'within'
}

export interface WireServer {
  readonly url: string
  /** From now on every request is answered so. */
  answer(wire: Wire | ((request: { readonly body: string; readonly path: string }) => Wire)): void
  /** The bodies of the requests since the last `answer`, oldest first. */
  readonly requests: readonly string[]
  stop(): Promise<void>
}

const json = 'application/json; charset=UTF-8'

/** A server that answers as it is told, for what no emulator would say. */
export async function startWireServer(): Promise<WireServer> {
  let current: Parameters<WireServer['answer']>[0] = { status: 500 }
  const requests: string[] = []
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    requests.push(body)
    const wire = typeof current === 'function' ? current({ body, path: request.url ?? '' }) : current
    if (wire.cut === 'before') return void response.destroy()
    const text = typeof wire.body === 'string' ? wire.body : wire.body === undefined ? '' : JSON.stringify(wire.body)
    response.writeHead(wire.status ?? 200, { 'content-type': json, ...wire.headers })
    for (let line = 0; line < (wire.blankLines ?? 0); line++) {
      response.write('\n')
      await delay(20)
    }
    if (wire.cut === 'within') response.write(text.slice(0, Math.ceil(text.length / 2)), () => response.destroy())
    else response.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: (wire) => {
      requests.length = 0
      current = wire
    },
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
