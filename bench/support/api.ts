import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { signToken } from '../../core/platform/auth.ts'
import { apiSettings, secret } from './api-settings.ts'

/** How a call ended, and after how many milliseconds. */
export interface Answer {
  readonly status: number
  readonly ms: number
}

/** The API function in a process of its own, as on Lambda, except that it serves many calls at once. */
export interface Api {
  /** @param user whose token goes along; nobody's if left out */
  call(pathAndQuery: string, user?: string): Promise<Answer>
  stop(): Promise<void>
}

const api = fileURLToPath(new URL('../../functions/api.ts', import.meta.url))

/** @param connections how many connections the function has to the database */
export async function startApi(databaseUrl: string, connections: number): Promise<Api> {
  const script = `
    import { createInterface } from 'node:readline'
    const { handler } = await import(${JSON.stringify(api)})
    createInterface({ input: process.stdin }).on('line', async (line) => {
      const { id, event } = JSON.parse(line)
      const { statusCode } = await handler(event)
      process.stderr.write(JSON.stringify({ id, status: statusCode }) + '\\n')
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: {
      ...apiSettings(databaseUrl, connections),
      LOG_LEVEL: 'error',
    },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const waiting = new Map<number, (status: number) => void>()
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{"id"')) return console.error(line)
    const { id, status } = JSON.parse(line)
    waiting.get(id)?.(status)
    waiting.delete(id)
  })
  let calls = 0
  return {
    call: async (pathAndQuery, user) => {
      const [rawPath = '', rawQueryString = ''] = pathAndQuery.split('?')
      const id = ++calls
      const token = user && (await signToken(secret, { userId: user, scopes: [], lifeSeconds: 600, now: Date.now() }))
      const event = {
        version: '2.0',
        rawPath,
        rawQueryString,
        headers: { host: 'api.example', ...(token && { authorization: `Bearer ${token}` }) },
        requestContext: {
          stage: '$default',
          apiId: 'a',
          domainPrefix: 'a',
          domainName: 'api.example',
          http: { method: 'GET', path: rawPath, sourceIp: '127.0.0.1' },
        },
        isBase64Encoded: false,
      }
      const { promise, resolve } = Promise.withResolvers<number>()
      waiting.set(id, resolve)
      const began = performance.now()
      child.stdin.write(`${JSON.stringify({ id, event })}\n`)
      return { status: await promise, ms: performance.now() - began }
    },
    stop: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}
