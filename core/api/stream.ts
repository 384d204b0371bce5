import type { Hono } from 'hono'
import { serve } from './serve.ts'
import type { AppEnv, StreamServices } from './services.ts'
import { streamRouter } from './watch.ts'

/** The part of the API that streams, for a server that does nothing else. */
export function createStreamApp(services: StreamServices): Hono<AppEnv> {
  return serve(services, streamRouter)
}
