import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { AppEnv } from './context.ts'

/**
 * Refuses requests with larger bodies. Where a header says the length, that is all it reads: Hono's own begins with the body,
 * for which an adapter has to make what it otherwise leaves out. The body of a GET is never read.
 *
 * @param maxSize in bytes
 */
export function limitBody(
  maxSize: number,
  onError: Parameters<typeof bodyLimit>[0]['onError'] & {},
): MiddlewareHandler<AppEnv> {
  const limit = bodyLimit({ maxSize, onError })
  return async (call, next) => {
    const { method, headers } = call.req.raw
    if (method === 'GET' || method === 'HEAD') return next()
    const length = headers.get('content-length')
    if (length === null || headers.has('transfer-encoding')) return limit(call, next)
    return Number(length) > maxSize ? onError(call) : next()
  }
}
