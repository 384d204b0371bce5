import type { Hono } from 'hono'
import { serve } from '../http/app.ts'
import { streamRouter } from './jobs/watch.ts'
import type { AppEnv, StreamServices } from './services.ts'

/** The part of the API that streams, for a server that does nothing else. */
export function createStreamApp(services: StreamServices): Hono<AppEnv> {
  return serve(services, streamRouter)
}
